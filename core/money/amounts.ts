import { decimal, text, ZERO, type Decimal, type DecimalText } from './decimal.js';

/** Amounts by asset, or by what else names them. The names come from outside: one may be called `constructor`. */
export type Amounts = Readonly<Record<string, DecimalText>>;

/** What is under this name, and nothing that every object has beside its own. */
export function amountOf(amounts: Amounts, name: string): Decimal {
  return Object.hasOwn(amounts, name) ? decimal(amounts[name] ?? '0') : ZERO;
}

/** An object in which each name is its own, `__proto__` too, which an assignment would not keep. */
export function amountsOf(entries: Iterable<readonly [string, Decimal]>): Amounts {
  return Object.fromEntries([...entries].map(([name, amount]) => [name, text(amount)]));
}
