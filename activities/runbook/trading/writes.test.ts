import { expect, it } from 'vitest';
import type { TradingStateStore } from '../../ports/trading-state.js';
import { tradingWrites } from './writes.js';

/** When an entry is canceled that would work for ever, by the clock of who waits, ms. */
async function canceledAfter(how: 'wait' | 'cancel', begunMsAgo: number): Promise<number> {
  let now = 0;
  let canceledAt: number | undefined;
  const entry = { intentId: 'i1', clientOrderId: 'c1', instrument: 'BTC/USDT', purpose: 'entry', status: 'accepted', stopPrice: null };
  const state = {
    left: () => Promise.resolve({ working: canceledAt === undefined ? [entry] : [], positions: [], unprotected: [], outbox: 0 }),
    standing: () => Promise.resolve({ halt: null, isAborted: false }),
    begunMsAgo: (runId: string, step: string) => Promise.resolve(`${runId} ${step}` === 'run entries' ? begunMsAgo : 0),
  } as unknown as TradingStateStore;
  const { settleEntries } = tradingWrites({
    state,
    withdraw: () => {
      canceledAt = now;
      return Promise.reject(new Error('the venue is slow, and does it'));
    },
    isReconciled: () => Promise.resolve(true),
    clock: () => now,
    pause: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    log: { warn: () => undefined },
  });
  await settleEntries('main', 'run', how, 300_000);
  return canceledAt ?? -1;
}

it.each([
  ['is waited for five minutes', 'wait', 0, 300_000],
  ['is waited for only as long as is left, by whoever goes on', 'wait', 240_000, 60_000],
  ['is canceled at once, when that time is over', 'wait', 400_000, 0],
  ['is canceled at once, where it is configured so', 'cancel', 0, 0],
] as const)('an entry %s', async (_, how, begunMsAgo, after) => expect(await canceledAfter(how, begunMsAgo)).toBe(after));
