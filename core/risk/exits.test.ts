import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, text, type DecimalText } from '../money/index.js';
import type { TradeSignal } from '../signal/signal.js';
import { KEY, LEDGER, NOW, RULES } from '../../test/support/risk-view.js';
import type { GateVerdict } from './approved-order.js';
import { sellWithin, termsOf } from './draft.js';
import { isLargest } from './filters.js';
import { decideOrder } from './gate.js';
import { LIMIT_KEYS, limitDefinition } from './limit-table.js';
import { decideEscape, decideStop } from './protective.js';
import type { RiskView } from './view.js';

/** P18, P19: what sells needs the position, the venue's filters and no latch. Here everything else is as bad as it can be. */
const d = (value: string): DecimalText => value as DecimalText;
const CLOSE: TradeSignal = {
  ...KEY,
  strategyVersion: '1',
  leg: 'close',
  barCloseTime: NOW - 1,
  decidedTime: NOW,
  validUntil: NOW + 2_000,
  referencePrice: d('100'),
  stopDistanceRatio: 0.02,
  features: [],
  reason: 'test',
};
const HELD = { strategy: KEY.strategy, instrument: KEY.instrument, quantity: d('2'), cost: d('200') };

const nought = fc.constantFrom('0', '0.01');
/** Any limit at its strictest, or as it usually is; but for the width of the collar and the age of prices, which price an exit. */
const limits = fc
  .record(
    Object.fromEntries(
      LIMIT_KEYS.filter((key) => key !== 'collarBps' && key !== 'priceMaxAgeMs' && key !== 'takerFeeBps').map((key) => {
        const { kind, stricter, most } = limitDefinition(key);
        if (kind === 'hours') return [key, fc.constantFrom([], ['nonsense'])];
        if (kind === 'amount') return [key, nought];
        return [key, fc.constantFrom(stricter === 'lower' ? 0 : most)];
      }),
    ),
    { requiredKeys: [] },
  )
  .map((strict) => ({ ...LEDGER.limits, ...strict }));
const crowd: RiskView['recentOrders'] = {
  times: { [KEY.strategy]: Array.from({ length: 1_000 }, () => NOW) },
  entries: [[KEY.strategy, KEY.instrument, NOW]],
};
const entryOf = {
  ...KEY,
  intentId: 'x',
  strategy: 'other',
  leg: 'open' as const,
  side: 'buy' as const,
  purpose: 'entry' as const,
  status: 'unknown',
  reservedQuantity: d('1'),
  reservedNotional: d('99999999'),
  quote: 'USDT',
};
const hostile = fc.record(
  {
    limits,
    missingLimits: fc.constant(LIMIT_KEYS),
    recentOrders: fc.constant(crowd),
    repeats: fc.constant(1_000_000),
    disabled: fc.constant('it repeated itself'),
    blocked: fc.constant('a person'),
    workingOrders: fc.constant(Array.from({ length: 5 }, () => entryOf)),
    balances: fc.constant({}),
    watch: fc.constant({ sampledTime: 0, comparedTime: 0 }),
    calendar: fc.constant({
      ...{ refreshedTime: null, maxAgeMs: 1 },
      windows: [{ from: 0, until: NOW * 2, time: NOW, title: 'a decision on rates', instruments: null }],
    }),
    instrument: fc.constant({ ...RULES, maxStops: 0, maxOrders: 0 }),
    neighbours: fc.constant({ version: '9', gross: d('99999999'), net: d('99999999'), quotes: ['USDT', 'BTC'] }),
    mode: fc.constantFrom('normal', 'observation', 'reduceOnly') as fc.Arbitrary<RiskView['mode']>,
  },
  { requiredKeys: ['limits'] },
);
const blind = fc.record(
  {
    price: fc.constantFrom({ price: d('100'), ageMs: 10 }),
    clockSkewMs: fc.constantFrom(0, 99_999, Number.NaN),
    streamGap: fc.constant('lost'),
  },
  { requiredKeys: ['price'] },
);

const shape = (verdict: GateVerdict): unknown =>
  verdict.kind === 'approved' ? { ...verdict.order, reservedNotional: '' } : verdict.failures.map(({ code }) => code);

it('P19: a position larger than the venue takes in one order is sold by as much as it takes', () => {
  const large: RiskView = {
    ...LEDGER,
    positions: [{ ...HELD, quantity: d('250.0004') }],
    instrument: { ...RULES, maxQuantity: d('100.0005') },
  };
  const exit = decideOrder(CLOSE, termsOf({ kind: 'fixedNotional', notional: d('0') }), large, { now: NOW });
  expect(exit).toMatchObject({ kind: 'approved', order: { quantity: '100' } });
  expect(decideEscape(KEY, { sequence: 1, collarBps: 50 }, large, decimal('100'))).toMatchObject({ order: { quantity: '100' } });
  const approved = exit.kind === 'approved' ? exit.order : undefined;
  expect(approved && isLargest(approved, large.instrument!)).toBe(true);
  expect(isLargest({ quantity: d('99.999') }, large.instrument!)).toBe(false);
});

describe('where the tick is coarser than the collar', () => {
  /** Prices in units of 0.00000001, which is the tick where nothing else is said. */
  const at = (units: string, purpose: 'exit' | 'escape' | 'flatten', collarBps: number, tick = '1'): string => {
    const unit = '0.00000001';
    const rules = { ...RULES, tickSize: text(decimal(tick).mul(unit)) };
    return sellWithin(collarBps, purpose, decimal('1'), decimal(units).mul(unit), rules).price.div(unit).toFixed();
  };

  it.each([
    ['12', '1', '11'],
    ['25', '1', '24'],
    ['1', '1', '1'],
    ['7', '5', '5'],
    ['3', '5', '5'],
    ['0.5', '1', '1'],
    ['1000', '1', '960'],
  ])('P19: at %s, by a tick of %s, what leaves at the widest collar sells down to %s', (units, tick, lowest) => {
    expect(at(units, 'escape', 400, tick)).toBe(lowest);
    expect(at(units, 'flatten', 400, tick)).toBe(lowest);
  });

  it('an escape or a slice widens first; an exit, which is not widened, goes one tick under at once', () => {
    expect(['escape', 'flatten'].map((purpose) => at('12', purpose as 'escape', 200))).toEqual(['12', '12']);
    expect(at('12', 'exit', 50)).toBe('11');
    expect(at('100', 'exit', 50)).toBe('99');
    expect(at('1000', 'exit', 50)).toBe('995');
  });

  it('a sale at the widest collar is under the reference, on the tick, and beyond the collar by less than one tick', () => {
    const whole = fc.integer({ min: 2, max: 100_000 });
    fc.assert(
      fc.property(whole, fc.integer({ min: 1, max: 1_000 }), (reference, tick) => {
        fc.pre(reference > tick);
        const price = sellWithin(400, 'escape', decimal('1'), decimal(`${reference}`), { ...RULES, tickSize: d(`${tick}`) }).price;
        expect(price.lt(reference)).toBe(true);
        expect(price.gte(tick) && price.mod(tick).isZero()).toBe(true);
        expect(price.gt(decimal(`${reference}`).mul('0.96').minus(tick))).toBe(true);
      }),
    );
  });
});

describe('no check that binds entries', () => {
  const calm: RiskView = { ...LEDGER, positions: [HELD] };

  it('stops an exit, or makes it smaller, later or dearer', () => {
    fc.assert(
      fc.property(hostile, blind, (worse, seen) => {
        const terms = termsOf({ kind: 'fixedNotional', notional: d('0') });
        const free = decideOrder(CLOSE, terms, calm, { now: NOW, price: { price: d('100'), ageMs: 10 } });
        const pressed = decideOrder(CLOSE, terms, { ...calm, ...worse }, { now: NOW, ...seen });
        expect(free.kind).toBe('approved');
        expect(shape(pressed)).toEqual(shape(free));
      }),
    );
  });

  it('stops a stop or an escape, in whatever mode', () => {
    const wish = { sequence: 1, quantity: decimal('2'), stopPrice: decimal('98'), limitPrice: decimal('97.5') };
    fc.assert(
      fc.property(hostile, fc.constantFrom('normal', 'paused') as fc.Arbitrary<RiskView['mode']>, (worse, mode) => {
        const pressed = { ...calm, ...worse, mode } as RiskView;
        expect(shape(decideStop(KEY, wish, pressed))).toEqual(shape(decideStop(KEY, wish, calm)));
        const escape = (ledger: RiskView) => decideEscape(KEY, { sequence: 1, collarBps: 50 }, ledger, decimal('100'));
        expect(shape(escape(pressed))).toEqual(shape(escape(calm)));
        expect(decideStop(KEY, wish, pressed).kind).toBe('approved');
      }),
    );
  });
});
