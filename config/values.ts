import { z } from 'zod';
import { decimal, decimalTextOf, isDecimalText } from '../core/money/index.js';

/** Bar intervals a venue may be asked for, with their length in milliseconds. */
export const INTERVALS = {
  '1s': 1_000,
  '1m': 60_000,
  '3m': 180_000,
  '5m': 300_000,
  '15m': 900_000,
  '30m': 1_800_000,
  '1h': 3_600_000,
  '2h': 7_200_000,
  '4h': 14_400_000,
  '6h': 21_600_000,
  '8h': 28_800_000,
  '12h': 43_200_000,
  '1d': 86_400_000,
} as const;
export type Interval = keyof typeof INTERVALS;

const says = (expected: string) => ({ error: () => `expected ${expected}` });

const decimalText = (expected: string, pattern: string, holds: (value: string) => boolean) =>
  z
    .string(says(expected))
    .refine((value) => isDecimalText(value) && holds(value), says(expected))
    .meta({ pattern })
    .transform(decimalTextOf);

export const positiveDecimal = decimalText(
  'a decimal above 0 in a string, such as "500" or "0.25"',
  '^(?=.*[1-9])\\d{1,30}(\\.\\d{1,30})?$',
  (value) => decimal(value).gt(0),
);
export const nonNegativeDecimal = decimalText(
  'a decimal of 0 or more in a string, such as "0" or "1.5"',
  '^\\d{1,30}(\\.\\d{1,30})?$',
  (value) => !value.startsWith('-'),
);

export const integer = (least: number, most: number) => {
  const expected = `a whole number from ${least} to ${most}`;
  return z.int(says(expected)).min(least, says(expected)).max(most, says(expected));
};
export const ratio = (expected = 'a number from 0 to 1', least = 0) =>
  z.number(says(expected)).min(least, says(expected)).max(1, says(expected));
export const flag = () => z.boolean(says('true or false'));
export const text = (expected: string, pattern: RegExp) => z.string(says(expected)).regex(pattern, says(expected));
export const url = (protocols: readonly string[]) =>
  text(`an address that starts with ${protocols.join(' or ')}`, new RegExp(`^(?:${protocols.join('|')})\\S+$`));
export const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, says(values.length === 1 ? `"${values[0]}"` : `one of ${values.map((value) => `"${value}"`).join(', ')}`));

/** Names that people give to venues, accounts and strategies; they become parts of workflow ids and metric labels. */
export const NAME = /^[a-z][a-z0-9-]{0,31}$/;
export const name = () => text('a name of lower-case letters, digits and hyphens, such as "main"', NAME);
export const instrument = () => text('an instrument as BASE/QUOTE, such as "BTC/USDT"', /^[A-Z0-9]{1,15}\/[A-Z0-9]{1,15}$/);
export const asset = () => text('an asset in capitals, such as "USDT"', /^[A-Z0-9]{1,15}$/);
export const interval = () => oneOf(Object.keys(INTERVALS) as [Interval, ...Interval[]]);
/** A zone of the IANA database, as this Node knows them; by the name that it has there, since others tell `utc` and `UTC` apart. */
export const timeZone = () => {
  const expected = 'a time zone, such as "Europe/Madrid" or "UTC"';
  return text(expected, /^[A-Za-z]+(?:[/_+-][A-Za-z0-9_+-]+)*$/)
    .refine((zone) => namedZone(zone) !== undefined, says(expected))
    .transform((zone) => namedZone(zone) ?? zone);
};
export const timeOfDay = () => text('a time of day, such as "08:00"', /^([01]\d|2[0-3]):[0-5]\d$/);

function namedZone(zone: string): string | undefined {
  try {
    return Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}
