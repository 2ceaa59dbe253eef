import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WatchSilence } from './silence.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Since when each account is silent; what is not in it is watched. */
async function looking(work: (silent: Map<string, string>, told: string[]) => Promise<void>): Promise<void> {
  const silent = new Map<string, string>();
  const told: string[] = [];
  const warnings: string[] = [];
  const watch = new WatchSilence({
    store: {
      silentSince: async (account) => (silent.get(account) === 'broken' ? Promise.reject(new Error('away')) : silent.get(account)),
      tellSilence: async (account, since) => void told.push(`${account} since ${since}`),
    },
    accounts: ['main', 'other'],
    log: { warn: (_, message) => void warnings.push(message) },
  });
  await work(silent, told);
  await watch.close();
  expect(warnings.length > 0).toBe([...silent.values()].includes('broken'));
}
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

it('tells of an account that is silent at two looks, and not of one that is just starting', () =>
  looking(async (silent, told) => {
    silent.set('main', 'never');
    await pass(15_000);
    expect(told).toEqual([]);
    await pass(5_000);
    expect(told).toEqual(['main since never']);
  }));

it('leaves a watch the time to look after everything stood still', () =>
  looking(async (silent, told) => {
    await pass(60_000);
    silent.set('main', '1000');
    await pass(5_000);
    silent.delete('main');
    await pass(5_000);
    silent.set('main', '2000');
    await pass(5_000);
    expect(told).toEqual([]);
    await pass(5_000);
    expect(told).toEqual(['main since 2000']);
  }));

it('one account that cannot be read holds up no other', () =>
  looking(async (silent, told) => {
    silent.set('main', 'broken').set('other', '5');
    await pass(30_000);
    expect(new Set(told)).toEqual(new Set(['other since 5']));
  }));
