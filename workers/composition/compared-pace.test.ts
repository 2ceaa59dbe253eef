import { expect, it } from 'vitest';
import { comparedPace, sayTooMany, tooMany } from './compared-pace.js';

const INSTRUMENTS = ['BTC/USDT', 'ETH/USDT', 'BNB/USDT'];
type Process = Parameters<typeof sayTooMany>[0];

/** So many accounts at one address of each of two venues. */
function processOf(binance: number, kraken: number, warned: object[] = []): Process {
  const at = (profile: string, port: number) => ({ profile, paper: true, urls: { rest: `http://127.0.0.1:${port}` } });
  const names = (venue: string, count: number) => Array.from({ length: count }, (_, index) => [`${venue}${index}`, { venue }] as const);
  const accounts = Object.fromEntries([...names('binance', binance), ...names('kraken', kraken)]);
  const strategies = Object.keys(accounts).map((account) => ({ account, instruments: INSTRUMENTS }));
  const config = { accounts, strategies, venues: { binance: at('binance', 1), kraken: at('kraken', 2) } };
  return { config, env: {}, log: { warn: (data: object) => void warned.push(data) } } as unknown as Process;
}

it('accounts that a venue counts together take turns, others are compared each minute', () => {
  expect(comparedPace(processOf(3, 0), 'binance2')).toEqual({ eachMinutes: 1, place: 2 });
  expect(comparedPace(processOf(4, 0), 'binance3')).toEqual({ eachMinutes: 2, place: 3 });
  expect(comparedPace(processOf(12, 9), 'binance11')).toEqual({ eachMinutes: 3, place: 11 });
  expect(comparedPace(processOf(12, 9), 'kraken8')).toEqual({ eachMinutes: 1, place: 0 });
});

it('at a start it is said of which there are too many, once for an address', () => {
  const warned: object[] = [];
  sayTooMany(processOf(12, 40, warned));
  expect(warned).toEqual([]);
  sayTooMany(processOf(13, 0, warned));
  expect(warned).toEqual([expect.objectContaining({ accounts: expect.arrayContaining(['binance0', 'binance12']) as unknown })]);
  expect(tooMany(processOf(40, 0))).toHaveLength(1);
});
