import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isSame } from './plain.js';
import type { Plain } from './spec.js';

/** As a row of the database may give it back: with the names of every object in another order. */
function turned(value: Plain): Plain {
  if (Array.isArray(value)) return (value as readonly Plain[]).map(turned);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, one]): [string, Plain] => [name, turned(one)]);
  return Object.fromEntries(entries.toReversed());
}
const plain = fc.jsonValue() as fc.Arbitrary<Plain>;

it('is what has the same parts, whatever the order of their names', () => {
  fc.assert(fc.property(plain, (value) => isSame(value, turned(value))));
  fc.assert(
    fc.property(plain, plain, (one, other) => {
      expect(isSame(one, other)).toBe(isSame(other, one));
      let equals = true;
      try {
        expect(one).toStrictEqual(other);
      } catch {
        equals = false;
      }
      // A zero has no sign in a row.
      if (!JSON.stringify([one, other]).includes('-0')) expect(isSame(one, other)).toBe(equals);
    }),
  );
});

it.each<[Plain, Plain]>([
  [
    [1, 2],
    [2, 1],
  ],
  [[1], [1, null]],
  [{ a: 1 }, { a: 1, b: null }],
  [{ a: 1 }, { b: 1 }],
  [{}, []],
  [null, {}],
  ['1', 1],
])('%o is not %o', (one, other) => expect([isSame(one, other), isSame(other, one)]).toEqual([false, false]));
