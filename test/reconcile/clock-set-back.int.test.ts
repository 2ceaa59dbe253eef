import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import { createReconcileActivities } from '../../activities/reconcile/index.js';
import { createClearanceStore } from '../../adapters/store/clearance-store.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { VENUE_ACCOUNT } from '../support/paper-account.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

/** What a clock that was ten minutes ahead has left. */
const AHEAD = `clock_timestamp() + interval '10 minutes'`;
const LONG_AGO = `clock_timestamp() - interval '4 hours'`;

describe('a clock of the database’s that was ahead, and is set back', () => {
  let bench: BenchAccount;
  beforeEach(async () => {
    bench = await openBenchAccount(['balanceMovement']);
    await bench.cycle();
  });
  afterEach(() => bench?.close());

  const held = (since: string, was: string): Promise<void> =>
    bench.damage(
      `update control set mode = 'paused', reconciliation_hold = jsonb_build_object('since', ${since}, 'first', ${since}, 'was', '${was}',
         'classes', '["balanceMovement"]'::jsonb)`,
    );
  const times = (clean: string, compared: string): Promise<void> =>
    bench.damage(`update reconciliations set last_clean_at = ${clean}, last_compared_at = ${compared}`);
  /** Nothing that goes on until a comparison is over: only what begins one. */
  const beginsOnly = async (): Promise<unknown> =>
    (
      await bench.stack.pool.query<{ answer: { result: string } }>('select begin_reconciliation_look($1::jsonb) as answer', [
        { runId: randomUUID(), account: ACCOUNT, scope: 'minute', owner: randomUUID(), forMs: 60_000, epoch: 1 },
      ])
    ).rows[0]?.answer.result;
  const row = async (): Promise<unknown> =>
    (await bench.stack.pool.query('select last_clean_at as clean, last_compared_at as compared from reconciliations')).rows[0];

  it('a comparison of a time to come lets no account go on, and no process trust its ledger', async () => {
    await held(LONG_AGO, 'paused');
    await times(AHEAD, AHEAD);
    expect(await bench.resume()).toMatchObject({ result: 'notReconciled' });
    expect(await bench.mode()).toBe('paused');
    expect(await bench.dependencies.reconciliations.lastClean(ACCOUNT)).toBeUndefined();
    expect((await createClearanceStore(bench.stack.pool, 'a-worker').ask()).cleanSince).toEqual({});
    expect(await bench.look()).toMatchObject({ result: 'clean' });
    expect(await bench.resume()).toMatchObject({ result: 'applied' });
  });

  it('and no entry leave', async () => {
    await bench.damage(`insert into account_watch (account, quote) values ($1, 'USDT') on conflict do nothing`, [ACCOUNT]);
    await bench.damage(`update accounts set created_at = ${LONG_AGO}, onboarded_at = ${LONG_AGO}`);
    const refusals = async (bar: number): Promise<string> => {
      await bench.damage('update account_watch set sampled_at = clock_timestamp(), equity_at = clock_timestamp()');
      return JSON.stringify(await createOrderActivities(bench.stack.dependencies).authorise(bench.stack.signal('open', bar)));
    };
    expect(await refusals(1_000)).not.toContain('RISK_NOT_COMPARED');
    await times(AHEAD, AHEAD);
    expect(await refusals(61_000)).toContain('RISK_NOT_COMPARED');
    // Also who became ours at such a time.
    await times('null', 'null');
    await bench.damage(`update accounts set created_at = ${AHEAD}, onboarded_at = ${AHEAD}`);
    expect(await refusals(121_000)).toContain('RISK_NOT_COMPARED');
    expect(await bench.look()).toMatchObject({ result: 'clean' });
    expect(await refusals(181_000)).not.toContain('RISK_NOT_COMPARED');
  });

  it('the next look leaves nothing of it, so that it does not count once that time has come', async () => {
    await times(AHEAD, AHEAD);
    expect([await beginsOnly(), await row()]).toEqual(['mine', { clean: null, compared: null }]);
  });

  it('nor the clean one before it: what was compared last may have found something', async () => {
    await held(LONG_AGO, 'paused');
    await times('clock_timestamp()', AHEAD);
    expect(await bench.resume()).toMatchObject({ result: 'notReconciled' });
    expect([await beginsOnly(), await row()]).toEqual(['mine', { clean: null, compared: null }]);
  });

  it('leaves what is not of a time to come', async () => {
    await bench.damage(`update reconciliations set last_clean_at = ${LONG_AGO}`);
    const before = await row();
    expect([await beginsOnly(), await row()]).toEqual(['mine', before]);
  });

  it('a pause of a time to come ends with the next clean comparison', async () => {
    await held(AHEAD, 'normal');
    expect(await bench.look()).toMatchObject({ result: 'clean' });
    expect(await bench.mode()).toBe('normal');
  });

  it('and is of now until then, for whom it was first as well', async () => {
    await held(AHEAD, 'paused');
    await bench.damage(`update control set reconciliation_hold = reconciliation_hold || jsonb_build_object('since', ${LONG_AGO})`);
    const hold = async (): Promise<unknown> =>
      (
        await bench.stack.pool.query(
          `select (reconciliation_hold->>'since')::timestamptz < clock_timestamp() - interval '3 hours' as "isSinceKept",
             (reconciliation_hold->>'first')::timestamptz <= clock_timestamp() as "isFirstOver", reconciliation_hold - 'since' - 'first' as other
           from control`,
        )
      ).rows[0];
    expect(await beginsOnly()).toBe('mine');
    expect(await hold()).toEqual({ isSinceKept: true, isFirstOver: true, other: { was: 'paused', classes: ['balanceMovement'] } });
  });

  it('nobody waits for the lease of a process that was killed then', async () => {
    await bench.damage(`update reconciliations set lease_owner = 'killed', lease_until = ${AHEAD}`);
    expect(await bench.look()).toMatchObject({ result: 'clean' });
  });

  it('but a lease that goes on is kept, also from who asks for a short one', async () => {
    await bench.damage(`update reconciliations set lease_owner = 'at-work', lease_until = clock_timestamp() + interval '59 seconds'`);
    const run = { runId: randomUUID(), account: ACCOUNT, scope: 'minute' } as const;
    await expect(createReconcileActivities(bench.dependencies).reconcileFailed(run, 'a test')).rejects.toThrow('being compared');
    expect(await beginsOnly()).toBe('busy');
    expect((await bench.stack.pool.query('select lease_owner from reconciliations')).rows).toEqual([{ lease_owner: 'at-work' }]);
  });

  const ahead = () =>
    bench.damage(
      `update reconciliation_differences set first_seen_at = ${AHEAD}, same_since = ${AHEAD}, seen_since = ${AHEAD}, last_seen_at = ${AHEAD}`,
    );
  const takes = (usdt: string): void => bench.stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', -unitsOf(usdt));

  it('what was found at a time to come is confirmed after the usual time, and pauses the account', async () => {
    takes('50');
    await bench.look('minute', false);
    expect(await bench.found()).toMatchObject([{ status: 'pending' }]);
    await ahead();
    expect(await beginsOnly()).toBe('mine');
    const { rows } = await bench.stack.pool.query(
      `select greatest(first_seen_at, same_since, seen_since, last_seen_at) <= clock_timestamp() as "isOver", decided_at as decided
         from reconciliation_differences`,
    );
    expect(rows).toEqual([{ isOver: true, decided: null }]);
    await bench.damage('update reconciliations set lease_owner = null, lease_until = null');
    await bench.cycle();
    expect(await bench.found()).toMatchObject([{ class: 'balanceMovement', status: 'open' }]);
    expect(await bench.mode()).toBe('paused');
  });

  it('and is booked with the time at which that was put right', async () => {
    takes('50');
    await bench.cycle();
    await ahead();
    await bench.look();
    const [found] = await bench.found();
    expect(await bench.decide(found?.id ?? '', 'book')).toEqual({ result: 'done' });
    expect(await bench.look()).toMatchObject({ result: 'clean' });
  });

  it('a fill has room for its rounding after a comparison of a time to come', async () => {
    await bench.damage(`update reconciliation_runs set started_at = ${AHEAD}, ended_at = ${AHEAD}
      where run_id = (select run_id from reconciliation_runs order by started_at desc limit 1)`);
    await times(AHEAD, AHEAD);
    expect(await beginsOnly()).toBe('mine');
    await bench.buy();
    const { rows } = await bench.stack.pool.query<{ since: boolean }>(
      `select rounded_since($1, 'USDT') < (select min(booked_at) from fills) as since`,
      [ACCOUNT],
    );
    expect(rows).toEqual([{ since: true }]);
  });
});
