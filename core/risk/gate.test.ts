import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LatchScope, Mode } from '../control/mode.js';
import { decimal, isOnStep, type DecimalText } from '../money/index.js';
import type { TradeSignal } from '../signal/signal.js';
import type { GateVerdict } from './approved-order.js';
import { termsOf } from './draft.js';
import { LEDGER, NOW } from '../../test/support/risk-view.js';
import { decideOrder } from './gate.js';
import type { LiveView, RiskView, WorkingOrder } from './view.js';

const d = (text: string): DecimalText => text as DecimalText;

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
  features: [],
  reason: 'test',
};
const CLOSE: TradeSignal = { ...SIGNAL, leg: 'close' };

const LIVE: LiveView = { now: NOW, price: { price: d('100'), ageMs: 10 }, clockSkewMs: 3, venueWeight: { kind: 'untold' } };
const SIZING = { kind: 'fixedNotional', notional: d('500') } as const;
const HELD = { strategy: 'momentum', instrument: 'BTC/USDT', quantity: d('2.0005'), cost: d('200') };
const EXIT: WorkingOrder = {
  intentId: 'x',
  strategy: 'momentum',
  instrument: 'BTC/USDT',
  leg: 'close',
  side: 'sell',
  purpose: 'exit',
  status: 'unknown',
  reservedQuantity: d('1.5'),
  reservedNotional: d('0'),
  quote: 'USDT',
};

const decide = (signal: TradeSignal, ledger: Partial<RiskView> = {}, live: Partial<LiveView> = {}, notional = '500'): GateVerdict =>
  decideOrder(signal, termsOf({ ...SIZING, notional: d(notional) }), { ...LEDGER, ...ledger }, { ...LIVE, ...live });
const codes = (verdict: GateVerdict): string[] => (verdict.kind === 'denied' ? verdict.failures.map((one) => one.code) : []);
const limited = (limits: Partial<RiskView['limits']>): Partial<RiskView> => ({ limits: { ...LEDGER.limits, ...limits } });

const DAY = Date.parse('2026-11-25T00:00:00Z');
const at = (databaseTime: number): Partial<RiskView> => ({
  databaseTime,
  watch: { sampledTime: databaseTime, equityTime: databaseTime, comparedTime: databaseTime },
});
const hours = (...tradingHours: string[]): Partial<RiskView> => limited({ tradingHours });
const event = (from: number, ...instruments: string[]) => ({ from, until: from + 1, time: from, title: 'Rates', instruments });
const calendar = (...windows: NonNullable<RiskView['calendar']>['windows']): Partial<RiskView> => ({
  calendar: { refreshedTime: DAY, maxAgeMs: 100_000_000, windows },
});

describe('P5: an entry', () => {
  const NOON = DAY + 43_200_000;
  const [LAST, FIRST] = [NOON - 1, NOON - 60_000];
  it.each<[string, Partial<RiskView>, number, number | null]>([
    ['always', {}, LAST, null],
    ['within hours that go on', hours('wed 09:00-12:01'), LAST, null],
    ['in the last minute of the hours', hours('wed 09:00-12:00'), FIRST, LAST],
    ['in their last millisecond', hours('wed 09:00-12:00'), LAST, LAST],
    ['within hours of which one goes on', hours('wed 09:00-13:00', 'wed 09:00-12:00'), LAST, LAST],
    ['within hours that go on with others', hours('wed 09:00-12:00, wed 12:00-13:00'), LAST, null],
    ['before an event', calendar(event(NOON + 5, 'BTC/USDT'), event(NOON, 'BTC/USDT')), FIRST, LAST],
    ['before one of another instrument', calendar(event(NOON, 'ETH/USDT')), FIRST, DAY + 100_000_000],
    ['before an event, in hours that close sooner', { ...hours('wed 09:00-12:00'), ...calendar(event(NOON + 1, 'BTC/USDT')) }, FIRST, LAST],
  ])('%s, begins to be sent until they speak against it', (_, ledger, time, notAfter) => {
    const verdictAt = (now: number): GateVerdict => decide(SIGNAL, { ...ledger, ...at(now) });
    expect(verdictAt(time)).toMatchObject({ kind: 'approved', order: { notAfter } });
    if (notAfter === null) return;
    expect(codes(verdictAt(notAfter))).toEqual([]);
    expect(codes(verdictAt(notAfter + 1))).toHaveLength(1);
    // P19: they bind no exit.
    const exit = decide(CLOSE, { ...ledger, ...at(time), positions: [HELD] });
    expect(exit).toMatchObject({ kind: 'approved', order: { notAfter: null } });
  });
});

describe('an entry that rests', () => {
  const NOON = DAY + 43_200_000;
  const HOUR = 3_600_000;
  const aheadMs = 7;
  const restsFor = (workMs: number, ledger: Partial<RiskView>, time: number): number | null => {
    const execution = { kind: 'limit', offsetBps: 10, workMs, postOnly: false } as const;
    const terms = termsOf(SIZING, { execution });
    const view = { ...LEDGER, ...ledger, ...at(time) };
    const verdict = decideOrder({ ...SIGNAL, validUntil: time + 48 * HOUR }, terms, view, { ...LIVE, now: time + aheadMs });
    if (verdict.kind !== 'approved' || verdict.order.workingUntil === null) throw new Error(JSON.stringify(verdict));
    return verdict.order.workingUntil - time - aheadMs;
  };

  it.each<[string, number, Partial<RiskView>, number, number]>([
    ['for as long as it is to, in hours that never end', HOUR, {}, NOON, HOUR],
    ['in hours that go on', HOUR, hours('wed 09:00-13:01'), NOON, HOUR],
    ['until they close', HOUR, hours('wed 09:00-12:30'), NOON, HOUR / 2 - 1],
    ['until the first of several closes', HOUR, hours('wed 09:00-12:30', 'wed 09:00-12:15, wed 12:20-14:00'), NOON, HOUR / 4 - 1],
    ['on in those that follow without a gap', HOUR, hours('wed 09:00-12:10, wed 12:10-13:30', 'wed 12:00-14:00'), NOON, HOUR],
    ['over the end of a day', 24 * HOUR, hours('wed-thu 00:00-24:00'), NOON, 24 * HOUR],
    ['over the end of a week', 24 * HOUR, hours('sun 00:00-24:00, mon 00:00-06:00'), NOON + 96 * HOUR, 18 * HOUR - 1],
    ['no longer than it is to where they close later', 60_000, hours('wed 09:00-12:30'), NOON, 60_000],
    ['on where an event is to come, at which it is withdrawn', 2 * HOUR, calendar(event(NOON + HOUR, 'BTC/USDT')), NOON, 2 * HOUR],
  ])('does so %s', (_, workMs, ledger, time, rests) => {
    expect(restsFor(workMs, ledger, time)).toBe(rests);
  });
});

describe('entries', () => {
  it.each<[string, RiskView['watch'], string[]]>([
    ['5 s old', { sampledTime: NOW - 5_000, equityTime: NOW - 5_000, comparedTime: NOW }, []],
    ['older', { sampledTime: NOW - 5_001, equityTime: NOW - 5_001, comparedTime: NOW }, ['RISK_WATCH_SILENT']],
    ['of a clock that was set', { sampledTime: NOW + 5_001, equityTime: NOW, comparedTime: NOW }, ['RISK_WATCH_SILENT']],
    ['missing', undefined, ['RISK_WATCH_SILENT']],
    ['without the equity for 5 s', { sampledTime: NOW, equityTime: NOW - 5_000, comparedTime: NOW }, []],
    ['without it for longer', { sampledTime: NOW, equityTime: NOW - 5_001, comparedTime: NOW }, ['RISK_EQUITY_UNKNOWN']],
    ['without any equity yet', { sampledTime: NOW, comparedTime: NOW }, ['RISK_EQUITY_UNKNOWN']],
  ])('P26: with a sample of the account watch that is %s', (_, watch, expected) => {
    const { watch: _watch, ...unwatched } = LEDGER;
    const ledger = watch === undefined ? unwatched : { ...unwatched, watch };
    const verdictOf = (signal: TradeSignal, risk: RiskView): GateVerdict => decideOrder(signal, termsOf(SIZING), risk, LIVE);
    expect(codes(verdictOf(SIGNAL, ledger))).toEqual(expected);
    // P19: an exit waits for no watch.
    expect(verdictOf(CLOSE, { ...ledger, positions: [HELD] }).kind).toBe('approved');
  });

  it('are approved at the edge of the collar, rounded down, with their fee reserved', () => {
    expect(decide(SIGNAL)).toMatchObject({
      kind: 'approved',
      order: {
        side: 'buy',
        price: '100.5',
        quantity: '4.975',
        reservedQuantity: '4.975',
        reservedNotional: '500.4874875',
        riskVersion: '7',
      },
    });
  });

  // The order is worth 4.975 × 100.5 = 499.9875, with its fee 500.4874875.
  it.each([
    ['order notional', limited({ maxOrderNotional: d('499.9875') }), limited({ maxOrderNotional: d('499.9874') }), 'RISK_NOTIONAL_LIMIT'],
    [
      'instrument exposure',
      limited({ maxInstrumentExposure: d('499.9875') }),
      limited({ maxInstrumentExposure: d('499.9874') }),
      'RISK_EXPOSURE_LIMIT',
    ],
    [
      'account exposure',
      limited({ maxAccountExposure: d('499.9875') }),
      limited({ maxAccountExposure: d('499.9874') }),
      'RISK_EXPOSURE_LIMIT',
    ],
    ['free balance', { balances: { USDT: d('500.4874875') } }, { balances: { USDT: d('500.4874874') } }, 'RISK_FREE_BALANCE'],
  ])('keep to the limit of %s, to the last unit', (_, within, beyond, code) => {
    expect(decide(SIGNAL, within).kind).toBe('approved');
    expect(codes(decide(SIGNAL, beyond))).toContain(code);
  });

  it('are not paid with the coins of a position', () => {
    const balances = { USDT: d('501.4874875') };
    const held = (quantity: string) => ({ ...HELD, strategy: 'other', instrument: 'USDT/EUR', quantity: d(quantity), cost: d('1') });
    expect(codes(decide(SIGNAL, { balances, positions: [held('1')] }))).not.toContain('RISK_FREE_BALANCE');
    expect(codes(decide(SIGNAL, { balances, positions: [held('1.0000001')] }))).toContain('RISK_FREE_BALANCE');
  });

  it('count what was sold before its purchase was booked as exposure, never as room for more', () => {
    const sold = { ...HELD, strategy: 'other', quantity: d('-15'), cost: d('-1600') };
    expect(codes(decide(SIGNAL, { positions: [sold] }))).toEqual(['RISK_EXPOSURE_LIMIT']);
    expect(decide(SIGNAL, { positions: [{ ...sold, cost: d('-1500') }] }).kind).toBe('approved');
  });

  it('keep to the number of working orders, to the age of the price and to the skew', () => {
    const other = { ...EXIT, instrument: 'ETH/USDT' };
    expect(decide(SIGNAL, { workingOrders: [other, other] }).kind).toBe('approved');
    expect(codes(decide(SIGNAL, { workingOrders: [other, other, other] }))).toEqual(['RISK_OPEN_ORDERS_LIMIT']);
    expect(decide(SIGNAL, {}, { price: { price: d('100'), ageMs: 3_000 } }).kind).toBe('approved');
    expect(codes(decide(SIGNAL, {}, { price: { price: d('100'), ageMs: 3_001 } }))).toEqual(['RISK_PRICE_STALE']);
    // The clock was set back since the price came: nobody knows how old it is.
    expect(codes(decide(SIGNAL, {}, { price: { price: d('100'), ageMs: -3_001 } }))).toEqual(['RISK_PRICE_STALE']);
    expect(codes(decide(SIGNAL, {}, { price: { price: d('100'), ageMs: NaN }, clockSkewMs: NaN }))).toEqual([
      'RISK_PRICE_STALE',
      'RISK_CLOCK_SKEW',
    ]);
    expect(decide(SIGNAL, {}, { clockSkewMs: -500 }).kind).toBe('approved');
    expect(codes(decide(SIGNAL, {}, { clockSkewMs: 501 }))).toEqual(['RISK_CLOCK_SKEW']);
  });

  it('are denied with every reason at once, and for every input that is missing', () => {
    const ledger = decide(SIGNAL, { mode: 'paused', blocked: 'a person', ...limited({ maxOrderNotional: d('1') }) }, { now: NOW + 9_000 });
    expect(codes(ledger)).toEqual(['RISK_SIGNAL_EXPIRED', 'RISK_MODE', 'RISK_INSTRUMENT_BLOCKED', 'RISK_NOTIONAL_LIMIT']);
    const blind = decideOrder(SIGNAL, termsOf(SIZING), LEDGER, { now: NOW });
    expect(codes(blind)).toEqual(['RISK_PRICE_MISSING', 'RISK_CLOCK_UNKNOWN', 'RISK_VENUE_WEIGHT_UNKNOWN']);
    const { instrument: _, ...unlisted } = LEDGER;
    expect(codes(decideOrder(SIGNAL, termsOf(SIZING), unlisted, LIVE))).toEqual(['RISK_INSTRUMENT_UNKNOWN']);
  });

  it('are sized as the strategy is told, and carry why they are as large as they are', () => {
    const byRisk = { kind: 'riskPerTrade', risk: d('10') } as const;
    const inputs = { risk: '10', stopDistanceRatio: '0.02' };
    // 10 ÷ (100.5 × 0.02)
    const sizing = { kind: 'riskPerTrade', inputs, price: '100.5', rawQuantity: '4.975124378109452736' };
    expect(decideOrder(SIGNAL, termsOf(byRisk), LEDGER, LIVE)).toMatchObject({ kind: 'approved', order: { quantity: '4.975', sizing } });
    expect(decide(CLOSE, { positions: [HELD] })).toMatchObject({ order: { sizing: null } });
  });

  it('are denied when their sizing lacks what the strategy should have measured', () => {
    const byVolatility = { kind: 'volatilityTarget', target: d('10'), maxNotional: d('500') } as const;
    expect(decideOrder({ ...SIGNAL, volatilityRatio: 0.02 }, termsOf(byVolatility), LEDGER, LIVE).kind).toBe('approved');
    expect(codes(decideOrder(SIGNAL, termsOf(byVolatility), { ...LEDGER, mode: 'paused' }, LIVE))).toEqual([
      'RISK_MODE',
      'RISK_SIZING_INPUT',
    ]);
    const noStop = { ...SIGNAL, stopDistanceRatio: 0 };
    expect(codes(decideOrder(noStop, termsOf({ kind: 'riskPerTrade', risk: d('10') }), LEDGER, LIVE))).toEqual(['RISK_SIZING_INPUT']);
  });

  it('P2: only the active version trades', () => {
    expect(codes(decide(SIGNAL, { activeVersion: '2' }))).toEqual(['RISK_STRATEGY_INACTIVE']);
  });

  it('P11: wait while an order of the instrument is unknown', () => {
    const unknown = { ...EXIT, strategy: 'other' };
    expect(codes(decide(SIGNAL, { workingOrders: [unknown] }))).toEqual(['RISK_INSTRUMENT_BLOCKED']);
  });

  it('add nothing to a position or a working order of the same strategy; dust is no position', () => {
    expect(codes(decide(SIGNAL, { positions: [HELD] }))).toEqual(['RISK_POSITION_EXISTS']);
    expect(codes(decide(SIGNAL, { workingOrders: [EXIT] }))).toContain('RISK_POSITION_EXISTS');
    expect(decide(SIGNAL, { positions: [{ ...HELD, quantity: d('0.0499') }] }).kind).toBe('approved');
    expect(codes(decide(SIGNAL, { positions: [{ ...HELD, quantity: d('0.0501') }] }))).toEqual(['RISK_POSITION_EXISTS']);
  });

  it.each([
    ['5.1', 'RISK_STOP_BELOW_MINIMUM'],
    ['5.6', undefined],
    ['5', 'ORDER_BELOW_MIN_NOTIONAL'],
    ['0.05', 'ORDER_BELOW_MIN_QUANTITY'],
    ['10100', 'ORDER_ABOVE_MAX_QUANTITY'],
  ])('keep to the venue’s filters when sized at %s', (notional, code) => {
    const wide = { maxOrderNotional: d('99999'), maxInstrumentExposure: d('99999'), maxAccountExposure: d('99999') };
    const verdict = decide(
      SIGNAL,
      { ...limited(wide), balances: { USDT: d('99999') } },
      { price: { price: d('99.5'), ageMs: 0 } },
      notional,
    );
    if (code === undefined) expect(verdict.kind).toBe('approved');
    else expect(codes(verdict)).toContain(code);
  });
});

describe('exits', () => {
  it('P3: sell what the ledger holds, floored to the step; nothing held is denied', () => {
    expect(decide(CLOSE, { positions: [HELD] })).toMatchObject({ kind: 'approved', order: { side: 'sell', quantity: '2', price: '99.5' } });
    expect(codes(decide(CLOSE))).toEqual(['RISK_NO_POSITION']);
  });

  it('P18: count a working or unknown exit as executed', () => {
    expect(decide(CLOSE, { positions: [HELD], workingOrders: [EXIT] })).toMatchObject({ order: { quantity: '0.5' } });
    const whole = { ...EXIT, reservedQuantity: d('2.0005') };
    expect(codes(decide(CLOSE, { positions: [HELD], workingOrders: [whole] }))).toEqual(['RISK_NO_POSITION']);
  });

  it('P19: no entry limit, stale or missing price, skew or block stops them', () => {
    const strict = { ...limited({ maxOrderNotional: d('1'), maxAccountExposure: d('1') }), blocked: 'x', balances: {}, positions: [HELD] };
    expect(decide(CLOSE, strict, { price: { price: d('100'), ageMs: 99_999 }, clockSkewMs: 9_999 }).kind).toBe('approved');
    const blind = decideOrder(CLOSE, termsOf(SIZING), { ...LEDGER, ...strict }, { now: NOW });
    expect(blind).toMatchObject({ kind: 'approved', order: { price: '99' } });
  });

  it.each([
    ['normal', 'approved', 'approved'],
    ['observation', 'denied', 'approved'],
    ['reduceOnly', 'denied', 'approved'],
    ['paused', 'denied', 'denied'],
  ] as [Mode, string, string][])('in mode %s: entries %s, strategy exits %s', (mode, entry, exit) => {
    expect(decide(SIGNAL, { mode }).kind).toBe(entry);
    expect(decide(CLOSE, { mode, positions: [HELD] }).kind).toBe(exit);
  });

  it.each([
    ['everything', '', true],
    ['venue', 'paper', true],
    ['venue', 'other', false],
    ['account', 'main', true],
    ['account', 'other', false],
    ['strategy', 'momentum', true],
    ['strategy', 'other', false],
    ['instrument', 'BTC/USDT', true],
    ['instrument', 'ETH/USDT', false],
  ] as [LatchScope, string, boolean][])('a latch over %s %j stops everything in its scope: %s', (scope, scopeValue, stops) => {
    const latched = { latches: [{ scope, scopeValue }], positions: [HELD] };
    expect(codes(decide(CLOSE, latched)).includes('RISK_KILLED')).toBe(stops);
    expect(codes(decide(SIGNAL, { ...latched, positions: [] })).includes('RISK_KILLED')).toBe(stops);
  });

  it('of the latches only those over it are named', () => {
    const latches = [
      { scope: 'instrument', scopeValue: 'ETH/USDT' },
      { scope: 'venue', scopeValue: 'paper' },
    ] as const;
    const verdict = decide(SIGNAL, { latches });
    const killed = verdict.kind === 'denied' ? verdict.failures.find(({ code }) => code === 'RISK_KILLED') : undefined;
    expect(killed?.values).toEqual({ account: 'main', scope: 'venue' });
  });
});

it('approves nothing that breaks a filter, a limit or the position, whatever the numbers', () => {
  const cents = (max: number) => fc.integer({ min: 1, max }).map((value) => d(decimal(String(value)).div(100).toFixed()));
  fc.assert(
    fc.property(cents(10_000_000), cents(1_000_000), cents(1_000_000), fc.boolean(), (price, notional, held, isEntry) => {
      const ledger = isEntry ? {} : { positions: [{ ...HELD, quantity: held }] };
      const verdict = decide(isEntry ? SIGNAL : CLOSE, ledger, { price: { price, ageMs: 0 } }, notional);
      if (verdict.kind === 'denied') return;
      const { quantity, price: limit } = verdict.order;
      const rules = LEDGER.instrument;
      if (rules === undefined) throw new Error('the fixture has rules');
      expect(isOnStep(decimal(quantity), decimal(rules.stepSize)) && isOnStep(decimal(limit), decimal(rules.tickSize))).toBe(true);
      expect(decimal(quantity).mul(limit).gte(rules.minNotional)).toBe(true);
      const isTickUnder = !isEntry && decimal(price).minus(limit).eq(rules.tickSize);
      expect(decimal(limit).div(price).minus(1).abs().lte('0.005') || isTickUnder).toBe(true);
      if (isEntry) expect(decimal(quantity).mul(limit).lte(LEDGER.limits.maxOrderNotional)).toBe(true);
      else expect(decimal(quantity).lte(held)).toBe(true);
    }),
  );
});

describe('entries that rest', () => {
  const rest = (more: object = {}, terms: object = {}) =>
    decideOrder(
      SIGNAL,
      termsOf(SIZING, { execution: { kind: 'limit', offsetBps: 20, workMs: 60_000, postOnly: false, ...more }, ...terms }),
      LEDGER,
      LIVE,
    );

  it('are priced by their policy, and work until it or the signal ends', () => {
    expect(rest()).toMatchObject({ order: { price: '99.8', timeInForce: 'GTC', postOnly: false, workingUntil: SIGNAL.validUntil } });
    expect(rest({ workMs: 500 })).toMatchObject({ order: { workingUntil: NOW + 500 } });
  });

  it('are never priced beyond the collar', () => {
    expect(rest({ offsetBps: -900 })).toMatchObject({ order: { price: '100.5' } });
  });

  it('a post-only order that would have taken is quoted once more, under the reference', () => {
    const first = rest({ postOnly: true, offsetBps: -10 });
    const second = rest({ postOnly: true, offsetBps: -10 }, { attempt: 2 });
    expect([first, second]).toMatchObject([{ order: { price: '100.1', postOnly: true } }, { order: { price: '99.99', sequence: 2 } }]);
  });

  it('a replacement buys what the orders before it have not, beside their stop', () => {
    const bought = { strategy: 'momentum', instrument: 'BTC/USDT', quantity: d('2'), cost: d('200') };
    const stop = { ...EXIT, purpose: 'stop', status: 'accepted', reservedQuantity: d('2') } as const;
    const terms = termsOf(SIZING, { attempt: 2, executed: d('2') });
    const ledger = { ...LEDGER, positions: [bought], workingOrders: [stop] };
    expect(decideOrder(SIGNAL, terms, ledger, LIVE)).toMatchObject({
      order: { intentId: expect.stringMatching(/:2$/) as string, quantity: '2.975' },
    });
    expect(codes(decideOrder(SIGNAL, { ...terms, attempt: 1, executed: d('0') }, ledger, LIVE))).toEqual(['RISK_POSITION_EXISTS']);
    // Another signal has bought meanwhile: what this one still wanted is in its place.
    expect(codes(decideOrder(SIGNAL, { ...terms, executed: d('0') }, ledger, LIVE))).toEqual(['RISK_POSITION_EXISTS']);
  });

  it.each([
    ['its stop sleeps', '2', false, []],
    ['fees were taken of it', '1.998', false, []],
    ['its stop has woken', '2', true, ['RISK_POSITION_LEAVING']],
    ['its stop has sold some of it', '1.5', false, ['RISK_POSITION_LEAVING']],
    ['all of it was sold', '0', undefined, ['RISK_POSITION_LEAVING']],
  ] as const)('P21: nothing replaces the rest of an entry while what it bought leaves: %s', (_, quantity, isTriggered, denied) => {
    const bought = { strategy: 'momentum', instrument: 'BTC/USDT', quantity: d(quantity), cost: d('200') };
    const stop = {
      ...EXIT,
      purpose: 'stop',
      status: 'accepted',
      reservedQuantity: d(quantity),
      isTriggered: isTriggered === true,
    } as const;
    const ledger = { ...LEDGER, positions: [bought], workingOrders: isTriggered === undefined ? [] : [stop] };
    expect(codes(decideOrder(SIGNAL, termsOf(SIZING, { attempt: 2, executed: d('2') }), ledger, LIVE))).toEqual(denied);
  });
});

describe('exits that are under way', () => {
  const at = (now: number, isUnderWay: boolean): string[] =>
    codes(decideOrder(CLOSE, termsOf(SIZING, { isUnderWay }), { ...LEDGER, positions: [HELD] }, { ...LIVE, now }));
  it('P2: are sold a minute longer than their signal is valid, and no longer', () => {
    const { validUntil } = CLOSE;
    expect([at(validUntil, false), at(validUntil + 1, false)]).toEqual([[], ['RISK_SIGNAL_EXPIRED']]);
    expect([at(validUntil + 60_000, true), at(validUntil + 60_001, true)]).toEqual([[], ['RISK_SIGNAL_EXPIRED']]);
  });
});

describe('exits beside stops', () => {
  const stop = { ...EXIT, purpose: 'stop', status: 'accepted', reservedQuantity: d('2') } as const;
  it('P20: count a stop as theirs to take away only when its owner asks', () => {
    const ledger = { ...LEDGER, positions: [HELD], workingOrders: [stop] };
    expect(codes(decideOrder(CLOSE, termsOf(SIZING), ledger, LIVE))).toEqual(['RISK_NO_POSITION']);
    expect(decideOrder(CLOSE, termsOf(SIZING, { withoutStops: true }), ledger, LIVE)).toMatchObject({ order: { quantity: '2' } });
  });
});
