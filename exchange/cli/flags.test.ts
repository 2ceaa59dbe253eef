import { expect, test } from 'vitest';
import { FlagError, parseFlags } from './flags.js';
import { USAGE } from './usage.js';

test('every flag has a default', () => {
  const flags = parseFlags([]);
  expect(flags).toMatchObject({ port: 0, adminPort: 0, intervalMs: 1000, atEnd: 'loop', seed: 7, data: [], simulations: [] });
  expect(flags.accounts.map((account) => account.name)).toEqual(['main']);
});

test('data, simulations and accounts are read in their forms', () => {
  const flags = parseFlags([
    '--data',
    '/tmp/prices.csv@SPX/USDT:2012-01-01..',
    '--data=b.json:10..20',
    '--simulate',
    'BTC/USDT@3:60000,0.001',
    '--account',
    'a:k:s:USDT=1.5,BTC=2',
    '--account',
    'b:k2:s2',
    '--fee-bps',
    '0,7.5',
    '--interval',
    '250ms',
  ]);
  expect(flags.data).toEqual([
    { file: '/tmp/prices.csv', instrument: 'SPX/USDT', from: '2012-01-01', to: undefined },
    { file: 'b.json', instrument: undefined, from: '10', to: '20' },
  ]);
  expect(flags.simulations).toEqual([{ instrument: 'BTC/USDT', seed: 3, startPrice: 60_000, volatility: 0.001 }]);
  expect(flags.accounts[0]?.balances.get('USDT')).toBe(150_000_000n);
  expect(flags).toMatchObject({ intervalMs: 250, makerBps: 0, takerBps: 7.5 });
});

test('several files may follow one --data', () => {
  const { data, json } = parseFlags(['--data', 'a.csv@A1/USDT', '/x/@scope/b.csv@B1/USDT:..5', 'c.json', '--json']);
  expect(data.map(({ file, instrument, to }) => [file, instrument, to])).toEqual([
    ['a.csv', 'A1/USDT', undefined],
    ['/x/@scope/b.csv', 'B1/USDT', '5'],
    ['c.json', undefined, undefined],
  ]);
  expect(json).toBe(true);
  expect(() => parseFlags(['--port', '--json'])).toThrow(/--port needs a value/);
});

test('all problems are told at once', () => {
  const wrong = ['--port', 'x', '--colour', '--interval', '0s', '--account', 'nobody', '--simulate', 'btc@1', '--at-end', 'jump'];
  expect(() => parseFlags(wrong)).toThrow(FlagError);
  try {
    parseFlags(wrong);
  } catch (error) {
    expect((error as Error).message.split('\n')).toHaveLength(6);
  }
});

test('the help names no flag that is not read', () => {
  const named = new Set([...USAGE.matchAll(/^ {2}--([a-z0-9-]+)/gm)].map((match) => match[1]));
  for (const name of named) {
    try {
      parseFlags([`--${name}`, 'x']);
    } catch (error) {
      expect((error as Error).message).not.toContain(`unknown flag "--${name}"`);
    }
  }
  expect(named.size).toBe(21);
});
