import { expect, it } from 'vitest';
import type { DecimalText } from '../../core/money/index.js';
import type { TopOfBook } from '../../core/ledger/mid.js';
import type { Venue } from '../ports/venue.js';
import { shownNow } from './reference-price.js';

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
