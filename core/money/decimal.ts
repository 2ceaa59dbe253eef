import { Decimal as DecimalJs } from 'decimal.js';

/**
 * Exact decimal arithmetic for money, prices and quantities.
 *
 * 130 significant digits hold every product of two decimals that are read from outside (30 digits on each side of the point),
 * and a billion of such products added up, as Postgres does: results are exact; only division rounds (half even). Exponent notation is switched off: venues and Postgres read plain digits.
 */
export const Decimal = DecimalJs.clone({
  precision: 130,
  rounding: DecimalJs.ROUND_HALF_EVEN,
  toExpNeg: -60,
  toExpPos: 60,
});
export type Decimal = DecimalJs;

declare const decimalText: unique symbol;

/** A decimal in plain digits, such as `-12.50`: how money travels on every wire and in `numeric` columns. */
export type DecimalText = string & { readonly [decimalText]: true };

const PLAIN_DECIMAL = /^-?\d{1,30}(\.\d{1,30})?$/;
/** What products and sums of those come to, as the ledger keeps them. */
const RECKONED_DECIMAL = /^-?\d{1,70}(\.\d{1,60})?$/;

/** True when `text` is a plain decimal of at most 30 digits on each side of the point, as configurations, people and venues write them. */
export function isDecimalText(text: unknown): text is DecimalText {
  return typeof text === 'string' && PLAIN_DECIMAL.test(text);
}

/**
 * Reads a decimal from text: what came from outside, or what was reckoned from it and is longer. A JavaScript number is not accepted: it has lost its last digits before it arrives here.
 * @throws RangeError when the text is not a plain decimal.
 */
export function decimal(text: string): Decimal {
  if (typeof text !== 'string' || !RECKONED_DECIMAL.test(text))
    throw new RangeError(`not a plain decimal: ${JSON.stringify(text)?.slice(0, 60)}`);
  return new Decimal(text);
}

/** Writes a decimal in plain digits, without trailing zeros. */
export function text(value: Decimal): DecimalText {
  return (value.isZero() ? '0' : value.toFixed()) as DecimalText;
}

/** Marks a literal or a checked wire value as decimal text. @throws RangeError when it is not one. */
export function decimalTextOf(value: string): DecimalText {
  return text(decimal(value));
}

export const ZERO: Decimal = new Decimal(0);
export const ZERO_TEXT: DecimalText = '0' as DecimalText;

export function maximum(first: Decimal, ...rest: readonly Decimal[]): Decimal {
  return rest.reduce((most, value) => (value.gt(most) ? value : most), first);
}

export function minimum(first: Decimal, ...rest: readonly Decimal[]): Decimal {
  return rest.reduce((least, value) => (value.lt(least) ? value : least), first);
}
