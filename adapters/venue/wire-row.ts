import type { TopOfBook } from '../../core/ledger/mid.js';
import { Decimal, decimal, decimalTextOf, text, type DecimalText } from '../../core/money/index.js';

/** One object as the venue wrote it, parsed from JSON but otherwise untouched. */
export type Row = Readonly<Record<string, unknown>>;

/** Of an asset at any venue. */
const MOST_PLACES = 18;

/** The venue wrote something that its documentation does not say. Names the field, never guesses a value. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** @throws WireError when `value` is not a JSON object. */
export function rowOf(value: unknown, what: string): Row {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WireError(`${what} is not an object`);
  return value as Row;
}

/** @throws WireError when `value` is not a JSON array of objects. */
export function rowsOf(value: unknown, what: string): readonly Row[] {
  if (!Array.isArray(value)) throw new WireError(`${what} is not a list`);
  return value.map((row) => rowOf(row, `an entry of ${what}`));
}

/** Text or a whole number as text (ids come as either). @throws WireError when it is absent or empty. */
export function textAt(row: Row, key: string): string {
  const value = row[key];
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw new WireError(`${key} is missing`);
}

/** A decimal that travels as text. A JSON number is refused: its last digits may be gone already. */
export function decimalAt(row: Row, key: string): DecimalText {
  const value = row[key];
  if (typeof value !== 'string') throw new WireError(`${key} is not a decimal in text`);
  try {
    return decimalTextOf(value);
  } catch (cause) {
    throw new WireError(`${key} is not a decimal`, { cause });
  }
}

/** What a fill was worth, where the venue says it. @throws WireError when it says what is no amount. */
export function amountAt(row: Row, key: string): { readonly amount?: DecimalText } {
  if (row[key] === undefined) return {};
  const amount = decimalAt(row, key);
  if (decimal(amount).lt(0)) throw new WireError(`${key} is below zero`);
  return { amount };
}

/** The unit of an asset that is kept in so many places: 8 is 0.00000001. Nothing where the venue does not say. */
export function unitAt<Key extends string>(row: Row, unit: Key, places: string): Partial<Record<Key, DecimalText>> {
  const value = Number(row[places] ?? Number.NaN);
  if (!Number.isInteger(value) || value < 0 || value > MOST_PLACES) return {};
  return { [unit]: text(new Decimal(10).pow(-value)) } as Partial<Record<Key, DecimalText>>;
}

/** A side of the book that is empty has the price zero. */
export function topOfBook(bid: DecimalText, ask: DecimalText): TopOfBook | undefined {
  return decimal(bid).isZero() || decimal(ask).isZero() ? undefined : { bid, ask };
}

/** A time in epoch milliseconds. @throws WireError when it is absent or not a positive whole number. */
export function timeAt(row: Row, key: string): number {
  const value = Number(row[key]);
  if (!Number.isSafeInteger(value) || value <= 0) throw new WireError(`${key} is not a time`);
  return value;
}
