import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createControlStore } from '../../../adapters/store/control-store.js';
import { decimalTextOf, type DecimalText } from '../../../core/money/index.js';
import { LIMIT_KEYS, type LimitKey } from '../../../core/risk/limit-table.js';
import type { ConfiguredLimits } from '../../../core/risk/limits.js';
import { INSTRUMENT, LIMITS, testSignal } from '../../support/ledger.js';
import { brokenLimits, type JudgeOptions, type SeenLimits } from './journal-limits.js';
import { brokenPaces, entriesIn, type Pace, type SeenEntry } from './journal-pace.js';
import { LIMIT_MS, TwoProcesses, type Lane } from './two-processes.js';

const SEED = Number(process.env['KEELSON_TEST_SEED'] ?? Date.now() % 1_000_000);
const RUNS = 3;
const STRATEGIES = Array.from({ length: 12 }, (_, index) => `s${index}`);
const FEW = STRATEGIES.slice(0, 3);
const VALID_MS = 600_000;
const PRICES: Readonly<Record<string, DecimalText>> = { [INSTRUMENT]: decimalTextOf('50000'), 'BNB/USDT': decimalTextOf('500') };
const INSTRUMENTS = Object.keys(PRICES);
/** What the venue gives an account to begin with. */
const FUNDS = '100000';

const worth = (least: number, most: number) => fc.integer({ min: least, max: most }).map((value) => String(value) as DecimalText);
const intent = (strategies: readonly string[], notional: fc.Arbitrary<DecimalText>, rests: fc.Arbitrary<boolean>) =>
  fc.record({
    process: fc.integer({ min: 0, max: 1 }),
    account: fc.constantFrom(0 as const, 1 as const),
    strategy: fc.constantFrom(...strategies),
    instrument: fc.constantFrom(...INSTRUMENTS),
    notional,
    rests,
  });
/** What is asked for at once, and whether what rests is then canceled. */
const batchOf = (...parts: Parameters<typeof intent>) =>
  fc.record({ intents: fc.array(intent(...parts), { minLength: 6, maxLength: 12 }), cancels: fc.boolean() });
type Batch = typeof batchOf extends (...parts: never[]) => fc.Arbitrary<infer T> ? T : never;
const ORDINARY = worth(100, 650);

/** All of them at once, as accounts have them; each may be the one that binds. */
const limits = fc.record({
  maxOrderNotional: worth(300, 700),
  maxStrategyExposure: worth(300, 900),
  maxStrategyNetExposure: worth(300, 900),
  maxInstrumentExposure: worth(500, 2_000),
  maxInstrumentNetExposure: worth(500, 2_000),
  maxAccountExposure: worth(600, 3_000),
  maxAccountNetExposure: worth(600, 3_000),
  maxVenueExposure: worth(900, 4_000),
  maxVenueNetExposure: worth(900, 4_000),
  maxOpenOrders: fc.integer({ min: 1, max: 5 }),
  collarBps: fc.integer({ min: 5, max: 50 }),
  takerFeeBps: fc.integer({ min: 10, max: 100 }),
});

/** A stream in which one limit is the tight one. */
interface Stream {
  readonly key: LimitKey;
  readonly batch: fc.Arbitrary<Batch>;
  /** What the accounts have instead of `LIMITS`. */
  readonly limits: (bound: number) => ConfiguredLimits;
  readonly bound: fc.Arbitrary<number>;
  /** Of which something has to be denied: the code, and what the limit is of. Null: it prices orders, and denies none. */
  readonly denial: ((lane: Lane) => readonly string[]) | null;
  /** How the first of the two processes sees the venue. */
  readonly first?: { readonly priceAgeMs?: number; readonly skewMs?: number };
  /** What the venue must not see, where that is not by how much. */
  readonly isForbidden?: (order: { readonly process: number; readonly venueAccount: string }) => boolean;
}
const [RESTS, MIXED] = [fc.constant(true), fc.boolean()];
const between = (min: number, max: number) => fc.integer({ min, max });
const exposure = (scope: 'Instrument' | 'Strategy' | 'Venue' | 'Account', least: number, names: (lane: Lane) => readonly string[]) =>
  (['', 'Net'] as const).map((kind): Stream => {
    const key = `max${scope}${kind}Exposure` as const;
    const code = kind === '' ? 'RISK_EXPOSURE_LIMIT' : 'RISK_NET_EXPOSURE_LIMIT';
    return {
      ...{ key, batch: batchOf(scope === 'Strategy' ? FEW : STRATEGIES, ORDINARY, MIXED), bound: between(least, 2 * least) },
      limits: (bound) => ({ ...LIMITS, [key]: String(bound) }),
      denial: (lane) => names(lane).map((name) => `${code} ${name}`),
    };
  });
const accountsOf = ({ accounts }: Lane): string[] => accounts.map(({ account }) => account);
const only = <Key extends LimitKey>(key: Key) => ({ key, limits: (bound: number): ConfiguredLimits => ({ ...LIMITS, [key]: bound }) });
/** Open on a day of the week that is not near. */
const closedHours = (): string => `${['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][(new Date().getUTCDay() + 3) % 7]} 00:00-24:00`;
const STREAMS: readonly Stream[] = [
  ...exposure('Instrument', 600, () => INSTRUMENTS),
  ...exposure('Strategy', 300, () => FEW),
  ...exposure('Account', 700, accountsOf),
  ...exposure('Venue', 1_000, ({ accounts: [{ venueName }] }) => [venueName]),
  {
    ...{ key: 'maxOrderNotional', batch: batchOf(STRATEGIES, ORDINARY, MIXED), bound: between(200, 400) },
    limits: (bound) => ({ ...LIMITS, maxOrderNotional: String(bound) }),
    denial: () => ['RISK_NOTIONAL_LIMIT'],
  },
  {
    ...{ ...only('maxOpenOrders'), batch: batchOf(STRATEGIES, ORDINARY, RESTS), bound: between(1, 4) },
    denial: () => ['RISK_OPEN_ORDERS_LIMIT'],
  },
  { ...only('collarBps'), batch: batchOf(STRATEGIES, ORDINARY, fc.constant(false)), bound: between(5, 40), denial: null },
  {
    // Worth more than there is, were it not for what fees may take.
    ...{ key: 'takerFeeBps', batch: batchOf(STRATEGIES, worth(9_000, 16_000), RESTS), bound: between(300, 1_000) },
    limits: (bound) => ({
      ...{ ...LIMITS, takerFeeBps: bound },
      ...{ maxOrderNotional: '900000', maxInstrumentExposure: '900000', maxAccountExposure: '900000' },
    }),
    denial: () => ['RISK_FREE_BALANCE'],
  },
  {
    ...{ ...only('priceMaxAgeMs'), batch: batchOf(STRATEGIES, ORDINARY, MIXED), bound: between(30_000, 60_000) },
    ...{ first: { priceAgeMs: 60_001 }, isForbidden: (order) => order.process === 0, denial: () => ['RISK_PRICE_STALE'] },
  },
  {
    ...{ ...only('clockSkewMs'), batch: batchOf(STRATEGIES, ORDINARY, MIXED), bound: between(100, 390) },
    ...{ first: { skewMs: 391 }, isForbidden: (order) => order.process === 0, denial: () => ['RISK_CLOCK_SKEW'] },
  },
];

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const ofAccount = (): string => 'account';
const ofStrategy = (entry: SeenEntry): string => entry.strategy;
const ofPosition = (entry: SeenEntry): string => `${entry.strategy} in ${entry.instrument}`;
/** How often: what the account is configured with, what the venue may then see, and why the rest is denied. */
const PACES: readonly (readonly [string, Partial<ConfiguredLimits>, readonly Pace[], string])[] = [
  [
    'orders a minute',
    { maxAccountOrdersPerMinute: 7, maxStrategyOrdersPerMinute: 3 },
    [
      { limit: 7, windowMs: MINUTE_MS, of: ofAccount },
      { limit: 3, windowMs: MINUTE_MS, of: ofStrategy },
    ],
    'RISK_RATE_LIMIT',
  ],
  [
    'orders a second',
    { maxAccountOrdersPerSecond: 2, maxStrategyOrdersPerSecond: 1 },
    [
      { limit: 2, windowMs: SECOND_MS, of: ofAccount },
      { limit: 1, windowMs: SECOND_MS, of: ofStrategy },
    ],
    'RISK_RATE_LIMIT',
  ],
  [
    'entries without an exit',
    { maxRepeats: 2 },
    [{ limit: 2, windowMs: Number.POSITIVE_INFINITY, of: ofPosition }],
    'RISK_REPEATED_EXECUTION',
  ],
  [
    'entries into an instrument',
    { duplicateWindowMs: MINUTE_MS },
    [{ limit: 1, windowMs: MINUTE_MS, of: ofPosition }],
    'RISK_DUPLICATE_INTENT',
  ],
];
/** Enough to meet a limit again and again; and as many as it takes to meet it at all, where the machine is slow. */
const ROUNDS = { least: 3, most: 20 } as const;
const HOURS = 'tradingHours' satisfies LimitKey;

describe('limits, by the journal of the venue', () => {
  let both: TwoProcesses;
  let judging: JudgeOptions;
  let opened = 0;

  beforeAll(async () => {
    console.info(`limits by the journal: seed ${SEED} (KEELSON_TEST_SEED)`);
    const count = RUNS + STREAMS.length + 1 + PACES.length;
    both = await TwoProcesses.open(Array.from({ length: count }, (_, index) => `lane-${index + 1}`));
    judging = { asked: both.askedOf, funds: FUNDS };
  }, 4 * LIMIT_MS);
  afterAll(() => both?.close());

  /** The next venue, on which nobody has traded yet; both of its accounts are given the same, or each its own. */
  const nextLane = async (first: ConfiguredLimits, second = first): Promise<Lane> => {
    opened += 1;
    const limitsOf = [first, second] as const;
    const lane = await both.enterLane(`lane-${opened}`, limitsOf);
    const active = STRATEGIES.flatMap((strategy) => INSTRUMENTS.map((instrument) => ({ strategy, instrument })));
    const strategies = active.map((one) => ({ ...one, version: '1', modelHash: 'none' }));
    for (const [index, { account, venueName: venue }] of lane.accounts.entries()) {
      const configured = { account, venue, limits: limitsOf[index] ?? first, strategies, subject: 'test' };
      await createControlStore(both.ledger.pool).applyConfiguration(configured);
    }
    return lane;
  };
  const carryOut = async (lane: Lane, { intents, cancels }: Batch, first: Stream['first'] = {}): Promise<void> => {
    await Promise.all(
      intents.map(({ process, account, strategy, instrument, notional, rests }) => {
        const given = testSignal(lane.accounts[account].account, 'open', both.nextBar(), VALID_MS);
        const signal = { ...given, strategy, instrument, referencePrice: PRICES[instrument] ?? given.referencePrice };
        return both.enter(process, { signal, notional, rests, ...(process === 0 ? first : {}) });
      }),
    );
    if (cancels) for (const account of accountsOf(lane)) await both.cancel(account);
  };

  it('two processes at once never show the venue more than a limit lets them', { timeout: 6 * LIMIT_MS }, async () => {
    const met = new Set<string>();
    const property = fc.asyncProperty(
      limits,
      fc.array(batchOf(STRATEGIES, ORDINARY, MIXED), { minLength: 2, maxLength: 3 }),
      async (bounds, batches) => {
        const lane = await nextLane({ ...LIMITS, ...bounds });
        for (const batch of batches) await carryOut(lane, batch);
        for (const outcome of both.outcomes) met.add(outcome);
        expect(brokenLimits(lane.accounts[0].journal(), bounds, judging)).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true, seed: SEED });
    // It was tight enough to matter, and not so tight that nothing passed.
    expect(met).toContain('sent');
    // As a signal's first order does where nobody else came between.
    expect(met).toContain('decidedAhead');
    expect(met.has('RISK_EXPOSURE_LIMIT') || met.has('RISK_OPEN_ORDERS_LIMIT')).toBe(true);
  });

  it.each(STREAMS.map((stream) => [stream.key, stream] as const))(
    'two processes at once never show the venue more than %s lets them, where nothing else binds',
    { timeout: 6 * LIMIT_MS },
    async (key, { batch, bound: bounds, limits: limitsOf, denial, first, isForbidden }) => {
      const [bound = 0] = fc.sample(bounds, { numRuns: 1, seed: SEED });
      const configured = limitsOf(bound);
      const lane = await nextLane(configured);
      const wanted = denial?.(lane) ?? [];
      const isMet = (): boolean => denial === null || wanted.some((one) => both.outcomes.has(one));
      const batches = fc.sample(batch, { numRuns: ROUNDS.most, seed: SEED });
      for (const [round, one] of batches.entries()) {
        if (round >= ROUNDS.least && isMet() && both.outcomes.has('sent')) break;
        await carryOut(lane, one, first);
      }
      const journal = lane.accounts[0].journal();
      // It was tight enough to matter, and not so tight that nothing passed.
      expect([...both.outcomes]).toContain('sent');
      expect(isMet(), `nothing of ${wanted.join(', ')} in ${[...both.outcomes].join(', ')}`).toBe(true);
      if (isForbidden !== undefined) {
        const orders = entriesIn(journal).map(({ clientOrderId, account }) => ({ ...both.askedOf(clientOrderId), venueAccount: account }));
        expect(orders.length).toBeGreaterThan(0);
        expect(orders.filter(isForbidden)).toEqual([]);
        return;
      }
      expect(brokenLimits(journal, configured as SeenLimits, judging)).toEqual([]);
      // The judge sees what is over this limit.
      const tighter = key === 'takerFeeBps' ? { takerFeeBps: 90_000 } : { [key]: key === 'collarBps' ? bound - 1 : bound / 8 };
      expect(brokenLimits(journal, tighter, judging).map((one) => one.split(':')[0])).toContain(key);
    },
  );

  it('two processes at once show the venue nothing of an account outside of its trading hours', { timeout: 6 * LIMIT_MS }, async () => {
    const lane = await nextLane(LIMITS, { ...LIMITS, [HOURS]: closedHours() });
    for (const batch of fc.sample(batchOf(STRATEGIES, ORDINARY, MIXED), { numRuns: ROUNDS.least, seed: SEED })) await carryOut(lane, batch);
    expect([...both.outcomes]).toEqual(expect.arrayContaining(['sent', 'RISK_TRADING_HOURS']));
    const accounts = entriesIn(lane.accounts[0].journal()).map(({ account }) => account);
    expect(new Set(accounts)).toEqual(new Set(['test']));
  });

  it.each(PACES)(
    'two processes at once never show the venue more %s than their limit lets them',
    { timeout: 6 * LIMIT_MS },
    async (_, bounds, paces, code) => {
      const lane = await nextLane({ ...LIMITS, ...bounds });
      const [one] = lane.accounts;
      const { account: name } = one;
      const asks = FEW.flatMap((who) => Object.entries(PRICES).map(([instrument, price]) => ({ who, instrument, price })));
      for (let round = 0; round < ROUNDS.least || (round < ROUNDS.most && !both.outcomes.has(code)); round += 1) {
        await Promise.all(
          [0, 1].flatMap((process) =>
            asks.map(({ who, instrument, price }) => {
              const given = testSignal(name, 'open', both.nextBar(), VALID_MS);
              const signal = { ...given, strategy: who, instrument, referencePrice: price };
              return both.enter(process, { signal, notional: '200' as DecimalText, rests: true });
            }),
          ),
        );
        // What rests is canceled, so that nothing but the pace denies the same once more.
        await both.cancel(name);
      }
      const { rows } = await both.database.pool.query<{ id: string; strategy: string; instrument: string; time: number }>(
        `select client_order_id as id, strategy, instrument, (extract(epoch from created_at) * 1000)::float8 as time from orders
           where account = $1 and status <> 'denied'`,
        [name],
      );
      const entries = entriesIn(one.journal()).map(({ clientOrderId, time: venueTime }) => {
        const row = rows.find(({ id }) => id === clientOrderId);
        if (row === undefined) throw new Error(`nobody authorised ${clientOrderId}`);
        // Of one that took for ever the venue's clock could say nothing, nor of any other beside it.
        const { tookMs } = both.askedOf(clientOrderId);
        if (tookMs === undefined || !Number.isFinite(tookMs)) throw new Error(`nobody knows how long ${clientOrderId} took`);
        return { strategy: row.strategy, instrument: row.instrument, venueTime, gateTime: row.time, tookMs };
      });
      console.info(`the longest that an entry took, ms: ${Math.round(Math.max(...entries.map(({ tookMs }) => tookMs)))}`);
      expect(brokenPaces(entries, paces)).toEqual([]);
      // It was tight enough to matter, and not so tight that nothing passed.
      expect([...both.outcomes]).toEqual(expect.arrayContaining(['sent', code]));
      // The judge sees what is over a limit.
      const tighter = paces.map((pace) => ({ ...pace, limit: 0, windowMs: Number.POSITIVE_INFINITY }));
      expect(brokenPaces(entries, tighter).length).toBeGreaterThanOrEqual(paces.length);
    },
  );

  it('each limit of the table is the one that binds in some stream', () => {
    const bound = [...STREAMS.map(({ key }) => key), HOURS, ...PACES.flatMap(([, bounds]) => Object.keys(bounds) as LimitKey[])];
    expect(bound.toSorted()).toEqual(LIMIT_KEYS.toSorted());
  });
});
