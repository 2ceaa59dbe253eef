import { describe, expect, it } from 'vitest';
import type { DecimalText } from '../../core/money/index.js';
import { StreamedMarket } from './live-market.js';

const BTC = 'BTC/USDT';

describe('what a process sees of its venues', () => {
  let now = 100_000;
  let passed = 0;
  const market = new StreamedMarket(
    () => now,
    () => passed,
  );

  it('nothing, before anything was seen', () => {
    expect(market.view('main', BTC)).toEqual({ now });
    expect(market.clockSkewMs('main')).toBeUndefined();
  });

  it('each account has the prices and the clock of its own venue', () => {
    market.seePrice('main', BTC, '100' as DecimalText, { seenTime: now - 5 });
    market.seeClock('main', { skewMs: 3, roundTripMs: 10 });
    market.seeClock('second', { skewMs: -400, roundTripMs: 10 });
    expect(market.view('main', BTC)).toEqual({ now: now + 3, price: { price: '100', ageMs: 5 }, clockSkewMs: 3 });
    expect(market.view('second', BTC)).toEqual({ now: now - 400, clockSkewMs: -400 });
  });

  it('a price is as old as it was when it was so, however late that came', () => {
    market.seePrice('late', BTC, '100' as DecimalText, { seenTime: now - 60_000, lateMs: 60_000 });
    expect(market.view('late', BTC).price).toEqual({ price: '100', ageMs: 60_000, lateMs: 60_000 });
  });

  it('an interruption of the stream stands until the instrument is heard of again', () => {
    market.seeGap('gone', BTC, 'the connection was lost');
    market.seeGap('gone', 'ETH/USDT', 'the connection was lost');
    market.seePrice('gone', BTC, '100' as DecimalText, { seenTime: now });
    expect(market.view('gone', BTC).streamGap).toBeUndefined();
    expect(market.view('gone', 'ETH/USDT').streamGap).toBe('the connection was lost');
  });

  it('signals expire in the venue’s time: a clock of ours that is ahead makes no exit late', () => {
    market.seeClock('ahead', { skewMs: -5_000, roundTripMs: 10 });
    expect(market.venueNow('ahead')).toBe(now - 5_000);
    expect(market.venueNow('never read')).toBe(now);
  });

  it('a reading during which the process was stopped is none', () => {
    market.seeClock('main', { skewMs: 30_000, roundTripMs: 60_000 });
    expect(market.clockSkewMs('main')).toBe(3);
  });

  it('what was never read is read however long it took: exits are signed with it, and entries wait for one that is close', () => {
    market.seeClock('slow', { skewMs: -3_000, roundTripMs: 1_200 });
    expect(market.venueNow('slow')).toBe(now - 3_000);
    expect(market.clockReadTime('slow')).toBe(now);
    expect(market.view('slow', BTC).clockSkewMs).toBeUndefined();
    market.seeClock('slow', { skewMs: -2_500, roundTripMs: 2_000 });
    expect(market.clockSkewMs('slow')).toBe(-3_000);
    market.seeClock('slow', { skewMs: -2_900, roundTripMs: 1_100 });
    expect(market.clockSkewMs('slow')).toBe(-2_900);
    market.seeClock('slow', { skewMs: -2_880, roundTripMs: 1_000 });
    expect(market.view('slow', BTC).clockSkewMs).toBe(-2_880);
  });

  it('a reading that took long and cannot be true beside the last one tells of a clock that was set', () => {
    market.seeClock('set', { skewMs: 3, roundTripMs: 10 });
    market.seeClock('set', { skewMs: 600, roundTripMs: 1_200 });
    expect(market.view('set', BTC).clockSkewMs).toBe(3);
    market.seeClock('set', { skewMs: 3_000, roundTripMs: 1_200 });
    expect(market.venueNow('set')).toBe(now + 3_000);
    expect(market.view('set', BTC).clockSkewMs).toBeUndefined();
  });

  it('P5: our own clock is set: nothing is signed later than the venue’s time is, and nothing expires later', () => {
    market.seeClock('step', { skewMs: 40, roundTripMs: 10, aheadOfMonotonicMs: now + 40 });
    passed += 1_000;
    const venueTime = now + 40 + 1_000;
    for (const [step, signed, expires] of [
      [600_000, venueTime, now + 600_040],
      [-600_000, now - 599_960, venueTime],
    ] as const) {
      now += step;
      expect(market.signingTime('step')).toBe(signed);
      expect(market.venueNow('step')).toBe(expires);
      expect(market.view('step', BTC).now).toBe(expires);
      now -= step;
    }
    // Of what nobody has read ours is all that is known.
    expect([market.signingTime('never read'), market.venueNow('never read')]).toEqual([now, now]);
  });

  it('for entries a reading holds for a minute, and not for a millisecond more', () => {
    market.seeClock('aging', { skewMs: 3, roundTripMs: 10 });
    const read = now;
    for (const [ageMs, seen] of [
      [60_000, 3],
      [60_001, undefined],
      [-60_000, 3],
      [-60_001, undefined],
    ] as const) {
      now = read + ageMs;
      expect([ageMs, market.view('aging', BTC).clockSkewMs]).toEqual([ageMs, seen]);
    }
    now = read;
  });

  it('a reading grows old, also when our clock is set back; exits are signed with it all the same', () => {
    for (const step of [60_001, -120_002]) {
      now += step;
      expect(market.view('main', BTC).clockSkewMs).toBeUndefined();
      expect(market.clockSkewMs('main')).toBe(3);
    }
  });
});
