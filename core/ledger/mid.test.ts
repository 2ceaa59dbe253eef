import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decimal, text, type DecimalText } from '../money/index.js';
import { midOf } from './mid.js';

const d = (value: string): DecimalText => value as DecimalText;

it('lies between bid and ask, as far from the one as from the other', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 ** 9 }), fc.integer({ min: 1, max: 10 ** 6 }), (units, spread) => {
      const bid = decimal(String(units)).div(1_000);
      const ask = bid.plus(decimal(String(spread)).div(1_000));
      const mid = midOf({ bid: text(bid), ask: text(ask), ageMs: 0 });
      expect(
        'price' in mid &&
          decimal(mid.price)
            .minus(bid)
            .eq(ask.minus(decimal(mid.price))),
      ).toBe(true);
    }),
  );
});

it.each([
  ['noBook', undefined],
  ['oldBook', { bid: d('99'), ask: d('101'), ageMs: 10_001 }],
  ['crossedBook', { bid: d('101'), ask: d('99'), ageMs: 0 }],
  ['crossedBook', { bid: d('0'), ask: d('99'), ageMs: 0 }],
])('is not known: %s', (missing, book) => {
  expect(midOf(book)).toEqual({ missing });
});
