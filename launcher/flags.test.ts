import { describe, expect, it } from 'vitest';
import { parseFlags } from './flags.js';

const parse = (...args: readonly string[]) => parseFlags(args, '/clone');

describe('parseFlags', () => {
  it('reads every flag', () => {
    const line = '--json --home h --config c.json --start-offset 12 --interval 1m --seed 3 --data p.csv@BTC/USDT --data /q.csv@ETH/USDT';
    expect(parse(...line.split(' '))).toEqual({
      kind: 'flags',
      flags: {
        json: true,
        home: 'h',
        config: 'c.json',
        overrides: {
          startOffset: 12,
          interval: '1m',
          seed: 3,
          data: [
            { instrument: 'BTC/USDT', path: '/clone/p.csv' },
            { instrument: 'ETH/USDT', path: '/q.csv' },
          ],
        },
      },
    });
  });

  it('changes nothing without flags', () => {
    expect(parse()).toEqual({ kind: 'flags', flags: { json: false, home: undefined, config: undefined, overrides: { data: [] } } });
  });

  it('shows help with 0', () => {
    const help = parse('--help');
    expect(help).toMatchObject({ kind: 'text', exitCode: 0 });
    expect(help.kind === 'text' && help.text).toContain('--start-offset <bar>');
  });

  it.each([['--bogus'], ['extra'], ['--seed', 'x'], ['--seed', '-1'], ['--interval', '7s'], ['--data', 'prices.csv'], ['--home']])(
    'shows the usage with 2 after %s %s',
    (...args) => {
      const result = parse(...args);
      expect(result).toMatchObject({ kind: 'text', exitCode: 2 });
      expect(result.kind === 'text' && result.text).toMatch(/^error: .*\n\nUsage: npm start -- \[options\]/s);
    },
  );
});
