import { expect, it } from 'vitest';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import type { Venue } from '../../activities/ports/venue.js';
import { eventually } from '../../test/support/eventually.js';
import { KeelsonError } from '../../core/errors.js';
import type { VenueWeight } from '../../core/venue/weight.js';
import type { TopOfBook } from '../../core/ledger/mid.js';
import { followBooks } from './books.js';

it('tells the books of what is traded, without those that the venue does not show, and ends when it is told to', async () => {
  const books: Readonly<Record<string, () => Promise<TopOfBook | undefined>>> = {
    'BTC/USDT': () => Promise.resolve({ bid: '99', ask: '101' } as TopOfBook),
    'ETH/USDT': () => Promise.reject(new Error('not today')),
    'SOL/USDT': () => Promise.resolve(undefined),
  };
  const asked: string[] = [];
  const reader = { book: (instrument: string) => (asked.push(instrument), books[instrument]?.()) };
  const market = new StreamedMarket(() => 1_000);
  const warned: object[] = [];
  const stop = followBooks({
    ...{ account: 'main', instruments: Object.keys(books), market, clock: () => 900 },
    venueOf: () => ({ reader, weight: () => ({ kind: 'used', used: 0, limit: 6_000 }) }) as unknown as Venue,
    log: { warn: (data) => void warned.push(data) },
  });
  await eventually(() => expect(asked).toEqual(Object.keys(books)));
  stop();
  expect(market.view('main', 'BTC/USDT').book).toEqual({ bid: '99', ask: '101', ageMs: 100 });
  expect([market.view('main', 'ETH/USDT').book, market.view('main', 'SOL/USDT').book]).toEqual([undefined, undefined]);
  expect(warned).toMatchObject([{ account: 'main', instrument: 'ETH/USDT' }]);
});

it('a venue that could not be opened yet ends nothing', async () => {
  const warned: object[] = [];
  const stop = followBooks({
    ...{ account: 'main', instruments: ['BTC/USDT', 'ETH/USDT'], market: new StreamedMarket(() => 1_000), clock: () => 900 },
    venueOf: () => {
      throw new KeelsonError('VENUE_UNAVAILABLE', { venue: 'the venue of main', call: 'since the start', detail: 'it is not open yet' });
    },
    log: { warn: (data) => void warned.push(data) },
  });
  await eventually(() => expect(warned).toMatchObject([{ account: 'main', instrument: 'BTC/USDT' }]));
  stop();
});

it.each<[string, VenueWeight]>([
  ['tells no weight', { kind: 'untold' }],
  ['has not told yet', { kind: 'unknown' }],
  ['has sent us away', { kind: 'closed', forMs: 1_000 }],
  ['has counted a third of what it allows', { kind: 'used', used: 1_800, limit: 6_000 }],
])('asks nothing of a venue that %s', async (_, weight) => {
  let seen = 0;
  const book = (): never => {
    throw new Error('asked');
  };
  const warned: object[] = [];
  const stop = followBooks({
    ...{ account: 'main', instruments: ['BTC/USDT'], market: new StreamedMarket(() => 1_000), clock: () => 900 },
    venueOf: () => ({ reader: { book }, weight: () => ((seen += 1), weight) }) as unknown as Venue,
    log: { warn: (data) => void warned.push(data) },
  });
  await eventually(() => expect(seen).toBeGreaterThan(0));
  stop();
  expect(warned).toEqual([]);
});
