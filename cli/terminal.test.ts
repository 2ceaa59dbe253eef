import fc from 'fast-check';
import { expect, test } from 'vitest';
import { harmless, moneyText, spanText, table, timeText } from './terminal.js';

test('a table has one line for each row, whatever its cells hold', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), fc.string()), { minLength: 1, maxLength: 8 }), (rows) => {
      const text = table(
        rows,
        [
          { title: 'a', value: ([a]) => a },
          { title: 'b', align: 'right', value: ([, b]) => b },
        ],
        'none',
      );
      expect(text.split('\n')).toHaveLength(rows.length + 2);
    }),
  );
});

test('no control or direction character is left', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[\u0000-\u001f\u007f-\u009f\u202e]/.test(harmless(text))));
});

test('times and spans', () => {
  expect(timeText(Date.parse('2026-11-23T02:13:42.123Z'))).toBe('2026-11-23 02:13:42.123');
  expect([-5, 999, 1_000, 119_999, 120_000, 7_200_000, 172_800_000].map(spanText)).toEqual([
    '0 ms',
    '999 ms',
    '1 s',
    '119 s',
    '2 min',
    '2 h',
    '2 d',
  ]);
});

test('money is rounded for a table', () => {
  expect([moneyText('2117.917917917917917917'), moneyText('-0.000276844608505443', 2), moneyText('7.135', 2), moneyText(null)]).toEqual([
    '2117.91791792',
    '0',
    '7.14',
    '–',
  ]);
});

test('lines that stand in one cell stand beside one another', () => {
  expect(harmless('3 alerts\n  a\r\n  b\n')).toBe('3 alerts | a | b');
});
