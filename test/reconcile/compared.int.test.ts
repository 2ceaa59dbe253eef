import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import { createLook } from '../../activities/reconcile/look.js';
import { createControlActivities } from '../../activities/control/index.js';
import { createReconcileActivities, createReconcileNow } from '../../activities/reconcile/index.js';
import type { Venue } from '../../activities/ports/venue.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { createWatchStore } from '../../adapters/store/watch-store.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { KEY, openBenchAccount, type BenchAccount } from './bench-account.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });

describe('when an account was last compared', () => {
  let bench: BenchAccount;
  beforeAll(async () => {
    bench = await openBenchAccount();
  });
  afterAll(() => bench?.close());

  const compared = async (): Promise<number | undefined> => (await createWatchStore(bench.stack.pool).read(ACCOUNT, []))?.comparedTime;
  const aged = (minutes: number): Promise<void> =>
    bench.damage(`update reconciliations set last_compared_at = clock_timestamp() - $1 * interval '1 minute'`, [minutes]);
  const lookAt = (change: Partial<Venue>) => {
    const venue = bench.dependencies.venueOf(ACCOUNT);
    return createLook({ ...bench.dependencies, venueOf: () => ({ ...venue, ...change }) })(
      { runId: randomUUID(), account: ACCOUNT, scope: 'minute' },
      true,
    );
  };
  const lastDetail = async (): Promise<string | null> => {
    const { rows } = await bench.stack.pool.query<{ detail: string | null }>(
      'select detail from reconciliation_runs order by started_at desc limit 1',
    );
    return rows[0]?.detail ?? null;
  };
  /** What the gate says of an entry; the watch has sampled the account a moment ago. */
  const refusals = async (close: number): Promise<string> => {
    await bench.damage('update account_watch set sampled_at = clock_timestamp(), equity_at = clock_timestamp()');
    return JSON.stringify(await createOrderActivities(bench.stack.dependencies).authorise(bench.stack.signal('open', close)));
  };

  it('is when it became ours, before the first comparison', async () => {
    const { rows } = await bench.stack.pool.query<{ ms: string }>(
      'select epoch_ms(coalesce(onboarded_at, created_at)) as ms from accounts',
    );
    expect(await compared()).toBe(Number(rows[0]?.ms));
  });

  it('is moved by one that came to an end, clean or not, and by none that failed or was put off', async () => {
    await bench.cycle();
    await aged(540);
    const before = await compared();
    const { reader } = bench.dependencies.venueOf(ACCOUNT);
    const away = (): Promise<never> => Promise.reject(new Error('no answer'));
    await expect(lookAt({ reader: { ...reader, openOrders: away } })).rejects.toThrow('no answer');
    const run = { runId: randomUUID(), account: ACCOUNT, scope: 'minute' } as const;
    await createReconcileActivities(bench.dependencies).reconcileFailed(run, 'the venue did not tell its open orders');
    const used = { kind: 'used', used: 99, limit: 100 } as const;
    expect(await lookAt({ weight: () => used })).toMatchObject({ result: 'postponed' });
    expect(await lastDetail()).toContain('nearly used');
    expect(await lookAt({ weight: () => ({ kind: 'closed', forMs: 90_500 }) })).toMatchObject({ result: 'postponed' });
    expect(await lastDetail()).toBe('the venue has sent this address away, and is not to be asked for 91 s');
    expect(await compared()).toBe(before);

    bench.stack.paper.moveBalance('test', 'USDT', 100_000_000n);
    expect(await bench.cycle()).toMatchObject({ result: 'differences' });
    expect(await compared()).toBeGreaterThan(before ?? 0);
  });

  it('an entry waits for it, in the view that the gate reads', async () => {
    const { pool } = bench.stack;
    await bench.damage(`update control set mode = 'normal', reconciliation_hold = null`);
    await bench.damage(`insert into account_watch (account, quote) values ($1, 'USDT') on conflict do nothing`, [ACCOUNT]);
    await aged(14);
    expect(await refusals(1_000)).not.toContain('RISK_NOT_COMPARED');
    await aged(16);
    expect(await refusals(61_000)).toContain('RISK_NOT_COMPARED');
    const { watch, databaseTime } = await bench.stack.dependencies.store.readRisk(KEY);
    expect(databaseTime - (watch?.comparedTime ?? 0)).toBeGreaterThan(900_000);
    expect((await pool.query('select outcome from signals order by bar_close_time desc limit 1')).rows).toEqual([{ outcome: 'notTraded' }]);
  });
});

describe('what lets an account go on', () => {
  let bench: BenchAccount;
  beforeEach(async () => {
    bench = await openBenchAccount(['balanceMovement']);
    await bench.cycle();
  });
  afterEach(() => bench?.close());

  /** Paused four hours ago, for what has been decided since; found clean three hours ago. */
  const heldAndOnceClean = async (): Promise<void> => {
    await bench.damage(
      `update control set mode = 'paused', reconciliation_hold = jsonb_build_object('since', clock_timestamp() - interval '4 hours',
         'first', clock_timestamp() - interval '4 hours', 'was', 'paused', 'classes', '["unknown"]'::jsonb)`,
    );
    await bench.damage(`update reconciliations set last_clean_at = clock_timestamp() - interval '3 hours'`);
    await bench.damage('update reconciliations set last_compared_at = last_clean_at');
  };
  const leaves = (): void => bench.stack.paper.moveBalance('test', 'USDT', -700_000_000_000n);

  it('is no clean comparison of hours ago, nor one after which a look has seen something', async () => {
    await heldAndOnceClean();
    expect(await bench.resume()).toMatchObject({ result: 'notReconciled' });
    // A minute's comparison, and then one look that has found what is not settled yet.
    expect(await bench.look()).toMatchObject({ result: 'clean' });
    leaves();
    expect(await bench.look('minute', false)).toMatchObject({ result: 'unsettled' });
    expect((await bench.found()).map(({ status }) => status)).toEqual(['pending']);
    expect(await bench.resume()).toMatchObject({ result: 'notReconciled', found: expect.stringContaining('balanceMovement') as string });
    expect(await bench.mode()).toBe('paused');
  });

  it('is compared by the resume itself, so that nobody needs to know', async () => {
    await heldAndOnceClean();
    const compared: string[] = [];
    const now = createReconcileNow(bench.dependencies);
    const steps = createControlActivities(
      createControlStore(bench.stack.pool),
      () => Promise.resolve(false),
      (account) => {
        compared.push(account);
        return now(account, 'demand');
      },
    );
    const resume = async (): Promise<string> => {
      const commandId = await bench.asksResume();
      return (await steps.changeMode({ account: ACCOUNT, kind: 'resume', commandId })).kind;
    };
    leaves();
    expect([await resume(), await bench.mode()]).toEqual(['notReconciled', 'paused']);
    bench.stack.paper.moveBalance('test', 'USDT', 700_000_000_000n);
    await bench.cycle();
    await heldAndOnceClean();
    expect([await resume(), await bench.mode()]).toEqual(['changed', 'normal']);
    expect(compared).toEqual([ACCOUNT, ACCOUNT]);
  });

  it('is no comparison without its third side: Temporal does not tell what runs', async () => {
    await bench.damage(
      `update control set mode = 'paused', reconciliation_hold = jsonb_build_object('since', clock_timestamp(), 'was', 'normal',
         'classes', '["balanceMovement"]'::jsonb)`,
    );
    const { last_clean_at: before } = (await bench.stack.pool.query<{ last_clean_at: Date }>('select last_clean_at from reconciliations'))
      .rows[0]!;
    const running = (): Promise<never> => Promise.reject(new Error('Temporal is away'));
    const dependencies = { ...bench.dependencies, runs: { ...bench.dependencies.runs, running } };
    const run = { runId: randomUUID(), account: ACCOUNT, scope: 'minute' } as const;
    expect(await createLook(dependencies)(run, false)).toMatchObject({ result: 'unsettled' });
    expect(await createLook(dependencies)(run, true)).toMatchObject({ result: 'failed', differences: 0 });
    const { rows } = await bench.stack.pool.query('select result, detail from reconciliation_runs where run_id = $1', [run.runId]);
    expect(rows).toEqual([{ result: 'failed', detail: expect.stringContaining('Temporal did not tell') as string }]);
    expect(await createReconcileNow(dependencies)(ACCOUNT)).toBe(false);
    expect((await bench.stack.pool.query('select last_clean_at from reconciliations')).rows).toEqual([{ last_clean_at: before }]);
    expect(await bench.mode()).toBe('paused');
    // It is there again, and the pause ends as configured.
    expect(await bench.look()).toMatchObject({ result: 'clean' });
    expect(await bench.mode()).toBe('normal');
  });
});
