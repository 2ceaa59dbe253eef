import { expect, it } from 'vitest';
import type { DecimalText } from '../../core/money/index.js';
import type { TopOfBook } from '../../core/ledger/mid.js';
import type { Venue } from '../ports/venue.js';
import { StreamedMarket } from '../streams/live-market.js';
import { shownNow, viewToExit } from './reference-price.js';

const PRICE = '100' as DecimalText;
const BOOK = { bid: '99', ask: '101' } as TopOfBook;
const never = (): Promise<never> => new Promise(() => undefined);
const away = (): Promise<never> => Promise.reject(new Error('away'));
const at = (lastPrice: () => Promise<DecimalText>, book: () => Promise<TopOfBook>): Venue =>
  ({ reader: { lastPrice, book } }) as unknown as Venue;
const price = (): Promise<DecimalText> => Promise.resolve(PRICE);
const book = (): Promise<TopOfBook> => Promise.resolve(BOOK);

it.each([
  ['both', price, book, { price: PRICE, book: BOOK }],
  ['no book, for which nothing waits long', price, never, { price: PRICE, book: undefined }],
  ['a book that failed', price, away, { price: PRICE, book: undefined }],
  ['no price, and what there is', never, book, { price: undefined, book: BOOK }],
  ['nothing', away, away, { price: undefined, book: undefined }],
])('P19: what the venue shows, as far as it tells: %s', async (_, lastPrice, top, shown) => {
  expect(await shownNow(at(lastPrice, top), 'BTC/USDT')).toEqual(shown);
});

const thrown = (): never => {
  throw new Error('not open');
};
const SEEN = { ...BOOK, ageMs: 0 };
it.each([
  ['asked for where none was seen', 100, undefined, book, SEEN],
  ['asked for where the one seen is old', 100, 10_001, book, SEEN],
  ['the one seen where that is new', 100, 10_000, away, { ...BOOK, ageMs: 10_000 }],
  ['not waited for long', 100, undefined, never, undefined],
  ['nothing where it fails', 100, undefined, away, undefined],
  ['nothing where it throws', 100, undefined, thrown, undefined],
  ['left where the venue has counted much', 300, undefined, book, undefined],
])('P19: the book that an exit with a fresh price is told against: %s', async (_, used, ageMs, top, told) => {
  const market = new StreamedMarket(() => 20_000);
  market.seePrice('main', 'BTC/USDT', PRICE, { seenTime: 20_000 });
  if (ageMs !== undefined) market.seeBook('main', 'BTC/USDT', BOOK, 20_000 - ageMs);
  const venue = { ...at(away, top), weight: () => ({ kind: 'used', used, limit: 1_000 }) } as unknown as Venue;
  const view = await viewToExit(market, venue, 'main', 'BTC/USDT');
  expect([view.price?.price, view.book]).toEqual([PRICE, told]);
});
