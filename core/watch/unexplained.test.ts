import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, text, type DecimalText } from '../money/index.js';
import type { WatchRules } from './rules.js';
import { sampleAccount, UNWATCHED, type Observation, type Sample, type WatchState } from './sample.js';
import { performanceAfter, stepOf } from './stretch.js';
import type { Prices, Quantities } from './valuation.js';

const d = (value: string): DecimalText => value as DecimalText;
const NOON = 20_000 * 86_400_000 + 43_200_000;
const READ_EACH_MS = 5_000;
const RULES: WatchRules = {
  ...{ dailyLossWarnRatio: 0.02, dailyLossLimitRatio: 0.03, drawdownWarnRatio: 0.1, drawdownLimitRatio: 0.15 },
  ...{ venueUnreachableMs: 120_000, noMarketDataMs: 300_000, unmarkedPrices: {} },
};
const PRICES: Prices = {
  ...{ quote: 'USDT', instruments: ['BTC/USDT'], markMaxAgeMs: 3_000, unmarkedPrices: {} },
  marks: { 'BTC/USDT': { price: d('50000'), ageMs: 0 } },
};
const NO_BOOKS: Observation['booked'] = { deposited: {}, withdrawn: {}, before: {}, after: {}, traded: {}, given: {}, early: {} };

/** An account of 100,000 USDT that trades nothing: what its venue shows beside that is another hand's. */
class Watched {
  state: WatchState = UNWATCHED;
  now = NOON;
  booked = NO_BOOKS;
  ledger = '100000';
  readonly modes: string[] = [];
  readonly alerts: string[] = [];
  readonly drawdowns: (string | undefined)[] = [];
  /** After each sample, and as it follows from what the equity series keeps of it. */
  readonly remembered: { readonly bySample: unknown; readonly bySeries: unknown }[] = [];
  kills = 0;
  private readonly withdrawals: { readonly amount: string; readonly time: number }[] = [];
  private lastTime: number | undefined;
  private seen: Quantities[] = [];

  /** One reading, and a sample each second until the next one. */
  reads(external: Quantities): Sample {
    const [last, before, earlier] = (this.seen = [external, ...this.seen].slice(0, 3));
    let sample: Sample | undefined;
    for (let ms = 0; ms < READ_EACH_MS; ms += 1_000) {
      this.now += 1_000;
      const was = this.state;
      sample = sampleAccount(
        'main',
        this.state,
        {
          ...{ now: this.now, lastTime: this.lastTime, mode: 'normal', hold: undefined, latch: 'none', unnotedHalt: undefined },
          ...{
            ledger: { USDT: d(this.ledger) },
            booked: this.withdrawals.length === 0 ? this.booked : this.bookedNow(),
            readings: { last: last ?? {}, before, earlier },
            isReadingFresh: true,
          },
          ...{ prices: PRICES, ages: { venueMs: 0, marketDataMs: 0, marketDataLimitMs: 300_000, comparedMs: 0 } },
        },
        RULES,
      );
      this.lastTime = this.now;
      this.state = sample.state;
      const { equity } = sample;
      this.drawdowns.push(drawdownOf(sample));
      const { day } = sample.state.performance ?? { day: 0 };
      if (equity !== undefined) {
        const stretch = { step: stepOf(was, sample) ?? {}, day, opening: equity, highest: equity, closing: equity };
        this.remembered.push({ bySample: sample.state.performance, bySeries: performanceAfter(was.performance, stretch) });
      }
      if (sample.mode !== undefined) this.modes.push(sample.mode.cause);
      if (sample.kill !== undefined) this.kills += 1;
      this.alerts.push(...sample.alerts.map(({ severity, condition }) => `${severity} ${condition}`));
    }
    if (sample === undefined) throw new Error('no sample');
    return sample;
  }

  /** Books a withdrawal of that time; what of all is too old is reckoned as `moved_beside` does. */
  withdrew(amount: string, time: number): void {
    this.withdrawals.push({ amount, time });
  }

  settled(external: Quantities): Sample {
    this.reads(external);
    return this.reads(external);
  }

  private bookedNow(): Observation['booked'] {
    const { unexplained } = this.state;
    const gone = unexplained?.assets['USDT'];
    const from = gone === undefined ? unexplained?.checked : gone.from;
    const sum = (which: (time: number) => boolean): Quantities => ({
      USDT: text(this.withdrawals.filter(({ time }) => which(time)).reduce((all, { amount }) => all.plus(amount), decimal('0'))),
    });
    return {
      ...{ ...this.booked, withdrawn: sum(() => true), before: sum((time) => from !== undefined && time + 120_000 < from) },
      after: sum((time) => gone?.to !== undefined && time - 120_000 > gone.to),
    };
  }
}

const opened = (): Watched => {
  const watched = new Watched();
  watched.settled({});
  return watched;
};
const drawdownOf = (sample: Sample): string | undefined => sample.figures?.drawdownRatio.toDecimalPlaces(8).toFixed();

describe('what goes and nobody has explained', () => {
  it.each<[string, Quantities]>([
    ['trades there and back between two readings', { USDT: d('-40000') }],
    ['a coin that nothing marks', { USDT: d('-40000'), SCAM: d('1') }],
  ])('is lost, pauses, calls people, and halts nothing: %s', (_, external) => {
    const watched = opened();
    const sample = watched.settled(external);
    expect(sample).toMatchObject({ equity: '60000', figures: { dailyPnl: '-40000' } });
    expect([drawdownOf(sample), sample.figures?.dailyLossRatio.toFixed()]).toEqual(['0.4', '0.4']);
    expect(new Set(watched.modes)).toEqual(new Set(['lossUnexplained']));
    expect(watched.alerts).toContain('critical lossUnexplained');
    expect(watched.kills).toBe(0);
  });

  it('is no loss any more when it is booked as withdrawn, before the venue shows it or after', () => {
    const withdrawn = { ...NO_BOOKS, withdrawn: { USDT: d('-20000') } };
    const after = opened();
    expect(drawdownOf(after.settled({ USDT: d('-20000') }))).toBe('0.2');
    after.booked = withdrawn;
    expect(after.reads({ USDT: d('-20000') })).toMatchObject({ equity: '80000', figures: { dailyPnl: '0' } });
    expect(after.state).toMatchObject({ performance: { peak: '80000' }, unexplained: { assets: {}, share: '0', dayWorth: '0' } });
    expect(after.state.runs).toEqual({});
    // What it has explained it explains once.
    expect(drawdownOf(after.settled({ USDT: d('-40000') }))).toBe('0.25');

    const ahead = opened();
    ahead.booked = withdrawn;
    expect(ahead.settled({ USDT: d('-20000') })).toMatchObject({ figures: { dailyPnl: '0' } });
    expect([...after.modes, ...ahead.modes].filter((cause) => cause === 'lossUnexplained')).not.toEqual([]);
    expect(ahead.modes).toEqual([]);
  });

  it.each<[string, Quantities, Quantities]>([
    ['that went before the first look', { USDT: d('-20000') }, { USDT: d('-20000') }],
    ['that went beside a deposit while no guardian lived', {}, {}],
  ])('is not excused by a withdrawal %s and is booked later', (_, atFirst, afterwards) => {
    const watched = new Watched();
    watched.settled(atFirst);
    watched.settled(afterwards);
    const had = decimal(afterwards['USDT'] ?? '0');
    // Of the same amount as what is booked then, which had happened an hour before.
    const gone = { USDT: text(had.minus('20000')) };
    const lost = drawdownOf(watched.settled(gone));
    watched.withdrew('-20000', watched.now - 3_600_000);
    expect(drawdownOf(watched.reads(gone))).toBe(lost);
    expect(new Set(watched.modes)).toEqual(new Set(['lossUnexplained']));
    // What went when the venue says that it was withdrawn is explained as ever.
    watched.withdrew('-20000', watched.now - 12_000);
    expect(drawdownOf(watched.reads(gone))).toBe('0');
  });

  it('is not excused by a withdrawal that happened long after it, and that one is no loss when it goes', () => {
    const watched = opened();
    watched.settled({ USDT: d('-20000') });
    const lost = '0.2';
    watched.now += 3 * 3_600_000;
    watched.withdrew('-20000', watched.now);
    // As old as it is, before the venue shows it.
    for (let reading = 0; reading < 3; reading += 1) expect(drawdownOf(watched.reads({ USDT: d('-20000') }))).toBe(lost);
    for (let reading = 0; reading < 3; reading += 1) expect(drawdownOf(watched.reads({ USDT: d('-40000') }))).toBe(lost);
    // Nor at a sample in between.
    expect(watched.drawdowns.filter((one) => Number(one) > Number(lost) + 1e-9)).toEqual([]);
    // One that is dated within two minutes of what went is it.
    const soon = opened();
    soon.settled({ USDT: d('-20000') });
    soon.withdrew('-20000', soon.now + 115_000);
    expect(drawdownOf(soon.reads({ USDT: d('-20000') }))).toBe('0');
  });

  it('is explained by a withdrawal that was seen by itself, and by no other one that was netted since', () => {
    const watched = opened();
    watched.settled({ USDT: d('-20000') });
    watched.withdrew('-20000', watched.now - 5_000);
    expect(drawdownOf(watched.reads({ USDT: d('-20000') }))).toBe('0');
    // Another of long ago is booked while that one is young.
    watched.settled({ USDT: d('-30000') });
    watched.withdrew('-10000', watched.now - 3_600_000);
    expect(drawdownOf(watched.reads({ USDT: d('-30000') }))).toBe('0.125');
    watched.withdrew('-10000', watched.now - 5_000);
    expect(drawdownOf(watched.reads({ USDT: d('-30000') }))).toBe('0');
    // Three minutes later that one and another are of the past.
    for (let reading = 0; reading < 36; reading += 1) watched.reads({ USDT: d('-30000') });
    watched.withdrew('-15000', watched.now - 150_000);
    const lost = 15_000 / 70_000;
    expect(Number(drawdownOf(watched.settled({ USDT: d('-45000') })))).toBeCloseTo(lost, 6);
    watched.withdrew('-15000', watched.now - 5_000);
    expect(drawdownOf(watched.reads({ USDT: d('-45000') }))).toBe('0');
  });

  it('is a loss for good when it is booked as what another hand has traded, and halts the account then', () => {
    const watched = opened();
    watched.settled({ USDT: d('-40000') });
    expect(watched.kills).toBe(0);
    watched.booked = { ...NO_BOOKS, traded: { USDT: d('-40000') } };
    const sample = watched.reads({ USDT: d('-40000') });
    expect(watched.kills).toBeGreaterThan(0);
    expect([drawdownOf(sample), sample.figures?.dailyPnl]).toEqual(['0.4', '-40000']);
    expect(watched.state.performance).toMatchObject({ peak: '100000', dayBasis: '100000', dayFlows: '0' });
    expect(watched.remembered.map(({ bySeries }) => bySeries)).toEqual(watched.remembered.map(({ bySample }) => bySample));
  });

  it('is told apart by what the books say of each part', () => {
    const watched = opened();
    watched.settled({ USDT: d('-20000') });
    watched.booked = { ...NO_BOOKS, withdrawn: { USDT: d('-15000') }, traded: { USDT: d('-5000') } };
    const sample = watched.reads({ USDT: d('-20000') });
    // Of 80,000 that are left and 15,000 that were withdrawn, some 5 % of the account are lost.
    expect(Number(drawdownOf(sample))).toBeCloseTo(0.05, 2);
    expect([sample.figures?.dailyPnl, watched.kills]).toEqual(['-5000', 0]);
  });

  it('an exchange that is booked as fills explains no withdrawal, and makes no loss of it', () => {
    const watched = opened();
    watched.settled({ USDT: d('-50000'), BTC: d('1') });
    watched.settled({ USDT: d('-50000') });
    // The fills are booked first: the coin that was withdrawn is not what they took.
    watched.booked = { ...NO_BOOKS, traded: { USDT: d('-50000'), BTC: d('1') } };
    expect(drawdownOf(watched.reads({ USDT: d('-50000') }))).toBe('0.5');
    expect(watched.kills).toBe(0);
    watched.booked = { ...watched.booked, withdrawn: { BTC: d('-1') } };
    expect(drawdownOf(watched.reads({ USDT: d('-50000') }))).toBe('0');
  });

  it('was never gone where it comes back within a minute, and is no gain later', () => {
    const soon = opened();
    soon.settled({ USDT: d('-2000') });
    expect(soon.settled({})).toMatchObject({ figures: { dailyPnl: '0' } });
    const later = opened();
    later.settled({ USDT: d('-2000') });
    for (let reading = 0; reading < 12; reading += 1) later.reads({ USDT: d('-2000') });
    expect(later.settled({})).toMatchObject({ equity: '100000', figures: { dailyPnl: '-2000' } });
  });

  it('on another day is no loss of that day, and stays one of the account', () => {
    const watched = opened();
    watched.settled({ USDT: d('-4000') });
    watched.now += 43_200_000;
    const sample = watched.reads({ USDT: d('-4000') });
    expect([sample.figures?.dailyPnl, sample.figures?.dailyLossRatio.toFixed(), drawdownOf(sample)]).toEqual(['0', '0', '0.04']);
  });

  it('property: neither what goes, nor its explanation as withdrawn, halts an account whose own trading loses nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 4 }), fc.boolean(), (amounts, isBookedEach) => {
        const watched = opened();
        let gone = 0;
        for (const amount of amounts) {
          gone += amount;
          const sample = watched.settled({ USDT: d(String(-gone)) });
          if (!isBookedEach) expect(Number(drawdownOf(sample))).toBeCloseTo(gone / 100_000, 6);
          if (isBookedEach) watched.booked = { ...NO_BOOKS, withdrawn: { USDT: d(String(-gone)) } };
        }
        watched.booked = { ...NO_BOOKS, withdrawn: { USDT: d(String(-gone)) } };
        const sample = watched.reads({ USDT: d(String(-gone)) });
        expect([sample.figures?.dailyPnl, drawdownOf(sample), watched.kills]).toEqual(['0', '0', 0]);
      }),
      { numRuns: 30 },
    );
  });
});

describe('balances that are others at each reading', () => {
  it('count at the third of them by the worse, and leave the equity unknown soon, which pauses', () => {
    const watched = opened();
    const readings = [1, 2, 3, 4, 5, 6, 7, 8].map((reading) => watched.reads({ USDT: d(String(-200 * reading)) }));
    expect(readings.map((sample) => sample.figures?.dailyPnl)).toEqual([
      '0',
      '0',
      '-600',
      '-800',
      '-1000',
      ...[undefined, undefined, undefined],
    ]);
    expect(readings[2]).toMatchObject({ equity: '100000' });
    watched.reads({ USDT: d('-1800') });
    expect(watched.modes).toContain('equityUnknown');
    expect(watched.kills).toBe(0);
    // When it comes to rest it is what it is.
    expect(watched.settled({ USDT: d('-1800') })).toMatchObject({ equity: '98200', figures: { dailyPnl: '-1800' } });
    expect(watched.state.movingSince).toBeUndefined();
  });

  it('pause at the third of them where it is as much as the account may lose, also if the last shows less', () => {
    const watched = opened();
    for (const gone of [16_000, 17_000, 1_000]) watched.reads({ USDT: d(String(-gone)) });
    expect([...new Set(watched.modes)]).toContain('lossUnexplained');
    expect(watched.kills).toBe(0);
  });

  it('keep nobody from halting what its own trading has lost meanwhile', () => {
    const watched = opened();
    for (let reading = 1; reading < 7; reading += 1) watched.reads({ USDT: d(String(-200 * reading)) });
    expect(watched.kills).toBe(0);
    watched.ledger = '84000';
    expect(watched.reads({ USDT: d('-1400') }).equity).toBeUndefined();
    expect(watched.kills).toBeGreaterThan(0);
  });

  it.each<[string, readonly Quantities[]]>([
    [
      'two fills on their way, one after the other, and then none',
      [{ USDT: d('-50000'), BTC: d('1') }, { USDT: d('-45000'), BTC: d('0.9') }, {}],
    ],
    ['a fee on its way in a third asset', [{ BNB: d('-1') }, { BNB: d('-2') }, {}]],
    ['the halves of a fill, one after the other', [{ USDT: d('-50000') }, { USDT: d('-50000'), BTC: d('1') }, {}]],
    ['a deposit that comes in two parts', [{ USDT: d('500') }, { USDT: d('1000') }, { USDT: d('1000') }]],
    ['a deposit of what nothing marks', [{ SCAM: d('5') }, { SCAM: d('5') }]],
    [
      'dust that is converted',
      [
        { BTC: d('-0.0001'), USDT: d('4.9') },
        { BTC: d('-0.0001'), USDT: d('4.9') },
      ],
    ],
    [
      'a deposit that is exchanged while it is read',
      [{ USDT: d('30000') }, { USDT: d('5000'), BTC: d('0.5') }, { USDT: d('5000'), BTC: d('0.5') }],
    ],
  ])('are ordinary trading, and pause nobody: %s', (_, readings) => {
    const watched = opened();
    for (const reading of readings) watched.reads(reading);
    const last = watched.settled(readings.at(-1) ?? {});
    expect([watched.modes, watched.alerts, watched.kills]).toEqual([[], [], 0]);
    expect(watched.state.movingSince).toBeUndefined();
    expect(Number(last.equity)).toBeGreaterThanOrEqual(99_999);
  });

  it('go on for fifteen seconds from the third reading before the worth is unknown, and for fifteen more before that pauses', () => {
    const watched = opened();
    const readings = [1, 2, 3, 4, 5, 6].map((reading) =>
      watched.reads({ USDT: d(String(-10 * reading)), BTC: d(String(reading / 5_000)) }),
    );
    expect(readings.map(({ equity }) => equity !== undefined)).toEqual([true, true, true, true, true, false]);
    expect(watched.modes).toEqual([]);
    // One that shows what is booked ends it.
    expect(watched.reads({})).toMatchObject({ equity: '100000' });
    expect([watched.modes, watched.state.movingSince]).toEqual([[], undefined]);
  });

  it('are fills on their way where a reading in between shows what is booked, and what is missing then is nothing', () => {
    const watched = opened();
    for (let reading = 1; reading < 20; reading += 1) {
      const onTheWay = reading % 3 === 0 ? {} : { USDT: d(String(-10_000 * reading)), BTC: d(String(reading / 5)) };
      expect(watched.reads(onTheWay)).toMatchObject({ equity: '100000', figures: { dailyPnl: '0' } });
    }
    expect([watched.modes, watched.alerts, watched.kills]).toEqual([[], [], 0]);
  });
});

describe('a halt of the watch whose sample was lost', () => {
  const unnotedHalt = { latchId: 'halt', reason: 'main is 20 % under its peak: it is halted.' };
  const seenAs = (price: string): Sample =>
    sampleAccount(
      'main',
      opened().state,
      {
        ...{
          now: NOON + 11_000,
          lastTime: NOON + 10_000,
          mode: 'normal',
          hold: undefined,
          latch: 'none',
          unnotedHalt,
          isReadingFresh: true,
        },
        ...{ ledger: { USDT: d(price) }, booked: NO_BOOKS, readings: { last: {}, before: {} }, prices: PRICES },
        ages: { venueMs: 0, marketDataMs: 0, marketDataLimitMs: 300_000, comparedMs: 0 },
      },
      RULES,
    );

  it('is noted and told by the next one, also above the bound; below it the account is halted as ever', () => {
    expect(seenAs('99000')).toMatchObject({
      ...{ kill: undefined, state: { latchId: 'halt' } },
      alerts: [{ key: 'watch:main:drawdownLimit:halt', severity: 'critical', condition: 'drawdownLimit', summary: unnotedHalt.reason }],
    });
    const below = seenAs('80000');
    expect(below.kill).toBeDefined();
    expect(below.alerts.filter(({ condition }) => condition === 'drawdownLimit')).toHaveLength(1);
  });
});
