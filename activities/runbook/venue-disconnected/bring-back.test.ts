import { describe, expect, it, vi } from 'vitest';
import { OUTAGE } from '../../../core/outage/rules.js';
import type { OutageFacts } from '../../../core/outage/steady.js';
import type { OutageStore, ResumeResult } from '../../ports/outage.js';
import type { Venue } from '../../ports/venue.js';
import { isWorkerStopping } from '../../worker-stops.js';
import { createBringBack } from './bring-back.js';

const FACTS: OutageFacts = {
  ...{
    outageId: 'o',
    account: 'main',
    now: 1_000_000,
    beganTime: 0,
    overTime: 900_000,
    answeredTime: 900_000,
    tries: 3,
    resumedTime: null,
  },
  ...{ partTime: 999_000, mode: 'paused', halt: null, cleanTime: 1, holdTime: 800_000, differences: null, givenUp: null },
  ...{ watch: { sampleAgeMs: 0, isEquityKnown: true, standing: [] } },
};

interface Given {
  readonly facts?: OutageFacts;
  readonly answers?: boolean;
  readonly resume?: ResumeResult;
}
/** A run at a venue that answers or does not, with the ledger's facts as the test has them. */
function opened({ facts = FACTS, answers = true, resume = 'resumed' }: Given = {}) {
  const world = { facts, answers, resume, paused: [] as number[], tries: [] as boolean[], pages: [] as string[], compared: 0 };
  const stopping = new AbortController();
  const outages: OutageStore = {
    read: () => Promise.resolve(world.facts),
    freeze: () => Promise.resolve(),
    noteTry: (_, { hasAnswered }) => Promise.resolve(void world.tries.push(hasAnswered)),
    page: (_, about) => Promise.resolve(void world.pages.push(about)),
    resume: () => Promise.resolve(world.resume),
    report: () => Promise.resolve(),
  };
  const clock = (): Promise<{ skewMs: number }> => (world.answers ? Promise.resolve({ skewMs: 1 }) : Promise.reject(new Error('down')));
  const onPause = vi.fn<() => void>();
  const bringBack = createBringBack({
    outages,
    venueOf: () => ({ reader: { clock } }) as unknown as Venue,
    reconciliations: {
      start: () => {
        world.compared += 1;
        // Temporal is away now and then: the comparison of the next minute does as well.
        return world.compared === 1 ? Promise.reject(new Error('away')) : Promise.resolve();
      },
    },
    rulesOf: () => OUTAGE,
    liftsOf: () => [],
    pause: (ms) => {
      world.paused.push(ms);
      world.facts = { ...world.facts, now: world.facts.now + ms };
      onPause();
      return Promise.resolve();
    },
    stopping: stopping.signal,
  });
  return { world, bringBack, stopping, onPause };
}

it('asks again and again, later and later, and each time is written down', async () => {
  const { world, bringBack, onPause } = opened({ facts: { ...FACTS, answeredTime: null, overTime: null }, answers: false });
  onPause.mockImplementation(() => {
    if (world.paused.length === 6) world.answers = true;
  });
  await bringBack.reconnect('r');
  expect(world.paused).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000]);
  expect(world.tries).toEqual([false, false, false, false, false, false, true]);
  expect(world.pages).toEqual([]);
});

it('pages and fails when the venue stays away for too long, by the database’s clock, whoever began to ask', async () => {
  const { world, bringBack } = opened({
    facts: { ...FACTS, answeredTime: null, partTime: FACTS.now - OUTAGE.reconnectForMs },
    answers: false,
  });
  await expect(bringBack.reconnect('r')).rejects.toThrow('it has not answered 3 tries: down');
  expect(world.pages).toHaveLength(1);
});

describe('where the machine has slept for longer than anybody asks', () => {
  const away = { ...FACTS, answeredTime: null, partTime: FACTS.now };
  const slept = (facts: OutageFacts): OutageFacts => ({ ...facts, now: facts.now + 2 * OUTAGE.reconnectForMs });

  it('the asking begins anew', async () => {
    const { world, bringBack, onPause } = opened({ facts: away, answers: false });
    onPause.mockImplementation(() => {
      if (world.paused.length === 3) world.facts = slept(world.facts);
    });
    await expect(bringBack.reconnect('r')).rejects.toThrow('it has not answered');
    expect(world.pages).toHaveLength(1);
    expect(world.paused.slice(3).reduce((sum, ms) => sum + ms)).toBeGreaterThanOrEqual(OUTAGE.reconnectForMs);
  });

  it('another who takes it up asks for a minute', async () => {
    const { world, bringBack, onPause } = opened({ facts: slept(away), answers: false });
    onPause.mockImplementation(() => {
      world.answers = world.paused.length === 4;
    });
    await bringBack.reconnect('r');
    expect(world.pages).toEqual([]);
  });

  it('what one has begun and was broken off goes on with what it has waited', async () => {
    const { world, bringBack, onPause } = opened({ facts: away, answers: false });
    let isBrokenOff = false;
    onPause.mockImplementation(() => {
      if (isBrokenOff || world.paused.length < 3) return;
      isBrokenOff = true;
      world.facts = slept(world.facts);
      throw new Error('broken off');
    });
    await expect(bringBack.reconnect('r')).rejects.toThrow('broken off');
    onPause.mockImplementation(() => {
      world.answers = world.paused.length === 12;
    });
    await bringBack.reconnect('r');
    expect(world.pages).toEqual([]);
  });
});

it('waits for its return when it is lost again in a later step', async () => {
  const { world, bringBack, onPause } = opened({ facts: { ...FACTS, overTime: null, answeredTime: null }, answers: false });
  onPause.mockImplementation(() => {
    world.answers = world.paused.length >= 2;
    if (world.paused.length === 4) world.facts = { ...world.facts, overTime: world.facts.now, answeredTime: world.facts.now };
    if (world.paused.length === 5) world.facts = { ...world.facts, cleanTime: world.facts.now + 1 };
  });
  await bringBack.compare('r');
  expect(world.tries).toEqual([false, false, true, true]);
  expect(world.compared).toBe(1);
});

it('hands what waits for a person to one at once, and asks for comparisons now and then', async () => {
  const { world, bringBack, onPause } = opened();
  onPause.mockImplementation(() => {
    if (world.facts.now > FACTS.now + 2 * OUTAGE.compareAgainMs) world.facts = { ...world.facts, differences: '7 (orphanOrder x)' };
  });
  await expect(bringBack.compare('r')).rejects.toThrow('7 (orphanOrder x)');
  expect(world.compared).toBe(3);
  expect(world.pages).toHaveLength(1);
});

it.each<[ResumeResult, string | null]>([
  ['resumed', null],
  ['going', null],
  ['personsPause', null],
  ['givenUp', null],
  ['halted', 'when it has ended a person resumes'],
  ['before', 'paused before its venue was lost'],
  ['differences', 'a person resumes it'],
  ['repeated', 'twice within 10 min'],
  ['notSteady', 'it is not steady'],
  ['notReconciled', 'no reconciliation'],
])('a resume that answers %s', async (resume, expected) => {
  const { bringBack } = opened({ resume });
  const said = await bringBack.resume('r').then(
    () => 'done',
    (error: unknown) => String(error),
  );
  expect(said).toContain(expected ?? 'done');
});

it('is handed over when its worker stops', async () => {
  const { bringBack, stopping, onPause } = opened({ facts: { ...FACTS, answeredTime: null }, answers: false });
  onPause.mockImplementation(() => stopping.abort());
  await expect(bringBack.reconnect('r')).rejects.toSatisfy(isWorkerStopping);
});

it.each(['reconnect', 'settle', 'compare', 'resume'] as const)(
  '%s ends as soon as a person has given the run up, and calls nobody',
  async (part) => {
    const { world, bringBack, onPause } = opened({
      facts: { ...FACTS, answeredTime: null, overTime: null, cleanTime: null },
      answers: false,
      resume: 'notSteady',
    });
    onPause.mockImplementation(() => {
      if (world.paused.length === 2) world.facts = { ...world.facts, givenUp: { subject: 'olga', reason: 'enough' } };
    });
    await expect(bringBack[part]('r')).rejects.toThrow('given up by olga: enough');
    expect(world.paused).toHaveLength(2);
    expect(world.pages).toEqual([]);
  },
);

it.each(['reconnect', 'settle', 'compare', 'resume'] as const)(
  '%s ends as soon as its part is over: it asks nobody any more, and calls nobody',
  async (part) => {
    const { world, bringBack, onPause } = opened({
      facts: { ...FACTS, answeredTime: null, overTime: null, cleanTime: null },
      answers: false,
      resume: 'notSteady',
    });
    const over = new AbortController();
    onPause.mockImplementation(() => {
      if (world.paused.length === 2) over.abort(new Error('it was not done in time'));
      if (world.paused.length > 9) throw new Error('it goes on');
    });
    await expect(bringBack[part]('r', over.signal)).rejects.toThrow('it was not done in time');
    expect([world.paused.length, world.tries.length, world.pages]).toEqual([2, 2, []]);
  },
);
