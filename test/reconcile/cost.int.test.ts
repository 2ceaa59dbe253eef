import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createLook } from '../../activities/reconcile/look.js';
import type { Venue, VenueFill, VenueReader } from '../../activities/ports/venue.js';
import { openPool } from '../../adapters/store/pool.js';
import { createReconcileStore } from '../../adapters/store/reconcile-store.js';
import type { DecimalText } from '../../core/money/index.js';
import { ACCOUNT, INSTRUMENT } from '../support/trading-stack.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';

const FILLS = 300_000;
const EACH_MS = 10_000;
const FILLS_OF_ORDER = 10;
/** What is read behind the last comparison: ten minutes, and the minute that has gone by. */
const MOST_FILLS = 75;

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });
let bench: BenchAccount;
/** As a guardian's: what reads the books locks nothing. */
let readPool: ReturnType<typeof openPool>;
/** The venue's time now, and what it was asked for. */
let now = Math.floor(Date.now() / EACH_MS) * EACH_MS;
const asked: string[] = [];
const d = (text: string): DecimalText => text as DecimalText;
const first = now - FILLS * EACH_MS;

beforeAll(async () => {
  bench = await openBenchAccount();
  readPool = openPool(bench.stack.database.url, { applicationName: 'test', max: 1, statementTimeoutMs: 60_000 });
  await bench.damage(`update accounts set onboarded_at = to_timestamp($1::bigint / 1000) - interval '1 day' where account = $2`, [
    first,
    ACCOUNT,
  ]);
  await bench.damage(
    `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
       time_in_force, quantity, price, reserved_quantity, reserved_notional, executed_quantity, executed_notional, venue_order_id,
       control_version, epoch, final_at)
     select 'old:' || n, 'old-' || n, $1, 'momentum', '1', $2, 'BTC', 'USDT', 'open', 'buy', 'filled', 'IOC', 0.01, 100, 0, 0, 0.01, 1,
       n::text, 1, 1, now() from generate_series(0, $3::integer - 1) n`,
    [ACCOUNT, INSTRUMENT, FILLS / FILLS_OF_ORDER],
  );
  await bench.damage(
    `insert into fills select $1, $2, n::text, (n / $5)::text, 'old:' || (n / $5), case when n % 2 = 0 then 'buy' else 'sell' end, 100, 0.001,
       0, 'USDT', 'taker', $3::bigint + n * $6::bigint, now() from generate_series(0, $4::integer - 1) n`,
    [ACCOUNT, INSTRUMENT, first, FILLS, FILLS_OF_ORDER, EACH_MS],
  );
  await bench.damage('analyze fills; analyze orders');
}, 300_000);
afterAll(async () => {
  await readPool?.end();
  await bench?.close();
});

/** A venue with the same history, and with a call for each thing that it is asked for. */
function scripted(venue: Venue): Venue {
  const fillAt = (n: number): VenueFill => ({
    venueTradeId: String(n),
    venueOrderId: String(Math.floor(n / FILLS_OF_ORDER)),
    instrument: INSTRUMENT,
    side: n % 2 === 0 ? 'buy' : 'sell',
    price: d('100'),
    quantity: d('0.001'),
    fee: d('0'),
    feeAsset: 'USDT',
    liquiditySide: 'taker',
    eventTime: first + n * EACH_MS,
  });
  const reader: VenueReader = {
    ...venue.reader,
    clock: async () => (asked.push('clock'), { venueTime: now, skewMs: 0, aheadOfMonotonicMs: now - performance.now(), roundTripMs: 1 }),
    openOrders: async () => (asked.push('openOrders'), []),
    balances: async () => (
      asked.push('balances'),
      ['USDT', 'BTC', 'BNB'].map((asset) => ({ asset, free: d({ USDT: '100000', BTC: '2', BNB: '10' }[asset] ?? '0'), locked: d('0') }))
    ),
    fills: async (instrument, fromTime) => {
      asked.push(`fills ${instrument}`);
      if (instrument !== INSTRUMENT) return [];
      const from = Math.max(0, Math.ceil((fromTime - first) / EACH_MS));
      return Array.from({ length: Math.max(0, FILLS - from) }, (_unused, index) => fillAt(from + index));
    },
  };
  return { ...venue, reader, weight: () => ({ kind: 'untold' }) };
}

it(`a minute’s comparison of an account with ${FILLS} past fills reads only what is new`, async () => {
  const reconciliations = createReconcileStore(bench.stack.pool, readPool);
  const look = createLook({
    ...bench.dependencies,
    reconciliations,
    venueOf: (account) => scripted(bench.stack.dependencies.venueOf(account)),
  });
  const minute = () => look({ runId: randomUUID(), account: ACCOUNT, scope: 'minute' }, true);
  expect(await minute()).toMatchObject({ result: 'clean' });
  now += 60_000;
  asked.length = 0;
  const began = performance.now();
  expect(await minute()).toMatchObject({ result: 'clean' });
  const tookMs = Math.round(performance.now() - began);
  const { rows } = await bench.stack.pool.query<{ calls: number; weight: number; fills_read: number; rows_read: number }>(
    'select calls, weight, fills_read, rows_read from reconciliation_runs order by started_at desc limit 1',
  );
  const [run] = rows;
  console.info(
    `reconciliation of a minute beside ${FILLS} past fills: ${run?.calls} calls, weight ${run?.weight}, ${run?.fills_read} fills and ${run?.rows_read} rows read, ${tookMs} ms`,
  );
  expect(asked.sort()).toEqual(['balances', 'clock', `fills ${INSTRUMENT}`, 'openOrders']);
  expect(run).toMatchObject({ calls: 4, weight: 121 });
  expect(run?.fills_read).toBeLessThanOrEqual(MOST_FILLS);
  // Their orders, and the minute of rows that may be told late, besides.
  expect(run?.rows_read).toBeLessThanOrEqual(2 * MOST_FILLS);
  const { rows: plan } = await bench.stack.pool.query<{ 'QUERY PLAN': string }>(
    `explain select * from fills where account = $1 and event_time >= $2::bigint`,
    [ACCOUNT, now - 660_000],
  );
  expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('fills_newest');
});

it('entries are added up only where the venue has another amount', async () => {
  const client = await bench.stack.database.pool.connect();
  // What is not flushed yet is counted as well, so what there was before is taken off.
  const counted = async (): Promise<number> => {
    const { rows } = await client.query<{ scans: number }>(
      `select (seq_scan + coalesce(idx_scan, 0))::integer as scans from pg_stat_xact_user_tables where relname = 'ledger_entries'`,
    );
    return rows[0]?.scans ?? 0;
  };
  const scans = async (balances: object): Promise<number> => {
    await client.query('begin');
    const before = await counted();
    await client.query('select contradictions_asked($1::jsonb)', [JSON.stringify({ account: ACCOUNT, isFull: false, balances })]);
    const after = await counted();
    await client.query('rollback');
    return after - before;
  };
  try {
    expect(await scans({ USDT: '100000', BTC: '2', BNB: '10' })).toBe(0);
    expect(await scans({ USDT: '100001', BTC: '2', BNB: '10' })).toBeGreaterThan(0);
    // What waits for a person has been asked about by the look that found it, and what one has left as it is differs for good.
    await client.query(
      `insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, deltas, evidence, first_run, last_run)
         select $1, 'balanceMovement', 'balanceMovement', 'balance:BTC', '1', 'secondLook', 'open', '{"BTC": "1"}', '{}', run_id, run_id
           from reconciliation_runs limit 1`,
      [ACCOUNT],
    );
    expect(await scans({ USDT: '100000', BTC: '3', BNB: '10' })).toBe(0);
    // Another amount, or what is damaged meanwhile, is asked about.
    expect(await scans({ USDT: '100000', BTC: '4', BNB: '10' })).toBeGreaterThan(0);
    expect(await scans({ USDT: '100000', BTC: '2', BNB: '10' })).toBeGreaterThan(0);
    await client.query(`update reconciliation_differences set ended_at = clock_timestamp(), status = 'settled' where account = $1`, [
      ACCOUNT,
    ]);
    await client.query(
      `insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, decision, key_id, deltas, evidence, first_run, last_run)
         select $1, 'balanceMovement', 'balanceMovement', 'balance:USDT', '1', 'secondLook', 'decided', 'reject', (select key_id from api_keys limit 1),
           '{"USDT": "1"}', '{}', run_id, run_id from reconciliation_runs limit 1`,
      [ACCOUNT],
    );
    expect(await scans({ USDT: '100001', BTC: '2', BNB: '10' })).toBe(0);
    expect(await scans({ USDT: '100000', BTC: '2', BNB: '10' })).toBeGreaterThan(0);
  } finally {
    client.release();
  }
});

it('at a venue that lists fills by instrument it costs one list more for each that is traded', async () => {
  const others = ['ADA/USDT', 'ETH/USDT', 'SOL/USDT'];
  await bench.damage(
    `insert into active_strategies (account, strategy, instrument, version) select $1, 'momentum', unnest($2::text[]), '1'`,
    [ACCOUNT, others],
  );
  const reconciliations = createReconcileStore(bench.stack.pool, readPool);
  const venueOf = (account: string): Venue => scripted(bench.stack.dependencies.venueOf(account));
  const look = createLook({ ...bench.dependencies, reconciliations, venueOf });
  now += 60_000;
  asked.length = 0;
  const { readWeights } = venueOf(ACCOUNT).profile;
  expect(await look({ runId: randomUUID(), account: ACCOUNT, scope: 'minute' }, true)).toMatchObject({
    ...{ result: 'clean', calls: 4 + others.length, weight: 121 + others.length * readWeights.fills },
  });
  expect(asked.filter((what) => what.startsWith('fills')).sort()).toEqual([...others, INSTRUMENT].sort().map((one) => `fills ${one}`));
});
