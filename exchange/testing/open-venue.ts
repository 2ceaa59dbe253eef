import type { PriceRow } from '../market/price-rows.js';
import { instrumentOf, type InstrumentSource } from '../market/instrument.js';
import { Series } from '../market/series.js';
import type { LoadedInstrument } from '../market/load.js';
import { unitsOf } from '../amount/units.js';
import { Venue, type VenueOptions } from '../venue.js';

export const TEST_KEY = 'test-key';
export const TEST_SECRET = 'test-secret';
export const OTHER_KEY = 'other-key';
export const OTHER_SECRET = 'other-secret';

/** An instrument whose bars are given, beginning with the first of them. */
export function testInstrument(name: string, rows: readonly PriceRow[], places?: InstrumentSource['places']): LoadedInstrument {
  const price = (rows[0] as PriceRow).open;
  return {
    instrument: instrumentOf({ name, origin: 'simulated', source: 'test', price, ...(places && { places }) }),
    series: new Series(rows, { firstRow: 0, lastRow: rows.length - 1, startOffset: 0, atEnd: 'loop' }),
    digest: `${name} ${rows.length} ${price}`,
  };
}

/** Bars that stay near one price. */
export function calmRows(price: number, count = 600): PriceRow[] {
  return Array.from({ length: count }, (_, index) => {
    const wave = price * 0.0002 * (index % 2);
    const close = price + price * 0.0002 * ((index + 1) % 2);
    const open = price + wave;
    return { time: index * 1000, open, high: Math.max(open, close), low: Math.min(open, close), close, volume: 1000 };
  });
}

const ORDINARY = {
  balances: balancesOf({ USDT: '100000', BTC: '2', BNB: '10' }),
  permissions: ['read', 'trade'],
  feeAsset: 'received',
} as const;

/** A venue with two accounts, BTC/USDT near 50,000 and BNB/USDT near 500; nothing moves until it is started. */
export function testVenue(options: Partial<VenueOptions> = {}): Venue {
  return new Venue({
    instruments: [testInstrument('BTC/USDT', calmRows(50_000)), testInstrument('BNB/USDT', calmRows(500))],
    intervalMs: 1000,
    seed: 7,
    depthNotional: 20_000,
    feeRates: { maker: 100n, taker: 100n },
    rateLimits: { weightPerMinute: 1_000_000, ordersPer10Seconds: 1_000_000 },
    accounts: [
      { name: 'test', key: TEST_KEY, secret: TEST_SECRET, ...ORDINARY },
      { name: 'other', key: OTHER_KEY, secret: OTHER_SECRET, ...ORDINARY },
    ],
    journalFile: undefined,
    now: Date.now,
    ...options,
  });
}

export function balancesOf(amounts: Readonly<Record<string, string>>): Map<string, bigint> {
  return new Map(Object.entries(amounts).map(([asset, amount]) => [asset, unitsOf(amount)]));
}
