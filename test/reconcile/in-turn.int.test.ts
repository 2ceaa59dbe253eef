import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLook, type Looked } from '../../activities/reconcile/look.js';
import type { ReconcileRun } from '../../activities/ports/reconcile.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';

const MINUTE_MS = 60_000;
/** Another's turn, and its own. */
const [OTHERS, OWN] = [MINUTE_MS, 3 * MINUTE_MS];
let bench: BenchAccount;
let now = OWN;

beforeAll(async () => {
  bench = await openBenchAccount();
});
afterAll(() => bench?.stack.close());

const look = (scope: ReconcileRun['scope'] = 'minute', runId: string = randomUUID(), isLast = true): Promise<Looked> =>
  createLook({ ...bench.dependencies, paceOf: () => ({ eachMinutes: 3, place: 0 }), clock: () => now })(
    { runId, account: ACCOUNT, scope },
    isLast,
  );
const rows = async (): Promise<number> =>
  Number((await bench.stack.pool.query<{ count: string }>('select count(*) from reconciliation_runs')).rows[0]?.count);
const setBack = (ms: number): Promise<unknown> =>
  bench.stack.database.pool.query(
    `update reconciliations set last_clean_at = last_clean_at - $1 * interval '1 ms', last_compared_at = last_compared_at - $1 * interval '1 ms'`,
    [ms],
  );

it('an account that was found clean waits for its turn, without a row; whatever else asks for it compares it', async () => {
  now = OTHERS;
  // Never compared.
  expect(await look()).toMatchObject({ result: 'clean' });
  const before = await rows();
  expect(await look()).toEqual({ result: 'postponed', differences: 0, calls: 0, weight: 0 });
  expect(await rows()).toBe(before);
  now = OWN;
  expect(await look()).toMatchObject({ result: 'clean' });
  now = OTHERS;
  for (const scope of ['start', 'reconnect', 'hour', 'rearm', 'demand'] as const)
    expect(await look(scope)).toMatchObject({ result: 'clean' });
});

it('whose turn was left out is compared in the next minute', async () => {
  now = OTHERS;
  await setBack(3 * MINUTE_MS - 10_000);
  expect(await look()).toMatchObject({ result: 'postponed' });
  await setBack(10_000);
  expect(await look()).toMatchObject({ result: 'clean' });
});

it('one that is not found clean is compared each minute until it is, and a run that has begun comes to its end', async () => {
  now = OWN;
  const run = randomUUID();
  await bench.stack.venue.sender.submit(
    {
      ...{ clientOrderId: 'by-hand', instrument: 'BTC/USDT', side: 'buy', type: 'limit', postOnly: false, timeInForce: 'GTC' },
      ...{ quantity: '0.01', price: '40000', signedTimestamp: Date.now(), receiveWindowMs: 2_000 },
    } as unknown as Parameters<BenchAccount['stack']['venue']['sender']['submit']>[0],
    5_000,
  );
  await look('minute', run, false);
  now = OTHERS;
  expect(await look('minute', run, true)).toMatchObject({ result: 'differences' });
  expect(await look()).toMatchObject({ result: 'differences' });
});
