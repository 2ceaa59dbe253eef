import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import type { ClockReading, Venue } from '../../activities/ports/venue.js';
import { measureClock } from './clock-skew.js';

const NOW = Date.UTC(2026, 10, 20);
const BTC = 'BTC/USDT';
const reading = (skewMs: number, roundTripMs = 10): ClockReading => ({
  ...{ venueTime: NOW + skewMs, skewMs, roundTripMs },
  aheadOfMonotonicMs: Date.now() + skewMs - performance.now(),
});

beforeEach(() => void vi.useFakeTimers({ now: NOW }));
afterEach(() => void vi.useRealTimers());

/** An account whose venue opens when it is told to. */
function opensLate(clock: () => Promise<ClockReading>, last: ClockReading) {
  const market = new StreamedMarket(Date.now);
  const warned: object[] = [];
  let open: (venue: Venue) => void = () => undefined;
  const opened = new Promise<Venue>((resolve) => {
    open = resolve;
  });
  const stop = measureClock('main', () => opened, market, { warn: (data) => void warned.push(data) });
  return { market, warned, stop, open: () => open({ lastClock: () => last, reader: { clock } } as unknown as Venue) };
}

it('of a venue that opens late the skew is known from its opening on, without asking, and is measured from then on', async () => {
  const readings = [reading(-2_990), reading(-2_980)];
  const { market, stop, open } = opensLate(() => Promise.resolve(readings.shift() ?? reading(0)), reading(-3_000));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(market.clockSkewMs('main')).toBeUndefined();
  open();
  await vi.advanceTimersByTimeAsync(0);
  expect(market.view('main', BTC).clockSkewMs).toBe(-3_000);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(market.clockSkewMs('main')).toBe(-2_990);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(market.clockSkewMs('main')).toBe(-2_980);
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(market.clockSkewMs('main')).toBe(-2_980);
});

it('of one that always answers slowly, or not at all any more, the first reading stands for what is signed', async () => {
  const { market, warned, stop, open } = opensLate(() => Promise.reject(new Error('away again')), reading(3_000, 1_500));
  open();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(market.venueNow('main')).toBe(NOW + 63_000);
  expect(market.view('main', BTC).clockSkewMs).toBeUndefined();
  expect(warned.length).toBeGreaterThan(1);
  stop();
});

it('what the venue’s connections have read beside is known within half a second: what is signed goes by it', async () => {
  let last = reading(0);
  const market = new StreamedMarket(Date.now);
  const venue = { lastClock: () => last, reader: { clock: () => Promise.reject(new Error('not asked yet')) } } as unknown as Venue;
  const stop = measureClock('main', () => Promise.resolve(venue), market, { warn: () => undefined });
  await vi.advanceTimersByTimeAsync(600);
  expect(market.clockSkewMs('main')).toBe(0);
  // Our own clock was set ahead.
  last = reading(-700);
  await vi.advanceTimersByTimeAsync(500);
  expect(market.clockSkewMs('main')).toBe(-700);
  stop();
  last = reading(5);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(market.clockSkewMs('main')).toBe(-700);
});

it('one that opens after the end is not measured', async () => {
  const { market, stop, open } = opensLate(() => Promise.resolve(reading(5)), reading(-3_000));
  stop();
  open();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(market.clockSkewMs('main')).toBeUndefined();
});
