import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLook, type Looked } from '../../activities/reconcile/look.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';

const OTHER = 'other';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe('two accounts whose venues give the same numbers and names', () => {
  let bench: BenchAccount;
  beforeAll(async () => {
    bench = await openBenchAccount();
    await bench.damage(
      `insert into accounts (account, venue, onboarded_at) select $1, venue, onboarded_at from accounts where account = $2`,
      [OTHER, ACCOUNT],
    );
    await bench.damage('insert into control (account) values ($1)', [OTHER]);
    await bench.damage(`insert into risk_state (account, limits) values ($1, '{}')`, [OTHER]);
    await bench.damage('insert into inventory (account, asset, quantity) select $1, asset, quantity from inventory where account = $2', [
      OTHER,
      ACCOUNT,
    ]);
  });
  afterAll(() => bench?.close());

  it('are not taken for each other: what is one’s own is by another hand in the other', async () => {
    await bench.buy();
    const { runs } = bench.dependencies;
    // The other's venue shows what this one's does, under the same trade, order and client ids.
    const running = async (account: string): ReturnType<typeof runs.running> => (account === ACCOUNT ? runs.running(account) : []);
    const look = createLook({ ...bench.dependencies, venueOf: () => bench.stack.venue, runs: { ...runs, running } });
    const at = (account: string): Promise<Looked> => look({ runId: randomUUID(), account, scope: 'minute' }, true);
    const found = async (): Promise<readonly object[]> => {
      const { rows } = await bench.stack.pool.query<object>(
        `select account, class, status from reconciliation_differences order by account, class, difference_id`,
      );
      return rows;
    };
    expect(await at(ACCOUNT)).toMatchObject({ result: 'clean' });
    expect(await at(OTHER)).toMatchObject({ result: 'differences' });
    const told = await found();
    // The purchase, and the stop that rests.
    expect(told).toEqual(Array(2).fill({ account: OTHER, class: 'orphanOrder', status: 'open' }));
    expect(await at(ACCOUNT)).toMatchObject({ result: 'clean' });
    expect(await bench.mode()).toBe('normal');

    // Booked for the other, the fill of the same number is in both ledgers, and each is its own.
    const { rows } = await bench.stack.pool.query<{ id: string; has: number }>(
      `select difference_id::text as id, jsonb_array_length(evidence->'venue'->'fills') as has from reconciliation_differences order by difference_id`,
    );
    for (const { id, has } of rows) expect(await bench.decide(id, has > 0 ? 'book' : 'reject')).toEqual({ result: 'done' });
    const fills = await bench.stack.pool.query(
      `select array_agg(account order by account) as of, array_agg(origin order by account) as origin from fills group by venue_trade_id`,
    );
    expect(fills.rows).toEqual([{ of: [ACCOUNT, OTHER], origin: ['ours', 'foreign'] }]);
    for (const account of [OTHER, ACCOUNT]) expect(await at(account)).toMatchObject({ result: 'clean' });
  });
});
