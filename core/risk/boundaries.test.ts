import { expect, it, test } from 'vitest';
import type { CalendarView } from '../calendar/calendar.js';
import { decimal, text, type DecimalText } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import type { TradeSignal } from '../signal/signal.js';
import { LEDGER, NOW, RULES } from '../../test/support/risk-view.js';
import { NOT_OF_THE_GATE, RISK_CHECKS } from './checks.js';
import { termsOf, type OrderDraft } from './draft.js';
import { entryLimitFailures } from './entry-limits.js';
import { filterFailures } from './filters.js';
import { decideOrder } from './gate.js';
import type { Limits } from './limits.js';
import type { LiveView, RiskView } from './view.js';

/**
 * For each check of the gate: what just passes, and what just does not, one tick, unit or millisecond apart. An order is
 * one unit at 100, so it is worth 100, and 100.1 with its fee of 10 bps.
 */
const d = (value: string): DecimalText => value as DecimalText;

const SIGNAL: TradeSignal = {
  account: 'main',
  strategy: 'momentum',
  strategyVersion: '1',
  instrument: 'BTC/USDT',
  leg: 'open',
  barCloseTime: NOW - 1,
  decidedTime: NOW,
  validUntil: NOW + 2_000,
  referencePrice: d('100'),
  stopDistanceRatio: 0.02,
  features: [1],
  score: 0.9,
  modelHash: 'abc',
  reason: 'test',
};
const weight = (used: number) => ({ kind: 'used', used, limit: 6_000 }) as const;
const LIVE: LiveView = { now: NOW, price: { price: d('100'), ageMs: 0 }, clockSkewMs: 0, venueWeight: weight(0) };
const DRAFT: OrderDraft = {
  purpose: 'entry',
  side: 'buy',
  type: 'limit',
  postOnly: false,
  timeInForce: 'IOC',
  quantity: decimal('1'),
  price: decimal('100'),
  stopPrice: null,
  workingUntil: null,
  reference: decimal('100'),
};

type Given = Partial<{
  readonly limits: Partial<Limits>;
  readonly ledger: Partial<RiskView>;
  readonly draft: Partial<OrderDraft>;
  readonly signal: Partial<TradeSignal>;
  readonly live: Partial<LiveView>;
  readonly without: keyof LiveView;
}>;

/** An event of the economic calendar, and when that was read. */
const near = (window: Partial<CalendarView['windows'][number]>): Given => ({
  ledger: {
    calendar: {
      ...{ refreshedTime: NOW, maxAgeMs: 1_000 },
      windows: [{ from: NOW - 1, until: NOW + 1, time: NOW, title: 'a decision on rates', instruments: null, ...window }],
    },
  },
});
const readAt = (refreshedTime: number | null): Given => ({ ledger: { calendar: { refreshedTime, maxAgeMs: 1_000, windows: [] } } });

/** Every reason against an entry: of the gate as it is asked, and of a draft as no sizing would make it. */
function reasons({ limits, ledger, draft, signal, live, without }: Given): string[] {
  const view: RiskView = { ...LEDGER, ...ledger, limits: { ...LEDGER.limits, ...limits, ...ledger?.limits } };
  const seen = Object.fromEntries(Object.entries({ ...LIVE, ...live }).filter(([key]) => key !== without)) as unknown as LiveView;
  if (draft !== undefined || limits !== undefined || ledger?.positions !== undefined || ledger?.balances !== undefined) {
    const made = { ...DRAFT, ...draft };
    const rules = view.instrument ?? RULES;
    const failures = [...filterFailures(made, rules, 'paper'), ...entryLimitFailures({ ...SIGNAL, ...signal }, made, view, rules)];
    if (failures.length > 0 || draft !== undefined) return failures.map(({ code }) => code);
  }
  const terms = termsOf({ kind: 'fixedNotional', notional: d('100') });
  const verdict = decideOrder({ ...SIGNAL, ...signal }, terms, view, seen);
  return verdict.kind === 'denied' ? verdict.failures.map(({ code }) => code) : [];
}

const orders = (count: number, ago: number, strategy = 'momentum'): Given => ({
  ledger: { recentOrders: { times: { [strategy]: Array.from({ length: count }, () => NOW - ago) }, entries: [] } },
});
const entryOf = (ago: number): Given => ({ ledger: { recentOrders: { times: {}, entries: [['momentum', 'BTC/USDT', NOW - ago]] } } });
const held = (cost: string, more: Partial<RiskView['positions'][number]> = {}) => ({
  strategy: 'momentum',
  instrument: 'BTC/USDT',
  quantity: d('1'),
  cost: d(cost),
  ...more,
});
const elsewhere = { strategy: 'other', instrument: 'ETH/USDT' };
const others = (gross: string, net = gross): Partial<RiskView> => ({
  neighbours: { version: '1', gross: d(gross), net: d(net), quotes: ['USDT'] },
});
const working = (status = 'accepted') => ({
  ...elsewhere,
  intentId: 'x',
  leg: 'open' as const,
  side: 'buy' as const,
  purpose: 'entry' as const,
  status,
  reservedQuantity: d('1'),
  reservedNotional: d('100'),
  quote: 'USDT',
});
const noon = Date.parse('2026-11-25T12:00:00Z');
const inHours = (ms: number): Given => ({
  limits: { tradingHours: ['wed 12:00-13:00'] },
  ledger: { databaseTime: noon + ms, watch: { sampledTime: noon + ms, equityTime: noon + ms, comparedTime: noon + ms } },
});
const sampled = (ago: number, knownAgo = 0, comparedAgo = 0): Given => ({
  ledger: { watch: { sampledTime: NOW - ago, equityTime: NOW - knownAgo, comparedTime: NOW - comparedAgo } },
});
const units = (quantity: string, price = '100', reference = price): Given => ({
  draft: { quantity: decimal(quantity), price: decimal(price), reference: decimal(reference) },
});

const late = (lateMs: number): Given => ({ live: { price: { price: d('100'), ageMs: 0, lateMs } } });
const book = (bid: string, ageMs = 0): Given => ({ live: { book: { bid: d(bid), ask: d('100'), ageMs } } });

/** At a venue with room for so many, and with what is there of others in the instrument. */
const room = (
  most: Pick<InstrumentRules, 'maxStops' | 'maxOrders'>,
  workingOrders: RiskView['workingOrders'],
  [quantity, cost = '0']: readonly string[] = [],
): Given => ({
  ledger: {
    instrument: { ...RULES, ...most },
    workingOrders,
    positions: quantity === undefined ? [] : [held(cost, { strategy: 'other', quantity: d(quantity) })],
  },
});
const inInstrument = (strategy: string, purpose: 'entry' | 'exit' | 'stop') => ({
  ...{ ...working(), instrument: 'BTC/USDT', strategy, purpose },
  ...{ side: purpose === 'entry' ? ('buy' as const) : ('sell' as const), reservedNotional: d(purpose === 'entry' ? '100' : '0') },
});
const stopOf = (strategy: string) => inInstrument(strategy, 'stop');
const entryBy = (strategy: string) => inInstrument(strategy, 'entry');
const exitBy = (strategy: string) => inInstrument(strategy, 'exit');

/** What is held already is in the same stop. */
const besideOne: Given = { ledger: { positions: [held('0')] } };

const BOUNDARIES: readonly (readonly [code: string, passes: Given, refused: Given])[] = [
  ['RISK_MODE', { ledger: { mode: 'normal' } }, { ledger: { mode: 'observation' } }],
  [
    'RISK_KILLED',
    { ledger: { latches: [{ scope: 'instrument', scopeValue: 'ETH/USDT' }] } },
    { ledger: { latches: [{ scope: 'instrument', scopeValue: 'BTC/USDT' }] } },
  ],
  ['RISK_SIGNAL_EXPIRED', { live: { now: NOW + 2_000 } }, { live: { now: NOW + 2_001 } }],
  ['RISK_STRATEGY_INACTIVE', {}, { ledger: { activeVersion: '2' } }],
  [
    'RISK_POSITION_EXISTS',
    { ledger: { positions: [held('4.9', { quantity: d('0.049') })] } },
    { ledger: { positions: [held('5', { quantity: d('0.05') })] } },
  ],
  [
    'RISK_POSITION_EXISTS',
    { ledger: { instrument: { ...RULES, minQuantity: d('0.1') }, positions: [held('9.9', { quantity: d('0.099') })] } },
    { ledger: { instrument: { ...RULES, minQuantity: d('0.1') }, positions: [held('10', { quantity: d('0.1') })] } },
  ],
  ['RISK_FEATURES_INCOMPLETE', { signal: { features: [0, 0] } }, { signal: { features: [Number.NaN, 0] } }],
  ['RISK_FEATURES_INCOMPLETE', { signal: { features: [0] } }, { signal: { features: [0, Number.NaN] } }],
  ['RISK_FEATURES_INCOMPLETE', { signal: { features: [0] } }, { signal: { features: [] } }],
  ['RISK_LIMITS_MISSING', { ledger: { missingLimits: [] } }, { ledger: { missingLimits: ['maxOpenOrders'] } }],
  ['RISK_STRATEGY_DISABLED', {}, { ledger: { disabled: 'it repeated itself' } }],
  ['RISK_INSTRUMENT_BLOCKED', {}, { ledger: { blocked: 'a person' } }],
  [
    'RISK_INSTRUMENT_BLOCKED',
    { ledger: { workingOrders: [{ ...working('unknown') }] } },
    { ledger: { workingOrders: [{ ...working('unknown'), instrument: 'BTC/USDT' }] } },
  ],
  ['RISK_INSTRUMENT_HALTED', {}, { ledger: { instrument: { ...RULES, trading: false } } }],
  ['ORDER_QUANTITY_PRECISION', units('1.001'), units('1.0011')],
  ['ORDER_PRICE_PRECISION', units('1', '99.99'), units('1', '99.991')],
  ['ORDER_BELOW_MIN_QUANTITY', { ...units('0.001', '5000'), ...besideOne }, { ...units('0', '5000'), ...besideOne }],
  ['ORDER_ABOVE_MAX_QUANTITY', units('100', '1'), units('100.001', '1')],
  ['ORDER_BELOW_MIN_NOTIONAL', { ...units('0.05'), ...besideOne }, { ...units('0.05', '99.99'), ...besideOne }],
  ['RISK_NOTIONAL_LIMIT', { limits: { maxOrderNotional: d('100') } }, { limits: { maxOrderNotional: d('99.99') } }],
  ['RISK_PRICE_COLLAR', units('1', '100.5', '100'), units('1', '100.51', '100')],
  ['RISK_TICK_TOO_COARSE', units('30', '0.25', '0.25'), units('30', '0.25', '0.249')],
  // Of 0.053 with a fee of 10 bps 0.052 are left, worth 5.07 at 97.51; of 0.052 0.051 are, worth 4.97.
  ['RISK_STOP_BELOW_MINIMUM', units('0.053'), units('0.052')],
  ['RISK_STOPS_FULL', room({ maxStops: 1 }, []), room({ maxStops: 0 }, [])],
  // Of another strategy: a stop, an entry that works, and a position, whose worth makes it one. What it has besides its stop is counted by that.
  ['RISK_STOPS_FULL', room({ maxStops: 2 }, [stopOf('other')]), room({ maxStops: 1 }, [stopOf('other')])],
  ['RISK_STOPS_FULL', room({ maxStops: 2 }, [entryBy('other')]), room({ maxStops: 1 }, [entryBy('other')])],
  ['RISK_STOPS_FULL', room({ maxStops: 1 }, [], ['0.049']), room({ maxStops: 1 }, [], ['0.05'])],
  ['RISK_STOPS_FULL', room({ maxStops: 1 }, [], ['0.049', '4.9']), room({ maxStops: 1 }, [], ['0.049', '5.01'])],
  ['RISK_STOPS_FULL', room({ maxStops: 2 }, [stopOf('other')], ['1']), room({ maxStops: 2 }, [stopOf('third')], ['1'])],
  ['RISK_STOPS_FULL', room({ maxStops: 1 }, [{ ...stopOf('other'), instrument: 'ETH/USDT' }]), room({ maxStops: 1 }, [stopOf('other')])],
  // Itself, its stop, and the two of the other.
  ['RISK_STOPS_FULL', room({ maxOrders: 4 }, [entryBy('other')]), room({ maxOrders: 3 }, [entryBy('other')])],
  ['RISK_STOPS_FULL', room({ maxOrders: 3 }, [exitBy('other')]), room({ maxOrders: 2 }, [exitBy('other')])],
  ['RISK_EXPOSURE_LIMIT', { limits: { maxInstrumentExposure: d('100') } }, { limits: { maxInstrumentExposure: d('99.99') } }],
  ['RISK_EXPOSURE_LIMIT', { limits: { maxStrategyExposure: d('100') } }, { limits: { maxStrategyExposure: d('99.99') } }],
  ['RISK_EXPOSURE_LIMIT', { limits: { maxAccountExposure: d('100') } }, { limits: { maxAccountExposure: d('99.99') } }],
  [
    'RISK_EXPOSURE_LIMIT',
    { limits: { maxVenueExposure: d('150') }, ledger: others('50', '0') },
    { limits: { maxVenueExposure: d('150') }, ledger: others('50.01', '0') },
  ],
  [
    'RISK_NET_EXPOSURE_LIMIT',
    { limits: { maxVenueNetExposure: d('150') }, ledger: others('9999', '50') },
    { limits: { maxVenueNetExposure: d('150') }, ledger: others('9999', '50.01') },
  ],
  // 80 short elsewhere: 100 more is 20 long, and 180 gross.
  [
    'RISK_NET_EXPOSURE_LIMIT',
    { limits: { maxAccountNetExposure: d('20') }, ledger: { positions: [held('-80', elsewhere)] } },
    { limits: { maxAccountNetExposure: d('19.99') }, ledger: { positions: [held('-80', elsewhere)] } },
  ],
  ['RISK_NET_EXPOSURE_LIMIT', { limits: { maxInstrumentNetExposure: d('100') } }, { limits: { maxInstrumentNetExposure: d('99.99') } }],
  ['RISK_NET_EXPOSURE_LIMIT', { limits: { maxStrategyNetExposure: d('100') } }, { limits: { maxStrategyNetExposure: d('99.99') } }],
  // Five BTC are not five USDT, whoever holds them; what only sells adds nothing.
  [
    'RISK_MIXED_QUOTES',
    { ledger: { positions: [held('5', { ...elsewhere })] } },
    { ledger: { positions: [held('5', { ...elsewhere, instrument: 'ETH/BTC' })] } },
  ],
  [
    'RISK_MIXED_QUOTES',
    { ledger: { workingOrders: [{ ...working(), quote: 'BTC', reservedNotional: d('0') }] }, draft: {} },
    { ledger: { workingOrders: [{ ...working(), quote: 'BTC', reservedNotional: d('0.01') }] }, draft: {} },
  ],
  [
    'RISK_MIXED_QUOTES',
    { ledger: { neighbours: { version: '1', gross: d('1'), net: d('1'), quotes: ['BTC'] } } },
    { ledger: { neighbours: { version: '1', gross: d('1'), net: d('1'), quotes: ['BTC'] } }, limits: { maxVenueExposure: d('999') } },
  ],
  [
    'RISK_LEVERAGE',
    { ledger: { balances: { USDT: d('100') } }, limits: { takerFeeBps: 0 }, draft: {} },
    { ledger: { balances: { USDT: d('99.99') } }, limits: { takerFeeBps: 0 }, draft: {} },
  ],
  [
    'RISK_FREE_BALANCE',
    { ledger: { balances: { USDT: d('100.1') } }, draft: {} },
    { ledger: { balances: { USDT: d('100.09') } }, draft: {} },
  ],
  [
    'RISK_OPEN_ORDERS_LIMIT',
    { ledger: { workingOrders: [working()] }, limits: { maxOpenOrders: 2 } },
    { ledger: { workingOrders: [working()] }, limits: { maxOpenOrders: 1 } },
  ],
  ['RISK_RATE_LIMIT', orders(9, 999), orders(10, 999)],
  ['RISK_RATE_LIMIT', orders(10, 1_000), orders(10, 999)],
  ['RISK_RATE_LIMIT', orders(119, 59_999), orders(120, 59_999)],
  ['RISK_RATE_LIMIT', orders(120, 60_000), orders(120, 59_999)],
  ['RISK_RATE_LIMIT', orders(19, 999, 'other'), orders(20, 999, 'other')],
  ['RISK_RATE_LIMIT', orders(299, 59_999, 'other'), orders(300, 59_999, 'other')],
  ['RISK_REPEATED_EXECUTION', { ledger: { repeats: 19 } }, { ledger: { repeats: 20 } }],
  ['RISK_DUPLICATE_INTENT', entryOf(500), entryOf(499)],
  ['RISK_PRICE_MISSING', {}, { without: 'price' }],
  ['RISK_PRICE_STALE', { live: { price: { price: d('100'), ageMs: 3_000 } } }, { live: { price: { price: d('100'), ageMs: 3_001 } } }],
  // By what the price may be old, where that is shorter than what a feed may be late.
  ['DATA_STALE', late(3_000), late(3_001)],
  ['DATA_STALE', { ...late(5_000), limits: { priceMaxAgeMs: 60_000 } }, { ...late(5_001), limits: { priceMaxAgeMs: 60_000 } }],
  ['DATA_CROSSED_BOOK', book('99.99'), book('100')],
  ['DATA_CROSSED_BOOK', book('100.01', 10_001), book('100.01', 10_000)],
  ['RISK_STREAM_DOWN', {}, { live: { streamGap: 'the connection was lost' } }],
  ['RISK_CLOCK_UNKNOWN', {}, { without: 'clockSkewMs' }],
  ['RISK_CLOCK_SKEW', { live: { clockSkewMs: -500 } }, { live: { clockSkewMs: -501 } }],
  ['RISK_CLOCK_SKEW', { live: { clockSkewMs: 500 } }, { live: { clockSkewMs: Number.NaN } }],
  ['RISK_VENUE_WEIGHT', { live: { venueWeight: weight(3_599) } }, { live: { venueWeight: weight(3_600) } }],
  ['RISK_VENUE_CLOSED', { live: { venueWeight: { kind: 'untold' } } }, { live: { venueWeight: { kind: 'closed', forMs: 1 } } }],
  ['RISK_VENUE_WEIGHT_UNKNOWN', { live: { venueWeight: { kind: 'untold' } } }, { live: { venueWeight: { kind: 'unknown' } } }],
  ['RISK_VENUE_WEIGHT_UNKNOWN', {}, { without: 'venueWeight' }],
  ['RISK_WATCH_SILENT', sampled(5_000), sampled(5_001)],
  // A sample from the future: a clock was set.
  ['RISK_WATCH_SILENT', sampled(-2_000), sampled(-2_001)],
  ['RISK_EQUITY_UNKNOWN', sampled(0, 5_000), sampled(0, 5_001)],
  ['RISK_EQUITY_UNKNOWN', sampled(0), { ledger: { watch: { sampledTime: NOW, comparedTime: NOW } } }],
  ['RISK_NOT_COMPARED', sampled(0, 0, 900_000), sampled(0, 0, 900_001)],
  ['RISK_NOT_COMPARED', sampled(0, 0, -2_000), sampled(0, 0, -2_001)],
  // By one millisecond more or less: ledger-contact.test.ts.
  ['RISK_LEDGER_LOST', {}, { live: { ledgerDoubt: 'has not answered' } }],
  // The window of an event, both ends its own; of another instrument; and the age of what was read.
  ['RISK_CALENDAR_EVENT', near({ from: NOW + 1, until: NOW + 9 }), near({ from: NOW, until: NOW + 9 })],
  ['RISK_CALENDAR_EVENT', near({ from: NOW - 9, until: NOW - 1 }), near({ from: NOW - 9, until: NOW })],
  ['RISK_CALENDAR_EVENT', near({ instruments: ['ETH/USDT'] }), near({ instruments: ['BTC/USDT'] })],
  ['RISK_CALENDAR_STALE', readAt(NOW - 1_000), readAt(NOW - 1_001)],
  ['RISK_CALENDAR_STALE', readAt(NOW + 5_000), readAt(NOW + 5_001)],
  ['RISK_CALENDAR_STALE', {}, readAt(null)],
  ['RISK_TRADING_HOURS', inHours(0), inHours(-1)],
  ['RISK_TRADING_HOURS', inHours(3_599_999), inHours(3_600_000)],
];

/** Not by one step more or less; each has its own test in gate.test.ts and filters.test.ts. */
const ELSEWHERE = [
  'RISK_SIZING_INPUT',
  'RISK_INSTRUMENT_UNKNOWN',
  'RISK_NO_POSITION',
  'RISK_POSITION_LEAVING',
  'ORDER_ABOVE_MAX_MARKET_QUANTITY',
];

test.each(BOUNDARIES.filter(([code]) => !ELSEWHERE.includes(code)))('%s: %o passes, %o does not', (code, passes, refused) => {
  expect(reasons(passes)).toEqual([]);
  expect(reasons(refused)).toContain(code);
});

it('a feature that is no number is named by its place, the first one too', () => {
  const failures = (features: readonly number[]) => {
    const terms = termsOf({ kind: 'fixedNotional', notional: d('100') });
    const verdict = decideOrder({ ...SIGNAL, features }, terms, LEDGER, LIVE);
    return verdict.kind === 'denied' ? verdict.failures.map(({ message }) => message) : [];
  };
  expect(failures([Number.NaN, 0])).toEqual([expect.stringContaining('feature 1 of 2 is no number')]);
  expect(failures([0, Number.NaN])).toEqual([expect.stringContaining('feature 2 of 2 is no number')]);
});

it('every check of the gate has its boundary', () => {
  const shown = new Set([...BOUNDARIES.map(([code]) => code), ...ELSEWHERE]);
  expect(RISK_CHECKS.map(({ code }) => code as string).filter((code) => !shown.has(code))).toEqual([]);
  expect(NOT_OF_THE_GATE.filter((code) => shown.has(code))).toEqual([]);
});

it('the fixture itself is let through, so that each refusal is of the one thing that differs', () => {
  expect(reasons({})).toEqual([]);
  expect(text(DRAFT.quantity.mul(DRAFT.price))).toBe('100');
});
