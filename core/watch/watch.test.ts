import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Mode } from '../control/mode.js';
import { Decimal, decimal, text, ZERO, type DecimalText } from '../money/index.js';
import { carriedForward, differenceOf, settle } from './carried.js';
import { figuresOf, moved, type Performance } from './performance.js';
import type { WatchRules } from './rules.js';
import { sampleAccount, UNWATCHED, type Hold, type Observation, type Sample, type WatchState } from './sample.js';
import { valuationOf, type Prices, type Quantities } from './valuation.js';

const d = (value: string): DecimalText => value as DecimalText;
const DAY = 86_400_000;
const NOON = 20_000 * DAY + DAY / 2;

const PRICES: Prices = {
  quote: 'USDT',
  instruments: ['BTC/USDT'],
  marks: { 'BTC/USDT': { price: d('50000'), ageMs: 0 } },
  markMaxAgeMs: 3_000,
  unmarkedPrices: { BNB: d('500') },
};
const RULES: WatchRules = {
  dailyLossWarnRatio: 0.02,
  dailyLossLimitRatio: 0.03,
  drawdownWarnRatio: 0.1,
  drawdownLimitRatio: 0.15,
  venueUnreachableMs: 120_000,
  noMarketDataMs: 300_000,
  unmarkedPrices: {},
};
const at = (price: string, ageMs = 0): Prices => ({ ...PRICES, marks: { 'BTC/USDT': { price: d(price), ageMs } } });

describe('what an account is worth', () => {
  it('is its balances times fresh marks; what nothing marks is listed, and valued by the rule', () => {
    const value = valuationOf({ USDT: d('1000'), BTC: d('0.5'), BNB: d('2'), XYZ: d('7'), ETH: d('0') }, PRICES);
    expect(value.equity?.toFixed()).toBe('27000');
    expect(value.exposure.toFixed()).toBe('25000');
    expect(value.unmarked).toEqual([
      { asset: 'BNB', quantity: '2', value: '1000' },
      { asset: 'XYZ', quantity: '7', value: '0' },
    ]);
  });

  it.each([
    ['old', at('50000', 3_001)],
    ['from the future', at('50000', -3_001)],
    ['missing', { ...PRICES, marks: {} }],
  ])('is not known, and not nothing, while a mark that it needs is %s', (_, prices) => {
    expect(valuationOf({ USDT: d('1000'), BTC: d('0.5') }, prices)).toMatchObject({ equity: undefined, unknown: ['BTC'] });
    expect(valuationOf({ USDT: d('1000') }, prices).equity?.toFixed()).toBe('1000');
  });
});

describe('balances between two readings', () => {
  const quantities = fc.dictionary(
    fc.constantFrom('USDT', 'BTC', 'BNB'),
    fc.integer({ min: -1_000, max: 1_000 }).map((n) => d(String(n))),
  );

  it('are the ledger’s with what came from outside: no fill is counted twice or lost', () => {
    fc.assert(
      fc.property(quantities, quantities, quantities, (venue, ledger, booked) => {
        const external = differenceOf(venue, ledger);
        const nonZero = (all: Quantities): Quantities => differenceOf(all, {});
        expect(nonZero(carriedForward(ledger, external))).toEqual(nonZero(venue));
        // What is booked later moves the balances by exactly itself.
        const later = carriedForward(ledger, booked);
        expect(nonZero(carriedForward(later, external))).toEqual(nonZero(carriedForward(venue, booked)));
      }),
    );
  });

  it('a difference is believed when two readings show the same, and is a deposit then', () => {
    const known = { BNB: d('1') };
    const last = { BNB: d('1'), USDT: d('250') };
    expect(settle(known, { last, before: undefined }, PRICES)).toBeUndefined();
    expect(settle(known, { last, before: { BNB: d('1') } }, PRICES)).toBeUndefined();
    expect(settle(known, { last, before: last }, PRICES)).toMatchObject({ external: last, flow: new Decimal(250), went: ZERO });
    expect(settle(known, { last: known, before: known }, PRICES)?.flow.toFixed()).toBe('0');
  });

  it('what somebody else exchanged is no deposit, and what has no price waits for one', () => {
    const exchanged = { BTC: d('1'), USDT: d('-60000') };
    expect(settle({}, { last: exchanged, before: exchanged }, PRICES)?.flow.toFixed()).toBe('0');
    const deposited = { BTC: d('1') };
    expect(settle({}, { last: deposited, before: deposited }, { ...PRICES, marks: {} })).toBeUndefined();
    expect(settle({}, { last: deposited, before: deposited }, PRICES)?.flow.toFixed()).toBe('50000');
  });
});

describe('what comes with a withdrawal or a deposit', () => {
  const flowOf = (change: Quantities): string | undefined => settle({}, { last: change, before: change }, PRICES)?.flow.toFixed();

  it.each([
    ['an airdrop that is worth nothing', { USDT: d('-20000'), XYZ: d('5') }, '-20000'],
    ['a hundred-millionth', { USDT: d('-20000'), BTC: d('0.00000001') }, '-19999.9995'],
    ['what goes as a fee', { USDT: d('20000'), BNB: d('-0.01') }, '19995'],
    ['less than half of it', { USDT: d('-20000'), BTC: d('0.19') }, '-10500'],
    // Others got for it what comes to half, or more: they exchanged it, and what is missing was lost.
    ['half of it', { USDT: d('-20000'), BTC: d('0.2') }, '0'],
    // What more came than went is no gain before somebody has said so.
    ['more than it', { USDT: d('-20000'), BTC: d('0.41') }, '500'],
    ['as much again', { USDT: d('-20000'), BTC: d('0.82') }, '21000'],
  ])('makes no exchange of it unless it is worth about as much: %s', (_, change, flow) => {
    expect(flowOf(change)).toBe(flow);
  });

  it('property: moves the flow by its own worth, as long as it is little beside it', () => {
    const quote = fc.integer({ min: 1, max: 1_000_000_000 });
    fc.assert(
      fc.property(quote, fc.integer({ min: 0, max: 4_999 }), fc.boolean(), (amount, tenThousandth, isDeposit) => {
        const flow = new Decimal(isDeposit ? amount : -amount);
        const beside = flow.neg().mul(tenThousandth).div(10_000);
        const change = { USDT: d(flow.toFixed()), BTC: d(beside.div(50_000).toFixed()) };
        expect(
          decimal(flowOf(change) ?? '0')
            .minus(flow.plus(beside))
            .abs()
            .lt('1e-15'),
        ).toBe(true);
      }),
    );
  });
});

describe('peak and the day’s opening', () => {
  const money = fc.integer({ min: 1, max: 1_000_000 }).map((cents) => new Decimal(cents).div(100));
  const begun = (equity: Decimal): Performance => moved(undefined, { now: NOON, equity, flow: ZERO });
  const near = (one: Decimal, other: Decimal): boolean => one.minus(other).abs().lt('1e-20');

  it('a deposit or withdrawal changes neither the day’s profit and loss, nor its share, nor the drawdown', () => {
    fc.assert(
      fc.property(money, money, money, (first, second, flow) => {
        for (const signed of [flow, flow.neg()]) {
          if (second.plus(signed).lte(0)) continue;
          const before = moved(begun(first), { now: NOON + 1, equity: second, flow: ZERO });
          const after = moved(before, { now: NOON + 2, equity: second.plus(signed), flow: signed });
          expect(figuresOf(after).dailyPnl).toBe(figuresOf(before).dailyPnl);
          expect(near(figuresOf(after).dailyLossRatio, figuresOf(before).dailyLossRatio)).toBe(true);
          expect(near(figuresOf(after).drawdownRatio, figuresOf(before).drawdownRatio)).toBe(true);
        }
      }),
    );
  });

  it('the peak never falls, and is never under the equity', () => {
    fc.assert(
      fc.property(fc.array(money, { minLength: 1 }), (path) => {
        let now = NOON;
        let was: Performance | undefined;
        for (const equity of path) {
          const next = moved(was, { now: (now += 3_600_000), equity, flow: ZERO });
          if (was !== undefined) expect(decimal(next.peak).gte(decimal(was.peak))).toBe(true);
          expect(decimal(next.peak).gte(equity)).toBe(true);
          was = next;
        }
      }),
    );
  });

  it('a day opens with what the day before ended with, also after a night in which nobody looked', () => {
    const before = moved(begun(new Decimal(100)), { now: NOON + 1, equity: new Decimal(110), flow: new Decimal(20) });
    expect(figuresOf(before)).toMatchObject({ dailyPnl: '-10' });
    const next = moved(before, { now: NOON + DAY, equity: new Decimal(99), flow: ZERO });
    expect(next).toMatchObject({ day: 20_001 * DAY, dayOpening: '110', dayFlows: '0', dayBasis: '110' });
    expect(figuresOf(next)).toMatchObject({ dailyPnl: '-11', dailyLossRatio: new Decimal('0.1') });
    // The clock of the database was set back by a moment at midnight: the day does not begin twice.
    expect(moved(next, { now: next.day - 1_000, equity: new Decimal(99), flow: ZERO }).day).toBe(next.day);
  });

  it('an account that was emptied begins anew with what comes next', () => {
    const emptied = moved(begun(new Decimal(100)), { now: NOON + 1, equity: ZERO, flow: new Decimal(-100) });
    expect(figuresOf(emptied)).toEqual({ dailyPnl: '0', dailyLossRatio: ZERO, drawdownRatio: ZERO });
    const refilled = moved(emptied, { now: NOON + 2, equity: new Decimal(50), flow: new Decimal(50) });
    expect(figuresOf(refilled)).toMatchObject({ dailyPnl: '0', drawdownRatio: ZERO });
    expect(refilled.peak).toBe('50');
  });
});

const READINGS = { last: {}, before: {} };
const SEEN: Observation = {
  now: NOON,
  lastTime: NOON - 1_000,
  mode: 'normal',
  hold: undefined,
  latch: 'none',
  unnotedHalt: undefined,
  ledger: { USDT: d('100000') },
  booked: { deposited: {}, withdrawn: {}, before: {}, after: {}, traded: {}, given: {}, early: {} },
  readings: READINGS,
  isReadingFresh: true,
  prices: PRICES,
  ages: { venueMs: 0, marketDataMs: 0, marketDataLimitMs: 300_000, comparedMs: 0 },
};

/** An account that is watched each second, by one process or by several. */
class Watched {
  state: WatchState = UNWATCHED;
  now = NOON;
  mode: Mode = 'normal';
  hold: Hold | undefined;
  kills = 0;
  latch: Observation['latch'] = 'none';
  readonly alerts: string[] = [];
  private lastTime: number | undefined;

  see(more: Partial<Observation> = {}, afterMs = 1_000): Sample {
    this.now += afterMs;
    const sample = sampleAccount(
      'main',
      this.state,
      { ...SEEN, now: this.now, lastTime: this.lastTime, mode: this.mode, hold: this.hold, latch: this.latch, ...more },
      RULES,
    );
    this.lastTime = this.now;
    this.state = sample.state;
    if (sample.mode?.mode === 'paused') {
      this.hold = { was: this.hold?.was ?? this.mode, classes: [...(this.hold?.classes ?? []), sample.mode.cause] };
    } else if (sample.mode !== undefined && this.hold !== undefined) this.hold = { ...this.hold, was: sample.mode.mode };
    if (sample.mode !== undefined && this.mode !== 'paused') this.mode = sample.mode.mode;
    if (sample.kill !== undefined) {
      this.kills += 1;
      this.latch = 'stands';
      this.state = { ...this.state, latchId: 'halt' };
    }
    if (sample.wasRebased) this.latch = 'none';
    this.alerts.push(...sample.alerts.map(({ condition, severity }) => `${severity} ${condition}`));
    return sample;
  }

  worth(equity: string, more: Partial<Observation> = {}, afterMs = 1_000): Sample {
    return this.see({ ledger: { USDT: d(equity) }, ...more }, afterMs);
  }
}

describe('what the watch does', () => {
  const opened = (): Watched => {
    const watched = new Watched();
    watched.worth('100000');
    return watched;
  };

  it.each<[string, string, number, Mode, string[]]>([
    ['under the warning', '98000.01', 5, 'normal', []],
    ['the warning', '98000', 3, 'normal', ['warning dailyLossWarn']],
    ['the warning, two samples', '98000', 2, 'normal', []],
    ['under the limit', '97000.01', 5, 'normal', ['warning dailyLossWarn']],
    ['the limit', '97000', 3, 'reduceOnly', ['warning dailyLossWarn', 'error dailyLossLimit']],
    ['the limit, two samples', '97000', 2, 'normal', []],
  ])('a daily loss, %s', (_, equity, samples, mode, alerts) => {
    const watched = opened();
    for (let index = 0; index < samples; index += 1) watched.worth(equity);
    expect(watched.mode).toBe(mode);
    expect(watched.alerts).toEqual(alerts);
  });

  it('a loss that takes entries away again on the same day is told again, and one that changes nothing once more', () => {
    const watched = opened();
    const keyOf = (): string[] => {
      const keys = [1, 2, 3].flatMap(() =>
        watched
          .worth('97000')
          .alerts.filter((one) => one.condition === 'dailyLossLimit')
          .map((one) => one.key),
      );
      watched.worth('99000');
      return keys;
    };
    const [first] = keyOf();
    watched.mode = 'normal';
    const [second] = keyOf();
    expect(watched.mode).toBe('reduceOnly');
    const [third] = keyOf();
    expect([first, second, third].every((key) => key !== undefined)).toBe(true);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(keyOf()).toEqual([third]);
  });

  it.each<[string, string, number, string[]]>([
    ['under the warning', '90000.01', 0, []],
    ['the warning', '90000', 0, ['warning drawdownWarn']],
    ['under the limit', '85000.01', 0, ['warning drawdownWarn']],
    ['the limit', '85000', 1, ['critical drawdownLimit', 'warning drawdownWarn']],
  ])('a drawdown over days, %s', (_, equity, kills, alerts) => {
    const watched = opened();
    // Two days later, so that the day's loss is none.
    watched.worth(equity, {}, 2 * DAY);
    expect(watched.kills).toBe(kills);
    watched.worth(equity);
    watched.worth(equity);
    expect(watched.kills).toBe(kills);
    expect(watched.alerts.filter((alert) => alert.includes('drawdown'))).toEqual(alerts);
  });

  const keysOf = (condition: string, samples: readonly Sample[]): string[] => [
    ...new Set(samples.flatMap(({ alerts }) => alerts.filter((one) => one.condition === condition).map(({ key }) => key))),
  ];
  const sixty = (next: (isOver: boolean) => Sample): Sample[] => Array.from({ length: 60 }, (_, index) => next(index % 2 === 0));

  it('an equity that hovers at the limit of a halted account tells nothing new; a breach after the halt has ended does', () => {
    const watched = opened();
    const hovering = sixty((isOver) => watched.worth(isOver ? '84990' : '85010'));
    expect(watched.kills).toBe(1);
    const told = keysOf('drawdownLimit', hovering);
    expect(told).toEqual([expect.any(String), 'watch:main:drawdownLimit:halt']);
    watched.latch = 'released';
    watched.worth('85010');
    const [anew] = keysOf('drawdownLimit', [watched.worth('72000')]);
    expect(watched.kills).toBe(2);
    expect(told).not.toContain(anew);
  });

  it('a loss that is not explained, or an equity that is not known, comes and goes in a pause: told with it, and once a day more', () => {
    const unexplained = opened();
    const came = { last: { USDT: d('-14900') }, before: { USDT: d('-14900') } };
    const lost = sixty((isOver) => unexplained.worth(isOver ? '99700' : '100000', { readings: came }));
    expect(unexplained).toMatchObject({ mode: 'paused', kills: 0 });
    expect(keysOf('lossUnexplained', lost)).toHaveLength(2);
    const unknown = opened();
    const gone = sixty((isOver) => (isOver ? unknown.worth('100000') : unknown.see({ isReadingFresh: false })));
    const stale = [1, 2, 3, 4].map(() => [unknown.worth('100000'), ...sixty(() => unknown.see({ isReadingFresh: false }))]);
    expect(keysOf('equityUnknown', [...gone, ...stale.flat()])).toHaveLength(2);
  });

  it('a second guardian confirms nothing twice as fast', () => {
    const watched = opened();
    for (let index = 0; index < 4; index += 1) watched.worth('97000', {}, 500);
    expect(watched.mode).toBe('normal');
    watched.worth('97000', {}, 500);
    expect(watched.mode).toBe('reduceOnly');
  });

  it('a lost venue pauses, is told with its causes while it lasts, and is over when the account’s worth is known again', () => {
    const watched = opened();
    expect(watched.worth('100000').outage).toEqual({ causes: [], ageMs: 0, reason: '' });
    const lost = watched.see({ isReadingFresh: false, ages: { ...SEEN.ages, venueMs: 120_001, marketDataMs: 300_001 } });
    expect(lost).toMatchObject({ mode: { mode: 'paused', cause: 'venueUnreachable' }, outage: { ageMs: 120_001 } });
    expect(lost.outage?.causes).toEqual(['venueUnreachable', 'noMarketData']);
    // The second cause is noted too; then nothing is asked for again.
    const ages = { ...SEEN.ages, venueMs: 121_001, marketDataMs: 301_001 };
    expect(watched.see({ isReadingFresh: false, ages }).mode).toMatchObject({ cause: 'noMarketData' });
    expect(watched.see({ isReadingFresh: false, ages }).mode).toBeUndefined();
    expect(watched.see({ isReadingFresh: false }).outage).toBeUndefined();
    expect(watched.worth('100000').outage).toMatchObject({ causes: [] });
    // The mode that it would go back to is held to the day's loss meanwhile.
    for (let index = 0; index < 3; index += 1) watched.worth('96000');
    expect([watched.mode, watched.hold?.was]).toEqual(['paused', 'reduceOnly']);
  });

  it('a lost venue is noted in a person’s pause, once', () => {
    const watched = opened();
    watched.mode = 'paused';
    const ages = { ...SEEN.ages, venueMs: 120_001 };
    expect(watched.see({ ages }).mode).toMatchObject({ mode: 'paused', cause: 'venueUnreachable' });
    expect(watched.see({ ages }).mode).toBeUndefined();
  });

  it('one good sample ends a row of bad ones; one that knows nothing does not', () => {
    const watched = opened();
    watched.worth('97000');
    watched.worth('97000');
    watched.worth('100000');
    watched.worth('97000');
    watched.see({ isReadingFresh: false });
    watched.worth('97000');
    expect(watched.mode).toBe('normal');
    watched.worth('97000');
    expect(watched.mode).toBe('reduceOnly');
  });

  it('equity that is unknown for more than 15 s pauses, and counts as nothing at no time', () => {
    const watched = opened();
    for (let index = 0; index < 16; index += 1) expect(watched.see({ isReadingFresh: false }).equity).toBeUndefined();
    expect(watched.mode).toBe('normal');
    watched.see({ isReadingFresh: false });
    expect(watched.mode).toBe('paused');
    expect(watched.kills).toBe(0);
    expect(watched.alerts).toEqual(['error equityUnknown']);
    expect(watched.state.performance).toMatchObject({ equity: '100000', peak: '100000' });
  });

  it('what nobody looked at was not unknown for so long', () => {
    const watched = opened();
    watched.see({ isReadingFresh: false });
    watched.see({ isReadingFresh: false }, 3_600_000);
    watched.see({ isReadingFresh: false });
    expect(watched.mode).toBe('normal');
  });

  it.each([
    ['a venue that has not answered', { venueMs: 120_001, marketDataMs: 0 }, 'error venueUnreachable'],
    ['no market data', { venueMs: 0, marketDataMs: 300_001 }, 'error noMarketData'],
  ])('%s for too long pauses at once', (_, ages, alert) => {
    const watched = opened();
    watched.see({ ages: { ...SEEN.ages, venueMs: 120_000, marketDataMs: 300_000 } });
    expect(watched.mode).toBe('normal');
    watched.see({ ages: { ...SEEN.ages, ...ages } });
    expect(watched.mode).toBe('paused');
    expect(watched.alerts).toEqual([alert]);
  });

  it('people are told when no comparison comes to an end, and again when entries end with that; the next one ends it', () => {
    const watched = opened();
    const seen = (comparedMs: number, afterMs = 1_000): void =>
      void watched.worth('100000', { ages: { ...SEEN.ages, comparedMs } }, afterMs);
    seen(180_000);
    for (let ms = 1_000; ms <= 121_000; ms += 1_000) seen(180_000 + ms);
    expect(watched.alerts).toEqual([]);
    seen(302_000);
    expect(watched.alerts).toEqual(['warning notComparedWarn']);
    for (let ms = 303_000; ms <= 1_022_000; ms += 1_000) seen(ms);
    expect(watched.alerts).toEqual(['warning notComparedWarn', 'error notComparedLimit']);
    // It is not paused: what denies its entries ends by itself.
    expect(watched.mode).toBe('normal');
    seen(2_000);
    expect(watched.state.runs).toEqual({});
  });

  it('an account that nobody has compared in a sleep is compared first, and told only where that goes on', () => {
    const watched = opened();
    watched.worth('100000');
    const ages = { ...SEEN.ages, comparedMs: 32_400_000 };
    watched.worth('100000', { ages }, 32_400_000);
    for (let second = 0; second < 120; second += 1) watched.worth('100000', { ages });
    expect(watched.alerts).toEqual([]);
    watched.worth('100000', { ages });
    expect(watched.alerts).toEqual(['warning notComparedWarn', 'error notComparedLimit']);
  });

  it('a person who resumes while the cause stands is not overheard, and the limit stays one', () => {
    const watched = opened();
    for (let index = 0; index < 3; index += 1) watched.worth('97000');
    const told = watched.alerts.length;
    watched.mode = 'normal';
    watched.worth('97000');
    expect(watched.mode).toBe('reduceOnly');
    expect(watched.alerts).toHaveLength(told);
    watched.mode = 'normal';
    watched.worth('97000', {}, DAY / 2);
    expect(watched.mode).toBe('normal');
  });

  it('a halt that two people have released lets the account begin anew from where it is', () => {
    const watched = opened();
    watched.worth('80000');
    expect(watched.kills).toBe(1);
    watched.latch = 'released';
    expect(watched.see({ isReadingFresh: false }).wasRebased).toBe(false);
    expect(watched.worth('80000').wasRebased).toBe(true);
    watched.worth('80000');
    expect(watched).toMatchObject({ kills: 1, state: { latchId: undefined, performance: { peak: '80000' } } });
    watched.worth('68000');
    expect(watched.kills).toBe(2);
  });

  it('whatever happens: no stricter mode is loosened, nothing is done twice, unknown equity is never a loss', () => {
    const step = fc.record({
      price: fc.integer({ min: 1, max: 100_000 }),
      ageMs: fc.constantFrom(0, 3_001),
      isReadingFresh: fc.boolean(),
      afterMs: fc.constantFrom(500, 1_000, 20_000, DAY),
      mode: fc.constantFrom<Mode | undefined>(undefined, undefined, undefined, 'normal', 'observation', 'paused'),
      venueMs: fc.constantFrom(0, 0, 120_001),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const watched = new Watched();
        const order: readonly Mode[] = ['normal', 'observation', 'reduceOnly', 'paused'];
        for (const { price, ageMs, isReadingFresh, afterMs, mode, venueMs } of steps) {
          if (mode !== undefined) [watched.mode, watched.hold] = [mode, undefined];
          const [before, hold, state] = [watched.mode, watched.hold, watched.state];
          const ledger = { USDT: d('1000'), BTC: d('1') };
          const sample = watched.see(
            { ledger, isReadingFresh, prices: at(String(price), ageMs), ages: { ...SEEN.ages, venueMs } },
            afterMs,
          );
          const cause = sample.mode?.cause ?? '';
          const isNoted = hold === undefined ? cause === 'venueUnreachable' : !hold.classes.includes(cause);
          const mayBe = sample.mode?.mode === 'reduceOnly' ? (hold?.was ?? before) : before;
          if (sample.mode !== undefined && !isNoted) expect(order.indexOf(sample.mode.mode)).toBeGreaterThan(order.indexOf(mayBe));
          const isKnown = isReadingFresh && ageMs === 0;
          expect(sample.equity).toBe(isKnown ? String(1_000 + price) : undefined);
          if (!isKnown) expect(watched.state.performance).toEqual(state.performance);
        }
        expect(watched.kills).toBeLessThanOrEqual(1);
      }),
    );
  });
});

it('a deposit is taken out of the day’s profit and loss, also by a process that has just begun', () => {
  const watched = new Watched();
  watched.see();
  watched.see({ ledger: { USDT: d('99000') } });
  const deposit = { USDT: d('50000') };
  expect(watched.see({ ledger: { USDT: d('99000') }, readings: { last: deposit, before: undefined } }).equity).toBe('99000');
  const sample = watched.see({ ledger: { USDT: d('99000') }, readings: { last: deposit, before: deposit } });
  expect(sample).toMatchObject({ equity: '149000', flow: '50000', figures: { dailyPnl: '-1000' } });
  expect(text(sample.figures?.drawdownRatio.toDecimalPlaces(10) ?? ZERO)).toBe('0.01');
});
