import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, text, type DecimalText } from '../money/index.js';
import type { WatchRules } from './rules.js';
import { sampleAccount, UNWATCHED, type Observation, type Sample, type WatchState } from './sample.js';
import type { Prices, Quantities } from './valuation.js';

const d = (value: string): DecimalText => value as DecimalText;
const DAY = 86_400_000;
const RULES: WatchRules = {
  dailyLossWarnRatio: 0.02,
  dailyLossLimitRatio: 0.03,
  drawdownWarnRatio: 0.1,
  drawdownLimitRatio: 0.15,
  venueUnreachableMs: 120_000,
  noMarketDataMs: 300_000,
  unmarkedPrices: {},
};

/** An account whose configuration changes from one sample to the next. */
class Watched {
  state: WatchState = UNWATCHED;
  now = 20_000 * DAY;

  see(ledger: Quantities, prices: Prices, more: Partial<Observation> = {}, afterMs = 1_000): Sample {
    const lastTime = this.now;
    this.now += afterMs;
    const sample = sampleAccount(
      'main',
      this.state,
      {
        ...{
          now: this.now,
          lastTime,
          mode: 'normal',
          hold: undefined,
          latch: 'none',
          unnotedHalt: undefined,
          ledger,
          prices,
          isReadingFresh: true,
        },
        ...{
          readings: { last: {}, before: {} },
          booked: { deposited: {}, withdrawn: {}, before: {}, after: {}, traded: {}, given: {}, early: {} },
          ages: { venueMs: 0, marketDataMs: 0, marketDataLimitMs: 300_000, comparedMs: 0 },
          ...more,
        },
      },
      RULES,
    );
    this.state = sample.state;
    return sample;
  }
}

/** What is marked, at which price, in a quote asset; `rule` prices what is not. */
function prices(marked: Readonly<Record<string, string>>, rule: Readonly<Record<string, string>> = {}, quote = 'USDT'): Prices {
  const marks = Object.entries(marked).map(([asset, price]) => [`${asset}/${quote}`, { price: d(price), ageMs: 0 }]);
  return {
    ...{ quote, markMaxAgeMs: 3_000, marks: Object.fromEntries(marks), unmarkedPrices: rule as Quantities },
    instruments: Object.keys(marked).map((asset) => `${asset}/${quote}`),
  };
}

const HELD = { USDT: d('80000'), ETH: d('10') };

describe('a configuration that values the account in another way', () => {
  const opened = (): Watched => {
    const watched = new Watched();
    watched.see(HELD, prices({ ETH: '2000' }));
    return watched;
  };

  it('makes no loss of an asset that has lost its mark, is told once a day, and leaves peak and opening in proportion', () => {
    const watched = opened();
    const sample = watched.see(HELD, prices({ BTC: '50000' }));
    expect(sample).toMatchObject({ equity: '80000', kill: undefined, figures: { dailyPnl: '0' }, repriced: { assets: ['ETH'] } });
    expect(text(sample.repriced?.flow ?? decimal('0'))).toBe('-20000');
    expect(sample.alerts).toMatchObject([{ condition: 'repriced', severity: 'warning' }]);
    expect(sample.alerts[0]?.summary).toContain('ETH');
    expect(watched.state.performance?.peak).toBe('80000');
    expect(watched.see(HELD, prices({ BTC: '50000' }))).toMatchObject({ repriced: undefined, alerts: [] });
  });

  it('keeps what was lost before, and what is lost of the rest', () => {
    const watched = opened();
    expect(watched.see(HELD, prices({ ETH: '1500' })).figures?.drawdownRatio.toFixed()).toBe('0.05');
    expect(watched.see(HELD, prices({})).figures?.drawdownRatio.toDecimalPlaces(20).toFixed()).toBe('0.05');
    const lost = watched.see({ ...HELD, USDT: d('70000') }, prices({}));
    expect(lost).toMatchObject({ kill: expect.stringContaining('16.88 %'), repriced: undefined });
  });

  it('makes no gain of an asset that gains a mark, nor of a new price by the rule', () => {
    const watched = new Watched();
    watched.see(HELD, prices({}));
    expect(watched.see(HELD, prices({ ETH: '2000' }))).toMatchObject({ equity: '100000', figures: { dailyPnl: '0' } });
    const ruled = new Watched();
    ruled.see(HELD, prices({}, { ETH: '2000' }));
    expect(ruled.see(HELD, prices({}, { ETH: '1000' }))).toMatchObject({ equity: '90000', kill: undefined, figures: { dailyPnl: '0' } });
  });

  it('a mark that is silent is no mark lost: the equity is not known', () => {
    const watched = opened();
    const silent = watched.see(HELD, { ...prices({ ETH: '2000' }), marks: {} });
    expect(silent).toMatchObject({ equity: undefined, repriced: undefined, state: { performance: { peak: '100000' } } });
    // What has fallen meanwhile has fallen.
    expect(watched.see(HELD, prices({ ETH: '400' })).kill).toContain('16 %');
  });

  it('a mark that comes back within a day goes on from the last one: two configurations by turns hide no fall', () => {
    const watched = opened();
    watched.see(HELD, prices({}));
    expect(
      watched
        .see(HELD, prices({ ETH: '1000' }))
        .figures?.drawdownRatio.toDecimalPlaces(20)
        .toFixed(),
    ).toBe('0.1');
    watched.see(HELD, prices({}));
    expect(watched.see(HELD, prices({ ETH: '400' })).kill).toContain('16 %');
    // After a longer time nobody knows any more what it was.
    const later = opened();
    later.see(HELD, prices({}));
    expect(later.see(HELD, prices({ ETH: '400' }), {}, 2 * DAY)).toMatchObject({ kill: undefined, equity: '84000' });
  });

  it('another quote asset keeps the shares, and is told as an error', () => {
    const watched = opened();
    watched.see(HELD, prices({ ETH: '1200' }));
    const held = { ...HELD, USDC: d('500') };
    const sample = watched.see(held, prices({ ETH: '1200' }, {}, 'USDC'));
    expect(sample).toMatchObject({ equity: '12500', kill: undefined, alerts: [{ severity: 'error', condition: 'repriced' }] });
    expect(sample.figures?.drawdownRatio.toDecimalPlaces(20).toFixed()).toBe('0.08');
    expect(sample.figures?.dailyLossRatio.toDecimalPlaces(20).toFixed()).toBe('0.08');
    // And goes on from there.
    expect(watched.see(held, prices({ ETH: '1000' }, {}, 'USDC')).kill).toBeDefined();
  });

  it('one that prices nothing of what is held leaves the equity unknown, and back again it goes on where it was', () => {
    const watched = opened();
    for (let index = 0; index < 16; index += 1) expect(watched.see(HELD, prices({}, {}, 'USDC')).equity).toBeUndefined();
    const paused = watched.see(HELD, prices({}, {}, 'USDC'));
    expect(paused).toMatchObject({ kill: undefined, mode: { mode: 'paused', reason: expect.stringContaining('prices nothing') } });
    expect(watched.see(HELD, prices({ ETH: '400' })).kill).toContain('16 %');
  });

  it('what is deposited meanwhile is a deposit, whatever its price does', () => {
    const watched = opened();
    const more = { ETH: d('5') };
    const sample = watched.see(HELD, prices({}, { ETH: '100' }), { readings: { last: more, before: more } });
    expect(sample).toMatchObject({ equity: '81500', flow: '500', figures: { dailyPnl: '0' } });
  });
});

it('whatever the configuration does: what marked assets lose is in the day and in the drawdown, and nothing else is', () => {
  const assets = ['BTC', 'ETH', 'SOL'] as const;
  const price = fc.integer({ min: 1, max: 1_000 });
  const step = fc.record({
    price: fc.record({ BTC: price, ETH: price, SOL: price }),
    marked: fc.subarray([...assets]),
    rule: fc.record({ BTC: price, ETH: price, SOL: price }),
  });
  const quantities: Quantities = { USDT: d('1000'), BTC: d('3'), ETH: d('2'), SOL: d('1') };
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 20 }), (steps) => {
      const watched = new Watched();
      // Each asset's price as its marks have told it, from one to the next, however long it had none in between.
      const told: Partial<Record<string, number>> = {};
      let pnl = 0;
      let ratio = decimal('0');
      for (const { price: now, marked, rule } of steps) {
        let move = 0;
        for (const asset of marked) {
          move += Number(quantities[asset]) * (now[asset] - (told[asset] ?? now[asset]));
          told[asset] = now[asset];
        }
        pnl += move;
        const ofMarks = Object.fromEntries(marked.map((asset) => [asset, String(now[asset])]));
        const ofRule = Object.fromEntries(assets.map((asset) => [asset, String(rule[asset])]));
        const { figures } = watched.see(quantities, prices(ofMarks, ofRule));
        expect(figures?.dailyPnl).toBe(String(pnl));
        // Nothing that the configuration does makes a drawdown smaller while the market takes.
        if (move <= 0) expect(figures?.drawdownRatio.plus('1e-20').gte(ratio)).toBe(true);
        if (move < 0) expect(figures?.drawdownRatio.gt(ratio)).toBe(true);
        ratio = figures?.drawdownRatio ?? ratio;
      }
    }),
  );
});
