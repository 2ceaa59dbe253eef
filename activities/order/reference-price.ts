import { midOf, type TopOfBook } from '../../core/ledger/mid.js';
import type { DecimalText } from '../../core/money/index.js';
import type { LiveView } from '../../core/risk/view.js';
import type { LiveMarket } from '../ports/live.js';
import type { Venue } from '../ports/venue.js';

const LIMIT_MS = 1_000;
/** So much longer an exit waits for what is only told on. */
const BOOK_LIMIT_MS = 100;
/** Of what the venue allows our address in a minute: from here on it is left to those who trade, look and halt. */
const SHARE_PERCENT = 30;
/** For what leaves now, a streamed price that is older is asked for anew: the stream may have ended without a word. */
const FRESH_MS = 2_000;

/** Whether the stream shows a price that can be acted on without asking the venue. */
export function isFresh({ price, streamGap }: LiveView): boolean {
  return price !== undefined && Math.abs(price.ageMs) <= FRESH_MS && streamGap === undefined;
}

/** The venue's last price, if it tells it within a second: no exit waits longer for a price (P19). */
export function referencePrice(venue: Venue, instrument: string): Promise<DecimalText | undefined> {
  return within(LIMIT_MS, venue.reader.lastPrice(instrument));
}

/** The same of several, by one request. */
export async function referencePrices(venue: Venue, instruments: readonly string[]): Promise<Readonly<Record<string, DecimalText>>> {
  return (await within(LIMIT_MS, venue.reader.lastPrices(instruments))) ?? {};
}

/** What a venue shows of an instrument now, as far as it tells. */
interface Shown {
  readonly price: DecimalText | undefined;
  readonly book: TopOfBook | undefined;
}

/** The same with best bid and ask, which are asked for beside the price and taken where they come with it, or a moment later. */
export async function shownNow(venue: Venue, instrument: string): Promise<Shown> {
  const asked = referencePrice(venue, instrument);
  // It may fail while the price is waited for: that is its answer, and nobody's error.
  const book = venue.reader.book(instrument).catch(() => undefined);
  const price = await asked;
  return { price, book: await within(BOOK_LIMIT_MS, book) };
}

/**
 * What is seen of an instrument for what must leave now. Who exits may have no stream of prices, or one that has stood still: then the
 * venue is asked. Without an answer the streamed price serves, as old as it is (P19).
 */
export async function viewToLeave(live: LiveMarket, venue: Venue, account: string, instrument: string): Promise<LiveView> {
  const view = live.view(account, instrument);
  if (isFresh(view)) return view;
  const { price, book } = await shownNow(venue, instrument);
  return {
    ...view,
    ...(price === undefined ? {} : { price: { price, ageMs: 0 } }),
    ...(book === undefined ? {} : { book: { ...book, ageMs: 0 } }),
  };
}

/**
 * The same for an exit, whose slippage is told against the mid price: where the stream's price is fresh, nobody may have seen a book. What is
 * only told on takes no weight that those who trade, look and halt may need.
 */
export async function viewToExit(live: LiveMarket, venue: Venue, account: string, instrument: string): Promise<LiveView> {
  const view = await viewToLeave(live, venue, account, instrument);
  const mid = midOf(view.book);
  if ('price' in mid || mid.missing === 'crossedBook' || !isFresh(view) || !hasWeightToSpare(venue)) return view;
  // However it fails, the exit goes on.
  const book = await within(
    BOOK_LIMIT_MS,
    Promise.resolve().then(() => venue.reader.book(instrument)),
  );
  return book === undefined ? view : { ...view, book: { ...book, ageMs: 0 } };
}

/** Whether the venue tells what it has counted, and that is little. */
export function hasWeightToSpare(venue: Venue): boolean {
  const weight = venue.weight();
  return weight.kind === 'used' && weight.used * 100 < weight.limit * SHARE_PERCENT;
}

/** What is not there in time, or fails, is not known. */
async function within<T>(ms: number, asked: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return Promise.race([asked.catch(() => undefined), tooLate]).finally(() => clearTimeout(timer));
}
