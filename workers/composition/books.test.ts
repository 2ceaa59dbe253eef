import { expect, it } from 'vitest';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import type { Venue } from '../../activities/ports/venue.js';
import { eventually } from '../../test/support/eventually.js';
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
    venueOf: () => ({ reader }) as unknown as Venue,
    log: { warn: (data) => void warned.push(data) },
  });
  await eventually(() => expect(asked).toEqual(Object.keys(books)));
  await stop();
  expect(market.view('main', 'BTC/USDT').book).toEqual({ bid: '99', ask: '101', ageMs: 100 });
  expect([market.view('main', 'ETH/USDT').book, market.view('main', 'SOL/USDT').book]).toEqual([undefined, undefined]);
  expect(warned).toMatchObject([{ account: 'main', instrument: 'ETH/USDT' }]);
});
