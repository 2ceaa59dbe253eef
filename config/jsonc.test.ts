import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsoncSyntaxError, parseJsonc } from './jsonc.js';

const failure = (text: string): string => {
  try {
    parseJsonc(text);
  } catch (error) {
    if (error instanceof JsoncSyntaxError) return `${error.line}:${error.column} ${error.message}`;
    throw error;
  }
  throw new Error('parsed');
};

/** The value, or that there is none. */
const outcome = (parse: (text: string) => unknown, text: string): unknown => {
  try {
    return { value: parse(text) };
  } catch {
    return 'refused';
  }
};

describe('JSON with comments', () => {
  test('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 1, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseJsonc(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test('agrees with JSON.parse on which texts are JSON, where there is no comment or trailing comma', () => {
    const texts = fc.string({ unit: fc.constantFrom(...'{}[]:,"\\u00e1 -+.etrufalsn\n'), maxLength: 24 });
    fc.assert(
      fc.property(texts, (text) => {
        // Our two liberties: a trailing comma is taken, a key that occurs twice is not.
        fc.pre(!/,\s*[\]}]/.test(text) && !/:[^]*:/.test(text));
        expect(outcome(parseJsonc, text)).toEqual(outcome(JSON.parse, text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('skips comments, not what looks like one inside a string', () => {
    expect(parseJsonc('// a\n{ /* b\n */ "url": "http://x/*y*/", // c\n "list": [1, 2,], }\n')).toEqual({
      url: 'http://x/*y*/',
      list: [1, 2],
    });
  });

  test.each([
    ['{\n  "a": 1\n  "b": 2\n}', '3:3 expected , or }, found "\\""'],
    ['{ "a": 1, "a": 2 }', '1:11 the key "a" occurs twice'],
    ['[1, 2', '1:6 expected , or ], found the end of the file'],
    ['{} x', '1:4 expected the end, found "x"'],
    ['/* never', '1:1 a comment that never ends'],
    ['{ a: 1 }', '1:3 expected a key in double quotes, found "a"'],
    ['["\\x"]', '1:2 a string with an unknown escape'],
    ['[,]', '1:2 expected a value, found ","'],
    ['[01]', '1:3 expected , or ], found "1"'],
    ['', '1:1 expected a value, found the end of the file'],
    ['['.repeat(100), '1:66 nested deeper than 64'],
  ])('%j is refused with its place', (text, message) => {
    expect(failure(text)).toBe(message);
  });

  test('a key named __proto__ is data', () => {
    const value = parseJsonc('{"__proto__": {"polluted": true}}') as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto__']);
  });
});
