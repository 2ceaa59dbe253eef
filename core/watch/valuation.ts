import { amountOf, decimal, text, ZERO, type Amounts, type Decimal, type DecimalText } from '../money/index.js';

export type Quantities = Amounts;

/** The last price of an instrument, and how old it is. */
export interface Mark {
  readonly price: DecimalText;
  readonly ageMs: number;
}

/** What an account's assets are valued by. */
export interface Prices {
  /** What the account reckons in. */
  readonly quote: string;
  /** What it trades, and what it holds of its own; a mark of another quote asset values nothing here. */
  readonly instruments: readonly string[];
  readonly marks: Readonly<Record<string, Mark>>;
  readonly markMaxAgeMs: number;
  readonly unmarkedPrices: Quantities;
}

/** `rule`: no instrument of the account tells its price, so the account’s rule does. */
type PricedBy = 'quote' | 'mark' | 'rule';

export interface AssetPrice {
  readonly price: DecimalText;
  readonly by: PricedBy;
}

export interface AssetValue {
  readonly value: Decimal;
  readonly by: PricedBy;
}

export interface Valuation {
  /** Undefined when an asset that is held has an instrument and no fresh mark: it is never counted as nothing. */
  readonly equity: Decimal | undefined;
  /** What is held beside the quote asset and marked, as far as its price is known. */
  readonly exposure: Decimal;
  readonly unmarked: readonly { readonly asset: string; readonly quantity: DecimalText; readonly value: DecimalText }[];
  /** Assets whose price should be known and is not. */
  readonly unknown: readonly string[];
}

/** What one of an asset is worth in the account's quote asset; undefined when its mark is missing or too old. Pure. */
export function priceOf(asset: string, prices: Prices): AssetPrice | undefined {
  if (asset === prices.quote) return { price: '1' as DecimalText, by: 'quote' };
  const instrument = `${asset}/${prices.quote}`;
  if (!prices.instruments.includes(instrument)) return { price: text(amountOf(prices.unmarkedPrices, asset)), by: 'rule' };
  const mark = prices.marks[instrument];
  // A mark from the future is of a clock that was set: nobody knows how old it is.
  if (mark === undefined || Math.abs(mark.ageMs) > prices.markMaxAgeMs) return undefined;
  return { price: mark.price, by: 'mark' };
}

/** The worth of a quantity in the account's quote asset; undefined when its mark is missing or too old. Pure. */
export function valueOf(asset: string, quantity: Decimal, prices: Prices): AssetValue | undefined {
  const priced = priceOf(asset, prices);
  return priced && { value: quantity.mul(decimal(priced.price)), by: priced.by };
}

/** Balances times fresh marks. Pure. */
export function valuationOf(quantities: Quantities, prices: Prices): Valuation {
  let equity = ZERO;
  let exposure = ZERO;
  const unmarked: { asset: string; quantity: DecimalText; value: DecimalText }[] = [];
  const unknown: string[] = [];
  for (const [asset, quantity] of Object.entries(quantities)) {
    const amount = decimal(quantity);
    if (amount.isZero()) continue;
    const worth = valueOf(asset, amount, prices);
    if (worth === undefined) {
      unknown.push(asset);
      continue;
    }
    equity = equity.plus(worth.value);
    if (worth.by === 'mark') exposure = exposure.plus(worth.value.abs());
    if (worth.by === 'rule') unmarked.push({ asset, quantity, value: text(worth.value) });
  }
  return { equity: unknown.length > 0 ? undefined : equity, exposure, unmarked, unknown };
}
