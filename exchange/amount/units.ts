/**
 * Amounts, prices and quantities inside the venue: whole numbers of 10⁻⁸, as the venue's wire writes eight decimals.
 * Most instruments' tick times step is a multiple of 10⁻⁸, so that price × quantity is exact; where it is finer, amounts are rounded
 * down, once, and the fill says which amount moved. Fees are rounded as well.
 */
export type Units = bigint;

const UNITS_PER_ONE = 100_000_000n;

const PLAIN = /^(\d{1,20})(?:\.(\d{1,20}))?$/;

/** Reads a plain decimal of at most 20 digits a side. `malformed`: not one; `tooPrecise`: more than eight decimals. */
export function parseUnits(text: string): Units | 'malformed' | 'tooPrecise' {
  const match = PLAIN.exec(text);
  if (match === null) return 'malformed';
  const fraction = match[2] ?? '';
  if (fraction.length > 8 && /[1-9]/.test(fraction.slice(8))) return 'tooPrecise';
  return BigInt((match[1] as string) + fraction.slice(0, 8).padEnd(8, '0'));
}

/** Reads text that the venue wrote itself (a journal, a flag that was checked); a minus sign is allowed. */
export function unitsOf(text: string): Units {
  const negative = text.startsWith('-');
  const units = parseUnits(negative ? text.slice(1) : text);
  if (typeof units !== 'bigint') throw new RangeError(`not an amount of at most eight decimals: ${text.slice(0, 60)}`);
  return negative ? -units : units;
}

/** Eight decimals, as the wire has them: `1.50000000`. */
export function wireText(units: Units): string {
  const digits = (units < 0n ? -units : units).toString().padStart(9, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`;
}

/** Plain digits without trailing zeros, as the journal has them: `1.5`. */
export function plainText(units: Units): string {
  const text = wireText(units);
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end -= 1;
  return text.slice(0, text.charCodeAt(end - 1) === 46 ? end - 1 : end);
}

/** Product of a price and a quantity, rounded down to 10⁻⁸. */
export function timesUnits(price: Units, quantity: Units): Units {
  return (price * quantity) / UNITS_PER_ONE;
}

/** The largest quantity, a multiple of `step`, that `amount` pays for at `price`. */
export function affordable(amount: Units, price: Units, step: Units): Units {
  const quantity = (amount * UNITS_PER_ONE) / price;
  return quantity - (quantity % step);
}

/** What one unit costs on average, rounded down to 10⁻⁸. */
export function perUnit(amount: Units, quantity: Units): Units {
  return quantity === 0n ? 0n : (amount * UNITS_PER_ONE) / quantity;
}

/** A share of an amount in hundred-thousandths (1 bps = 10), rounded down to 10⁻⁸: how fees are taken. */
export function shareOf(amount: Units, hundredThousandths: bigint): Units {
  return (amount * hundredThousandths) / 100_000n;
}

export function leastOf(first: Units, second: Units): Units {
  return first < second ? first : second;
}

/** 10 to the power of minus `decimals`. */
export function stepOfDecimals(decimals: number): Units {
  return 10n ** BigInt(8 - decimals);
}
