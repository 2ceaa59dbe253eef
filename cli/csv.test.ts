import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvOf } from './csv.js';

describe('CSV', () => {
  it('keeps numbers, quotes what has to be, and leaves nothing out', () => {
    const rows = [{ a: '-12.50', b: 'x,"y"\nz', c: null, d: 7 }];
    expect(csvOf(['a', 'b', 'c', 'd', 'e'], rows)).toBe('a,b,c,d,e\r\n-12.50,"x,""y""\nz",,7,\r\n');
  });

  it.each(['=1+1', '+1+1', '-1+1', '@SUM(A1)', '\t=1', ' =1', '\r=1', '＝1', '-'])('shows %j and does not run it', (text) => {
    expect(csvOf(['a'], [{ a: text }]).split('\r\n')[1]).toMatch(/^"?'/);
  });

  it('of any text begins no cell as a formula', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('=', '+', '-', '@', ''), (text, first) => {
        const cell = csvOf(['a'], [{ a: `${first}${text}` }]).slice(3);
        const shown = cell.startsWith('"') ? cell.slice(1) : cell;
        expect(/^[=+@]/.test(shown) || (shown.startsWith('-') && !/^-\d+(\.\d+)?\r\n$/.test(shown))).toBe(false);
      }),
    );
  });
});
