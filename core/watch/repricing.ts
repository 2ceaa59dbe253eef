import { Decimal, ZERO, decimal, text, type DecimalText } from '../money/index.js';
import type { Performance } from './performance.js';
import { priceOf, type Prices, type Quantities } from './valuation.js';

/** What an asset was valued by. One that has lost its mark keeps the last one in mind, and when that was seen. */
export interface PricedAsset {
  readonly price: DecimalText;
  readonly by: 'mark' | 'rule';
  readonly lastMark?: { readonly price: DecimalText; readonly time: number };
}

/** How an account was valued when its equity was known last. */
export interface Pricing {
  readonly quote: string;
  readonly assets: Readonly<Record<string, PricedAsset>>;
}

/** A configuration that values what is held in another way than before: what that changes is neither lost nor earned. */
export interface Repricing {
  readonly quotes: { readonly was: string; readonly is: string };
  /** Assets that are held and have gained or lost their mark, or that the account’s rule prices anew. */
  readonly assets: readonly string[];
  /** What is worth more (or less) for it, in the quote asset; of another quote asset nobody can say it. */
  readonly flow: Decimal;
}

/** A mark that is gone for no longer is the one that its asset goes on from: two configurations by turns hide no fall. */
const MARK_REMEMBERED_MS = 86_400_000;
const DIGITS = 30;

/** To be remembered with an equity: of a moment at which every mark that is needed is there. Pure. */
export function pricingOf(quantities: Quantities, prices: Prices, before: Pricing | undefined, now: number): Pricing {
  const assets: Record<string, PricedAsset> = {};
  for (const [asset, quantity] of Object.entries(quantities)) {
    const priced = decimal(quantity).isZero() ? undefined : priceOf(asset, prices);
    if (priced === undefined || priced.by === 'quote') continue;
    const { price, by } = priced;
    const was = before?.quote === prices.quote ? before.assets[asset] : undefined;
    const lastMark = was?.by === 'mark' ? { price: was.price, time: now } : was?.lastMark;
    assets[asset] = by === 'rule' && lastMark !== undefined ? { price, by, lastMark } : { price, by };
  }
  return { quote: prices.quote, assets };
}

/**
 * What the configuration has changed of how these quantities are valued; undefined: nothing. An asset that is marked before and after is
 * no part of it, so what the market does to it stays profit and loss. Pure.
 */
export function repricingOf(before: Pricing | undefined, quantities: Quantities, prices: Prices, now: number): Repricing | undefined {
  if (before === undefined) return undefined;
  const quotes = { was: before.quote, is: prices.quote };
  if (quotes.was !== quotes.is) return { quotes, assets: [], flow: ZERO };
  const assets: string[] = [];
  let flow = ZERO;
  for (const [asset, quantity] of Object.entries(quantities)) {
    const was = before.assets[asset];
    const is = priceOf(asset, prices);
    if (was === undefined || is === undefined || is.by === 'quote') continue;
    const from = is.by === 'rule' ? is.price : continued(was, is.price, now);
    const change = was.by === 'mark' && is.by === 'mark' ? ZERO : decimal(quantity).mul(decimal(from).minus(decimal(was.price)));
    if (change.isZero()) continue;
    assets.push(asset);
    flow = flow.plus(change);
  }
  return assets.length === 0 ? undefined : { quotes, assets, flow };
}

/** An asset that has its mark again goes on from the last one, so that a fall in between is one. */
function continued({ lastMark }: PricedAsset, price: DecimalText, now: number): DecimalText {
  return lastMark !== undefined && now - lastMark.time <= MARK_REMEMBERED_MS ? lastMark.price : price;
}

/**
 * The account as it was, valued as it is now: what it has lost of its peak and of its day stays the same share, and what the market has done
 * since comes after it. Undefined: it was worth nothing, and begins anew. Pure.
 */
export function revalued(before: Performance, { quotes, flow }: Repricing, worthNow: Decimal): Performance | undefined {
  const was = decimal(before.equity);
  if (was.lte(0)) return undefined;
  const known = was.plus(flow);
  // Of another quote asset, and where nothing is left that was priced before, nobody knows what it was worth in it: it is what it is now, without what came in.
  const isKnown = quotes.was === quotes.is && known.gt(0);
  const is = isKnown ? known : worthNow;
  // Up, so that rounding never makes a loss smaller.
  const scaled = (value: DecimalText): DecimalText => text(decimal(value).mul(is).div(was).toDecimalPlaces(DIGITS, Decimal.ROUND_UP));
  return {
    equity: text(is),
    peak: scaled(before.peak),
    day: before.day,
    dayOpening: isKnown ? before.dayOpening : scaled(before.dayOpening),
    dayFlows: isKnown ? text(decimal(before.dayFlows).plus(flow)) : scaled(before.dayFlows),
    dayBasis: scaled(before.dayBasis),
  };
}
