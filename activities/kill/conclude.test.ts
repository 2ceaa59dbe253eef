import { describe, expect, it } from 'vitest';
import type { Events } from '../ports/store.js';
import { createKillConclude, createKillEscalate } from './conclude.js';
import type { KillDependencies } from './dependencies.js';
import { createKillActivities } from './index.js';

const FINDING = { unverified: [], dust: [], kept: [] };
const LATCH = { latchId: 'l-1', policy: 'none', engagedTime: 0 };
const LAST = { path: '/e/last.json', sha256: 'of the last', latchIds: ['l-0', 'l-1'] };
const AFTER = { equity: '100', sampledTime: 5 };

/** What the account watch has told by each look, the last one for ever after. */
async function concluded(
  looks: readonly { readonly after: object | null; readonly isWatched: boolean; readonly isOver?: boolean }[],
  {
    policy = LATCH.policy,
    count = 0,
    lastTime = 0,
    before = undefined as number | undefined,
    last = undefined as readonly string[] | undefined,
    directs = [] as object[],
  } = {},
) {
  let now = 1_000;
  let asked = 0;
  const opened: object[] = [];
  const written: string[] = [];
  const dependencies = {
    kills: {
      readKill: async () => ({ latches: [{ ...LATCH, policy }], sold: [{ count, lastTime }], risk: { account: 'main' } }),
      writtenBefore: async (key: string) =>
        before !== undefined && key === 'halt:main:l-1'
          ? { file: { path: '/e/before.json', sha256: 'of before' }, time: before }
          : undefined,
      writtenLast: async () => last && { file: LAST, of: last },
      evidence: async () => {
        const { isOver = false, ...equity } = looks[Math.min((asked += 1), looks.length) - 1] ?? { after: null, isWatched: false };
        return { latches: isOver ? [] : [LATCH], fills: [], equity };
      },
    },
    store: { openIncident: async ({ incidents = [] }: Events) => void opened.push(...incidents) },
    files: {
      write: async (_: string, content: string) => (written.push(content), { path: '/e/halt.json', sha256: 'hash' }),
      readDirect: async () => directs,
    },
    clock: () => now,
    pause: async (ms: number) => void (now += ms),
  } as unknown as KillDependencies;
  const file = await createKillConclude(dependencies)('main', FINDING);
  return { file, written, asked, waitedMs: now - 1_000, opened, content: JSON.parse(written[0] ?? '{}') as { equity: object } };
}

describe('the evidence of a halt', () => {
  it('waits for equity of after the last sale, where somebody reads it', async () => {
    const waiting = { after: null, isWatched: true };
    const { asked, content } = await concluded([waiting, waiting, { after: AFTER, isWatched: true }]);
    expect(asked).toBe(3);
    expect(content.equity).toMatchObject({ after: AFTER });
  });

  it('waits for nobody who does not, and not for ever: then it says that there is none', async () => {
    expect(await concluded([{ after: null, isWatched: false }])).toMatchObject({
      asked: 1,
      waitedMs: 0,
      content: { equity: { after: null } },
    });
    const { waitedMs, content } = await concluded([{ after: null, isWatched: true }]);
    expect(waitedMs).toBe(5_000);
    expect(content.equity).toMatchObject({ after: null });
  });

  it('is of what stood, where two people end the halt while it waits', async () => {
    const { content } = await concluded([
      { after: null, isWatched: true },
      { after: AFTER, isWatched: true, isOver: true },
    ]);
    expect(content).toMatchObject({ latches: [LATCH], equity: { after: null } });
  });

  it('names the halts that it is of, to whoever lists them and in the incident', async () => {
    const { file, opened } = await concluded([{ after: AFTER, isWatched: true }]);
    expect(file).toEqual({ path: '/e/halt.json', sha256: 'hash', latchIds: ['l-1'], of: ['l-1:none'] });
    expect(opened).toMatchObject([{ kind: 'halt', data: { latchIds: ['l-1'], evidence: { path: '/e/halt.json' } } }]);
  });

  it('is told of anew where the halt was made stricter, or has sold more since; and else once', async () => {
    const seen = [{ after: AFTER, isWatched: true }];
    const of = async (what: { policy?: string; count?: number }) => {
      const { opened } = await concluded(seen, what);
      return (opened as { key: string }[]).map(({ key }) => key).join();
    };
    const told = [
      await of({}),
      await of({}),
      await of({ count: 3 }),
      await of({ policy: 'atOnce' }),
      await of({ policy: 'atOnce', count: 3 }),
    ];
    expect(new Set(told).size).toBe(3);
    expect(told[1]).toBe(told[0]);
    expect(told[2]).toBe(told[0]);
  });

  it('is the one of several halts for what is left of them, unless it says less', async () => {
    const seen = [{ after: AFTER, isWatched: true }];
    const sale = { policy: 'atOnce', count: 3, directs: [{ name: 'direct' }] };
    const told = ['l-0:none', 'l-1:atOnce', 'sold 3', 'direct'];
    expect(await concluded(seen, { ...sale, last: told })).toMatchObject({ file: LAST, written: [], opened: [] });
    // What has sold was another, which has ended.
    expect(await concluded(seen, { count: 3, last: ['l-0:atOnce', 'l-1:none', 'sold 3'] })).toMatchObject({ file: LAST, opened: [] });
    for (const missing of told.slice(1)) {
      const { file, opened } = await concluded(seen, { ...sale, last: told.filter((one) => one !== missing) });
      expect([file, opened.length]).toEqual([
        { path: '/e/halt.json', sha256: 'hash', latchIds: ['l-1'], of: ['l-1:atOnce', 'sold 3', 'direct'] },
        1,
      ]);
    }
  });

  it('of a build before 0.6.0 is neither written nor told of once more, unless something was sold after it', async () => {
    const seen = [{ after: AFTER, isWatched: true }];
    const sale = { policy: 'atOnce', count: 1, lastTime: 999 };
    expect(await concluded(seen, { ...sale, before: 1_000 })).toMatchObject({
      file: { path: '/e/before.json', sha256: 'of before', latchIds: ['l-1'] },
      written: [],
      opened: [],
    });
    for (const other of [{ before: 999 }, { before: 1_000, directs: [{ name: 'direct' }] }, {}]) {
      const { file, opened } = await concluded(seen, { ...sale, ...other });
      expect([file.path, opened.length]).toEqual(['/e/halt.json', 1]);
    }
  });

  it('is written anew where something is sold after it', async () => {
    const of = async (count: number, policy: string) => {
      const seen = { latches: [{ ...LATCH, policy }], sold: [{ count }], risk: { databaseTime: 1 } };
      const kills = { readKill: async () => seen, touchKill: async () => undefined };
      const files = { readDirect: async () => [{ name: 'direct' }] };
      const given = { kills, files, venueOf: () => undefined } as unknown as KillDependencies;
      return (await createKillActivities(given, async () => true).killLatches('main')).directs;
    };
    expect([await of(0, 'atOnce'), await of(1, 'atOnce'), await of(2, 'atOnce'), await of(2, 'none')]).toEqual([
      ['direct'],
      ['direct', 'sold 1'],
      ['direct', 'sold 2'],
      ['direct'],
    ]);
  });
});

describe('a halt that is not verified', () => {
  it('is told of anew when it was verified meanwhile, and once for each time that it is said', async () => {
    const keys = new Set<string>();
    const escalate = createKillEscalate({
      kills: { readKill: async () => ({ latches: [LATCH] }) },
      store: { openIncident: async ({ incidents = [] }: Events) => incidents.forEach(({ key }) => keys.add(key)) },
    } as unknown as KillDependencies);
    for (const since of [1_000, 1_000, 9_000]) await escalate('main', 1, { unverified: [], since });
    expect(keys.size).toBe(2);
    await escalate('main', 2, { unverified: [], since: 9_000 });
    expect(keys.size).toBe(3);
  });
});
