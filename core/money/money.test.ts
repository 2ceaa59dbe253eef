import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  amountOf,
  amountsOf,
  ceilToStep,
  decimal,
  decimalTextOf,
  floorToStep,
  isDecimalText,
  isOnStep,
  quantize,
  quantizeUp,
  text,
  type Amounts,
  type DecimalText,
} from './index.js';

const digits = fc.tuple(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), fc.integer({ min: 0, max: 12 }));
const decimals = digits.map(([unscaled, places]) => decimal('1').mul(unscaled.toString()).div(`1e${places}`));
const steps = fc.constantFrom('1', '0.01', '0.00001', '0.5', '25', '0.00000001').map((step) => decimal(step));

describe('decimal text', () => {
  it('survives the way through text unchanged', () => {
    fc.assert(fc.property(decimals, (value) => decimal(text(value)).eq(value)));
  });

  it.each(['', ' 1', '1e5', '0x10', '1.', '.5', 'NaN', 'Infinity', '1,000', '--1'])('refuses %j', (input) => {
    expect(isDecimalText(input)).toBe(false);
    expect(() => decimal(input)).toThrow(RangeError);
  });

  it('is written without exponent or trailing zeros', () => {
    expect(decimalTextOf('0.000000010')).toBe('0.00000001');
    expect(decimalTextOf('100000000000000000000000000000')).toBe('100000000000000000000000000000');
    expect(decimalTextOf('-0')).toBe('0');
  });

  it('cannot be made of a float', () => {
    // @ts-expect-error a number has lost digits before it arrives
    expect(() => decimal(0.1)).toThrow(RangeError);
  });
});

describe('steps', () => {
  it('rounds to the neighbouring multiples', () => {
    fc.assert(
      fc.property(decimals, steps, (value, step) => {
        const below = floorToStep(value, step);
        const above = ceilToStep(value, step);
        expect(isOnStep(below, step) && isOnStep(above, step)).toBe(true);
        expect(below.lte(value) && above.gte(value)).toBe(true);
        expect(value.minus(below).lt(step) && above.minus(value).lt(step)).toBe(true);
      }),
    );
  });

  it('crosses from floats only onto a step', () => {
    expect(quantize(0.1 + 0.2, '0.01' as DecimalText)).toBe('0.3');
    expect(quantize(1e-9, '0.01' as DecimalText)).toBe('0');
    expect(() => quantize(Number.NaN, '0.01' as DecimalText)).toThrow(RangeError);
  });

  it('crosses upwards where the figure will divide', () => {
    expect(quantizeUp(1e-9, '0.01' as DecimalText)).toBe('0.01');
    expect(quantizeUp(0.25, '0.01' as DecimalText)).toBe('0.25');
    expect(() => quantizeUp(Number.POSITIVE_INFINITY, '0.01' as DecimalText)).toThrow(RangeError);
  });
});

describe('amounts by name', () => {
  const strange = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];
  it.each(strange)('of something that is called %s are its own', (name) => {
    expect(amountOf({}, name).isZero()).toBe(true);
    const amounts = amountsOf([[name, decimal('1.5')]]);
    expect([Object.keys(amounts), text(amountOf(amounts, name))]).toEqual([[name], '1.5']);
    // As they come from the database.
    expect(text(amountOf(JSON.parse(`{"${name}": "2"}`) as Amounts, name))).toBe('2');
  });
});

describe('sums and products of what comes from outside', () => {
  const side = fc.stringMatching(/^[0-9]{1,30}$/);
  const outside = fc
    .tuple(fc.boolean(), side, side)
    .map(([isBelow, whole, part]) => decimalTextOf(`${isBelow ? '-' : ''}${whole}.${part}`));
  /** In units of the thirtieth place, by whole numbers alone. */
  const unitsOf = (value: string): bigint => {
    const [whole = '', part = ''] = value.replace('-', '').split('.');
    return BigInt(whole + part.padEnd(30, '0')) * (value.startsWith('-') ? -1n : 1n);
  };
  it('are exact, and can be read again', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(outside, outside), { minLength: 1, maxLength: 40 }), (pairs) => {
        const sum = pairs.reduce((all, [one]) => all.plus(decimal(one)), decimal('0'));
        const units = pairs.reduce((all, [one]) => all + unitsOf(one), 0n);
        expect(decimal(text(sum)).mul('1e30').eq(units.toString())).toBe(true);
        const traded = pairs.reduce((all, [one, other]) => all.plus(decimal(one).mul(decimal(other))), decimal('0'));
        const square = pairs.reduce((all, [one, other]) => all + unitsOf(one) * unitsOf(other), 0n);
        expect(decimal(text(traded)).mul('1e60').eq(square.toString())).toBe(true);
      }),
    );
  });
  it('are read where people may not write them so', () => {
    const longer = text(decimal('9'.repeat(30)).plus(1));
    expect([isDecimalText(longer), text(decimal(longer))]).toEqual([false, longer]);
    expect(() => decimal('1'.repeat(71))).toThrow(RangeError);
  });
});
