import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OrderDependencies } from '../../activities/order/dependencies.js';
import { createOrderActivities } from '../../activities/order/index.js';
import type { Venue } from '../../activities/ports/venue.js';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import { MARKET } from '../../core/execution/policy.js';
import { ZERO, decimal, type Decimal, type DecimalText } from '../../core/money/index.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { testSignal } from '../../test/support/ledger.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { beat } from '../../test/support/watch-heartbeat.js';
import { RULES } from '../../test/support/risk-view.js';
import { createControlStore } from './control-store.js';
import { HeldRisk } from './held-risk.js';
import { createMarketStore } from './market-store.js';
import { createOrderStore } from './order-store.js';
import { openPool } from './pool.js';

/**
 * Two processes, each with a view of its own that is some moments old, are given random intents at once. Whatever they decide,
 * what the ledger holds and what was sent is judged by a simulation that knows nothing of the gate.
 */
const INSTRUMENTS = ['AAA/USDT', 'BBB/USDT', 'CCC/USDT'];
/** What a strategy's entries are worth. */
const STRATEGIES: Readonly<Record<string, string>> = { s1: '60', s2: '120', s3: '180', s4: '240', s5: '360', s6: '700' };
const PRICE = '100' as DecimalText;

interface Limits {
  readonly maxOrderNotional: string;
  readonly maxInstrumentExposure: string;
  readonly maxStrategyExposure: string;
  readonly maxVenueExposure: string;
  readonly maxAccountExposure: string;
  readonly maxOpenOrders: number;
  readonly maxStrategyOrdersPerSecond: number;
  readonly maxAccountOrdersPerSecond: number;
  readonly maxAccountOrdersPerMinute: number;
  readonly duplicateWindowMs: number;
}
interface Row {
  readonly intentId: string;
  readonly account: string;
  readonly strategy: string;
  readonly instrument: string;
  readonly notional: string;
  readonly reserved: string;
  /** Epoch ms with its fraction. */
  readonly time: number;
}

const worth = (least: number, most: number) => fc.integer({ min: least, max: most }).map(String);
const LOOSE: Limits = {
  maxOrderNotional: '100000',
  maxInstrumentExposure: '100000',
  maxStrategyExposure: '100000',
  maxVenueExposure: '100000',
  maxAccountExposure: '100000',
  maxOpenOrders: 1_000,
  maxStrategyOrdersPerSecond: 1_000,
  maxAccountOrdersPerSecond: 1_000,
  maxAccountOrdersPerMinute: 1_000,
  duplicateWindowMs: 0,
};
const allTight: fc.Arbitrary<Limits> = fc.record({
  maxOrderNotional: worth(100, 800),
  maxInstrumentExposure: worth(200, 1_500),
  maxStrategyExposure: worth(200, 1_500),
  maxVenueExposure: worth(400, 3_000),
  maxAccountExposure: worth(300, 2_000),
  maxOpenOrders: fc.integer({ min: 1, max: 12 }),
  maxStrategyOrdersPerSecond: fc.integer({ min: 1, max: 4 }),
  maxAccountOrdersPerSecond: fc.integer({ min: 2, max: 10 }),
  maxAccountOrdersPerMinute: fc.integer({ min: 5, max: 30 }),
  duplicateWindowMs: fc.constantFrom(0, 300),
});
/** One limit over both accounts, which no version of a single account guards. */
const venueTight: fc.Arbitrary<Limits> = worth(300, 900).map((maxVenueExposure) => ({ ...LOOSE, maxVenueExposure }));
const intent = fc.record({
  process: fc.integer({ min: 0, max: 1 }),
  account: fc.integer({ min: 0, max: 1 }),
  strategy: fc.constantFrom(...Object.keys(STRATEGIES)),
  instrument: fc.constantFrom(...INSTRUMENTS),
});
/** What becomes of an order after its batch: it is filled, ends unfilled, or goes on working. */
const batch = fc.record({
  intents: fc.array(intent, { minLength: 6, maxLength: 14 }),
  fates: fc.array(fc.constantFrom('filled', 'ended', 'working'), { minLength: 5, maxLength: 5 }),
});

let database: TestDatabase;
let runs = 0;
let bar = 0;
const outcomes = new Map<string, number>();

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database?.drop());

/** One process: its own connections, its own view, its own queue. */
async function openWorker(accounts: readonly string[], sent: string[]) {
  const pool = openPool(database.url, { applicationName: 'test', max: 4 });
  const store = createOrderStore(pool);
  const log = { warn: () => undefined };
  const risk = await HeldRisk.open({ pool, url: database.url, applicationName: 'test', store, accounts, log });
  const market = new StreamedMarket(Date.now);
  for (const account of accounts) {
    market.seeClock(account, { skewMs: 0, roundTripMs: 1 });
    for (const instrument of INSTRUMENTS) market.seePrice(account, instrument, PRICE, { seenTime: Date.now() });
  }
  const venue = {
    profile: { id: 'recorder', receiveWindowMs: 500, submitDeadlineMs: 1_000 },
    weight: () => ({ kind: 'untold' }),
    claimWeight: () => ({ kind: 'taken', free: () => undefined }),
    sender: {
      submit: ({ clientOrderId }: { clientOrderId: string }) => {
        sent.push(clientOrderId);
        return Promise.resolve({ kind: 'unknown', failure: { code: 'VENUE_OUTCOME_UNKNOWN', message: '', values: {} } });
      },
    },
  } as unknown as Venue;
  const { instanceId, epoch } = await createControlStore(pool).epoch();
  const entriesOf: OrderDependencies['entriesOf'] = (_account, strategy) => ({
    sizing: { kind: 'fixedNotional', notional: (STRATEGIES[strategy] ?? '0') as DecimalText },
    execution: MARKET,
  });
  const activities = createOrderActivities({ store, risk, venueOf: () => venue, live: market, epoch, instanceId, entriesOf });
  return {
    enter: async (signal: TradeSignal): Promise<void> => {
      const entered = await activities.enter(signal);
      const codes = entered.kind === 'denied' ? entered.failures.map(({ code }) => code) : ['sent'];
      for (const code of codes) outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
    },
    close: async () => {
      await risk.close();
      await pool.end();
    },
  };
}

async function enrol(venue: string, accounts: readonly string[], bounds: Limits): Promise<void> {
  const { pool } = database;
  const control = createControlStore(pool);
  const strategies = Object.keys(STRATEGIES).flatMap((strategy) =>
    INSTRUMENTS.map((instrument) => ({ strategy, instrument, version: '1', modelHash: 'none' })),
  );
  const common = { maxRepeats: 1_000, priceMaxAgeMs: 600_000, maxStrategyOrdersPerMinute: 1_000 };
  for (const account of accounts) {
    await control.applyConfiguration({ account, venue, limits: { ...bounds, ...common }, strategies, subject: 'test' });
    await control.onboard(account, { USDT: '100000' as DecimalText });
  }
  await createMarketStore(pool).saveInstruments(
    venue,
    INSTRUMENTS.map((instrument) => ({ ...RULES, instrument, base: instrument.slice(0, 3), quote: 'USDT' })),
  );
}

const rowsOf = async (accounts: readonly string[]): Promise<Row[]> =>
  (
    await database.pool.query<Row>(
      `select intent_id as "intentId", account, strategy, instrument, (quantity * price)::text as notional, reserved_notional::text as reserved,
         (extract(epoch from created_at) * 1000)::float8 as time from orders
       where account = any ($1) and status <> 'denied' order by created_at`,
      [accounts],
    )
  ).rows;

/** Lets an order be filled at its price, or end without a fill, as the ledger would have it. */
async function settle(row: Row, fate: string): Promise<void> {
  const { pool } = database;
  await pool.query(
    `update orders set status = $2, final_at = clock_timestamp(), reserved_notional = 0, reserved_quantity = 0 where intent_id = $1`,
    [row.intentId, fate === 'filled' ? 'filled' : 'expired'],
  );
  if (fate === 'filled') {
    await pool.query(
      `insert into positions as held (account, strategy, instrument, quantity, cost, realized_pnl) values ($1, $2, $3, 0.00001, $4, 0)
         on conflict (account, strategy, instrument) do update set cost = held.cost + excluded.cost`,
      [row.account, row.strategy, row.instrument, row.notional],
    );
  }
  await pool.query('update risk_state set version = version + 1 where account = $1', [row.account]);
}

/** What each order of a batch finds held and worked before it, in the order in which they were written. */
class Books {
  private readonly held: Row[] = [];
  private readonly working: Row[] = [];
  private readonly all: Row[] = [];
  readonly broken: string[] = [];
  private readonly bounds: Limits;

  constructor(bounds: Limits) {
    this.bounds = bounds;
  }

  add(row: Row): void {
    const { bounds } = this;
    const own = (one: Row): boolean => one.account === row.account;
    this.hold(row.notional, bounds.maxOrderNotional, 'order');
    this.hold(
      this.after(row, (one) => own(one) && one.instrument === row.instrument),
      bounds.maxInstrumentExposure,
      'instrument',
    );
    this.hold(
      this.after(row, (one) => own(one) && one.strategy === row.strategy),
      bounds.maxStrategyExposure,
      'strategy',
    );
    this.hold(this.after(row, own), bounds.maxAccountExposure, 'account');
    this.hold(
      this.after(row, () => true),
      bounds.maxVenueExposure,
      'venue',
    );
    this.count(this.working.filter(own).length + 1, bounds.maxOpenOrders, 'open orders');
    const since = (ms: number) => this.all.filter((one) => own(one) && one.time > row.time - ms);
    this.count(
      since(1_000).filter((one) => one.strategy === row.strategy).length + 1,
      bounds.maxStrategyOrdersPerSecond,
      'strategy a second',
    );
    this.count(since(1_000).length + 1, bounds.maxAccountOrdersPerSecond, 'account a second');
    this.count(since(60_000).length + 1, bounds.maxAccountOrdersPerMinute, 'account a minute');
    const doubles = since(bounds.duplicateWindowMs).filter((one) => one.strategy === row.strategy && one.instrument === row.instrument);
    this.count(doubles.length, 0, 'doubles');
    this.working.push(row);
    this.all.push(row);
  }

  settle(row: Row, fate: string): void {
    this.working.splice(this.working.indexOf(row), 1);
    if (fate === 'filled') this.held.push(row);
  }

  open(): readonly Row[] {
    return [...this.working];
  }

  private after(row: Row, counts: (one: Row) => boolean): string {
    const add = (sum: Decimal, value: string): Decimal => sum.plus(decimal(value));
    const held = this.held.filter(counts).map((one) => one.notional);
    const working = this.working.filter(counts).map((one) => one.reserved);
    return [...held, ...working, row.notional].reduce(add, ZERO).toFixed();
  }

  private hold(value: string, limit: string, what: string): void {
    if (decimal(value).gt(decimal(limit))) this.broken.push(`${what}: ${value} over ${limit}`);
  }

  private count(value: number, limit: number, what: string): void {
    if (value > limit) this.broken.push(`${what}: ${value} over ${limit}`);
  }
}

it('no order beyond any limit is authorised or sent, whatever two processes are given at once', { timeout: 180_000 }, async () => {
  const seen = fc.asyncProperty(
    fc.oneof({ arbitrary: allTight, weight: 2 }, { arbitrary: venueTight, weight: 1 }),
    fc.array(batch, { minLength: 2, maxLength: 3 }),
    async (bounds, batches) => {
      runs += 1;
      const [venue, accounts] = [`venue-${runs}`, [`one-${runs}`, `two-${runs}`]];
      await enrol(venue, accounts, bounds);
      const beats = await Promise.all(accounts.map((account) => beat(database.pool, account)));
      const sent: string[] = [];
      const workers = await Promise.all([openWorker(accounts, sent), openWorker(accounts, sent)]);
      const books = new Books(bounds);
      const judged = new Set<string>();
      try {
        for (const { intents, fates } of batches) {
          await Promise.all(
            intents.map(async ({ process, account, strategy, instrument }) =>
              workers[process]?.enter({
                ...testSignal(accounts[account] ?? '', 'open', (bar += 1_000)),
                strategy,
                instrument,
                referencePrice: PRICE,
              }),
            ),
          );
          const rows = (await rowsOf(accounts)).filter((row) => !judged.has(row.intentId));
          for (const row of rows) {
            judged.add(row.intentId);
            books.add(row);
          }
          for (const [index, row] of books.open().entries()) {
            const fate = fates[index % fates.length] ?? 'working';
            if (fate === 'working') continue;
            await settle(row, fate);
            books.settle(row, fate);
          }
        }
        expect(books.broken).toEqual([]);
        // What was sent is what was authorised, each once: there is no way to the venue but through the ledger.
        const { rows } = await database.pool.query<{ client_order_id: string }>(
          `select client_order_id from orders where account = any ($1) and status <> 'denied'`,
          [accounts],
        );
        const known = new Set(rows.map((row) => row.client_order_id));
        expect(sent.filter((id) => !known.has(id))).toEqual([]);
        expect(new Set(sent).size).toBe(sent.length);
      } finally {
        await Promise.all(workers.map((worker) => worker.close()));
        await Promise.all(beats.map((stop) => stop()));
      }
    },
  );
  await fc.assert(seen, { numRuns: 9, endOnFailure: true });
  // It was tight enough to matter, and not so tight that nothing passed.
  expect([...outcomes.keys()]).toEqual(expect.arrayContaining(['sent', 'RISK_EXPOSURE_LIMIT']));
});
