import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EpisodeSight, OrderStore } from '../../activities/ports/store.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createOrderStore } from './order-store.js';

describe('what lasts', () => {
  let database: TestDatabase;
  let store: OrderStore;
  let account: string;

  beforeAll(async () => {
    database = await testDatabase();
    store = createOrderStore(database.pool);
  });
  afterAll(async () => {
    await database?.drop();
  });
  beforeEach(() => {
    account = `a-${randomUUID().slice(0, 8)}`;
  });

  const lasts = (...subjects: string[]): EpisodeSight['seen'] => subjects.map((subject) => ({ subject, data: { what: subject } }));
  const see = (sight: Partial<EpisodeSight>): Promise<void> =>
    store.tellEpisodes({ account, kind: 'instrumentNotListed', seen: [], over: [], quietMs: 0, ...sight });
  const rows = async <Row extends object>(text: string): Promise<Row[]> => (await database.pool.query<Row>(text, [account])).rows;
  /** What people were told, in order, and whether it is open. */
  const told = async (): Promise<string[]> =>
    (
      await rows<{ data: object; open: boolean }>(
        'select data, closed_at is null as open from incidents where account = $1 order by incident_id',
      )
    ).map(({ data, open }) => `${JSON.stringify(data)}${open ? '' : ' closed'}`);
  const ends = async (): Promise<number> => (await rows(`select 1 from alerts where account = $1 and kind = 'incident.over'`)).length;
  const ago = (ms: number): Promise<unknown> =>
    database.pool.query(`update episodes set seen_at = seen_at - $2 * interval '1 ms' where account = $1`, [account, ms]);

  it('is told once when it begins, once when it is over, and its next time again', async () => {
    await Promise.all([see({ seen: lasts('A') }), see({ seen: lasts('A') })]);
    await see({ seen: lasts('A', 'B') });
    expect(await told()).toEqual(['{"what":"A"}', '{"what":"B"}']);
    await see({ seen: lasts('B'), over: ['A'] });
    await see({ over: ['A', 'C'] });
    expect(await told()).toEqual(['{"what":"A"} closed', '{"what":"B"}']);
    expect(await ends()).toBe(1);
    await see({ seen: lasts('A') });
    expect(await told()).toEqual(['{"what":"A"} closed', '{"what":"B"}', '{"what":"A"}']);
    expect(await rows(`select data->>'reason' as reason from audit_events where account = $1 and kind = 'incident.closed'`)).toEqual([
      { reason: 'it is over' },
    ]);
  });

  it('whose incident a person has closed goes on: it is not told anew before it was over, and then of its end', async () => {
    await see({ seen: lasts('A') });
    await database.pool.query('update incidents set closed_at = clock_timestamp() where account = $1', [account]);
    await see({ seen: lasts('A') });
    expect(await told()).toEqual(['{"what":"A"} closed']);
    await see({ over: ['A'] });
    expect([await told(), await ends()]).toEqual([['{"what":"A"} closed'], 1]);
    await see({ seen: lasts('A') });
    expect(await told()).toEqual(['{"what":"A"} closed', '{"what":"A"}']);
  });

  it('and begins together is one incident, which is over with the last of it', async () => {
    const sight = { kind: 'lookUpsFail', listedAs: 'orders' };
    await see({ ...sight, seen: lasts('A', 'B') });
    await see({ ...sight, seen: lasts('B', 'A', 'C') });
    expect(await told()).toEqual(['{"orders":[{"what":"A"},{"what":"B"}]}', '{"orders":[{"what":"C"}]}']);
    await see({ ...sight, allOverBut: ['B', 'C'] });
    expect(await ends()).toBe(0);
    await see({ ...sight, allOverBut: ['C', 'D'] });
    expect(await told()).toEqual(['{"orders":[{"what":"A"},{"what":"B"}]} closed', '{"orders":[{"what":"C"}]}']);
    expect(await ends()).toBe(1);
  });

  it('is not over for as long as somebody sees it', async () => {
    await see({ seen: lasts('A') });
    await see({ over: ['A'], quietMs: 15_000 });
    expect(await told()).toEqual(['{"what":"A"}']);
    await ago(16_000);
    await see({ over: ['A'], quietMs: 15_000 });
    expect(await told()).toEqual(['{"what":"A"} closed']);
  });

  it('is an account’s and a kind’s own', async () => {
    await see({ seen: lasts('A') });
    await see({ kind: 'lookUpsFail', allOverBut: [] });
    await store.tellEpisodes({ account: 'another', kind: 'instrumentNotListed', seen: [], over: ['A'], quietMs: 0 });
    expect(await told()).toEqual(['{"what":"A"}']);
  });
});
