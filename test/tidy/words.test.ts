import { describe, expect, it } from 'vitest';
import { codeOnly } from './code-text.js';
import { readTree } from './tree.js';
import { badNames, bannedLines, foreignWords } from './words.js';

const own = /^(?:test\/tidy\/|LICENSE$|package-lock\.json$)|\/go\.sum$/;
const files = readTree().filter(({ path }) => !own.test(path));

describe('the reader of code', () => {
  it('blanks comments, strings and regular expressions, and keeps the code of templates', () => {
    const source = [
      "const a = 'market'; // market",
      'const b = `market ${pair} \\` ${`candle ${bar}`}`;',
      'const c = /market[/]pair/.test(x) / 2;',
      '/* market */ end',
    ];
    const words = codeOnly(source.join('\n')).match(/\w+/g);
    expect(words).toEqual(['const', 'a', 'const', 'b', 'pair', 'bar', 'const', 'c', 'test', 'x', '2', 'end']);
  });

  it('keeps the lines where they were', () => {
    const source = 'a\n/* two\nlines */\n`x\n${y}`\nb';
    expect(codeOnly(source).split('\n')).toHaveLength(source.split('\n').length);
    expect(codeOnly(source).split('\n')[5]).toBe('b');
  });
});

describe('names', () => {
  it.each(['core/utils/x.ts', 'core/order-helpers.ts', 'api/service.ts', 'core/common/a.ts', 'core/OrderBook.ts', 'core/order_book.ts'])(
    'refuses %s',
    (path) => {
      expect(badNames([path])).toHaveLength(1);
    },
  );
  it('allows names that say what they are for', () => expect(badNames(['core/order/lifecycle.ts', 'README.md'])).toEqual([]));
  it('are good in this tree', () => expect(badNames(files.map(({ path }) => path))).toEqual([]));
});

describe('words of section 6', () => {
  const judge = (text: string, path = 'core/x.ts') => foreignWords({ path, text });
  it.each(['const markets = 1;', 'loadMarkets();', 'interface CandleRow {}', 'for (const PAIR_COUNT of x) {}', 'const marketId = 1;'])(
    'refuses %s',
    (text) => {
      expect(judge(text)).toHaveLength(1);
    },
  );
  it.each([
    "const type = 'market';",
    'const marketData = 1; // pair',
    'interface MarketStore {}',
    'const market: MarketStore = x;',
    'const repair = 1;',
    'const marketing = 2;',
  ])('allows %s', (text) => {
    expect(judge(text)).toEqual([]);
  });
  it('lets the paper venue and the adapters speak the language of venues', () => {
    expect([...judge('const markets = 1;', 'exchange/a.ts'), ...judge('const pair = 1;', 'adapters/venue/a.ts')]).toEqual([]);
  });
  it('are used as they are meant in this tree', () => expect(files.flatMap(foreignWords)).toEqual([]));
});

describe('lines', () => {
  const judge = (text: string) => bannedLines({ path: 'docs/x.md', text });
  it.each([
    '// TODO: later',
    'the order was cancelled',
    'see /work/main/core',
    "read('/root/.cache/x')",
    'in /home/ann/keelson',
    'https://registry.npmjs.org/pg',
  ])('refuses %s', (line) => expect(judge(line)).toHaveLength(1));
  it.each([
    'canceled',
    'adapters/work/queue',
    'https://example.org/root/x',
    'https://www.apache.org/licenses',
    '${home}/work/x',
    'the method',
  ])('allows %s', (line) => expect(judge(line)).toEqual([]));
  it('are clean in this tree', () => expect(files.flatMap(bannedLines)).toEqual([]));
});
