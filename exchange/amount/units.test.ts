import fc from 'fast-check';
import { expect, test } from 'vitest';
import { affordable, parseUnits, plainText, timesUnits, unitsOf, wireText } from './units.js';

test('amounts are read and written without loss', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), (units) => {
      expect(unitsOf(wireText(units))).toBe(units);
      expect(unitsOf(plainText(units))).toBe(units);
    }),
  );
  expect(plainText(unitsOf('100'))).toBe('100');
  expect(wireText(unitsOf('-0.5'))).toBe('-0.50000000');
});

test('what is no plain decimal is told apart from what has too many decimals', () => {
  for (const text of ['', '1e5', '+1', '-1', '.5', 'abc', '1,5', '1'.repeat(21), '0x10', ' 1']) expect(parseUnits(text)).toBe('malformed');
  expect(parseUnits('1.123456789')).toBe('tooPrecise');
  expect(parseUnits('1.1000000000')).toBe(110_000_000n);
});

test('what is affordable is paid for, and one step more is not', () => {
  const amount = fc.bigInt({ min: 1n, max: 10n ** 16n });
  fc.assert(
    fc.property(amount, fc.bigInt({ min: 1n, max: 10n ** 13n }), fc.integer({ min: 0, max: 8 }), (money, price, power) => {
      const step = 10n ** BigInt(power);
      const quantity = affordable(money, price, step);
      expect(quantity % step).toBe(0n);
      expect(timesUnits(price, quantity) <= money).toBe(true);
      expect(price * (quantity + step) > money * 100_000_000n).toBe(true);
    }),
  );
});
