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
    standing: () => Promise.resolve({ halt: null, isAborted: false, mode: 'paused', told: '' }),
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

/** An entry that works for ever, of an account that a person lets go on, or whose step is over, after so many rounds of canceling. */
async function canceledUntil(after: number, what: 'resumed' | 'over'): Promise<{ readonly cancels: number; readonly said: string }> {
  const over = new AbortController();
  let [cancels, rounds] = [0, 0];
  const entry = { intentId: 'i1', clientOrderId: 'c1', instrument: 'BTC/USDT', purpose: 'entry', status: 'accepted', stopPrice: null };
  const state = {
    left: () => Promise.resolve({ working: rounds > 10 ? [] : [entry], positions: [], unprotected: [], outbox: 0 }),
    standing: () => {
      const isResumed = what === 'resumed' && rounds >= after;
      return Promise.resolve({
        ...{ halt: null, isAborted: false, isOurs: !isResumed },
        ...(isResumed ? { mode: 'normal', told: 'mode normal, set by olga: a test' } : { mode: 'paused', told: '' }),
      });
    },
  } as unknown as TradingStateStore;
  const { settleEntries } = tradingWrites({
    state,
    withdraw: () => {
      cancels += 1;
      return Promise.reject(new Error('not now'));
    },
    isReconciled: () => Promise.resolve(true),
    clock: () => 0,
    pause: () => {
      rounds += 1;
      if (what === 'over' && rounds >= after) over.abort(new Error('it was not done within 1 s'));
      return Promise.resolve();
    },
    log: { warn: () => undefined },
  });
  const said = await settleEntries('main', 'run', 'cancel', 0, over.signal).then(() => 'done', String);
  return { cancels, said };
}

it('no entry is canceled any more once a person has let the account go on, and the step says so', async () => {
  const { cancels, said } = await canceledUntil(3, 'resumed');
  expect(cancels).toBe(3);
  expect(said).toContain('mode normal, set by olga: a test');
  expect(said).toContain('Abort the run');
});

it('no entry is canceled any more once the step is over', async () => {
  expect(await canceledUntil(3, 'over')).toEqual({ cancels: 3, said: 'Error: it was not done within 1 s' });
});

it('what a run holds is not let go by a comparison that ends after its step is over', async () => {
  const over = new AbortController();
  const changed: string[] = [];
  const { releaseMode } = tradingWrites({
    state: {
      standing: () => Promise.resolve({ isOurs: true }),
      change: (...values: unknown[]) => Promise.resolve(void changed.push(JSON.stringify(values))),
    } as unknown as TradingStateStore,
    withdraw: () => Promise.reject(new Error('nothing is canceled')),
    isReconciled: () => {
      over.abort(new Error('it was not done within 1 s'));
      return Promise.resolve(true);
    },
    clock: () => 0,
    pause: () => Promise.resolve(),
    log: { warn: () => undefined },
  });
  await expect(releaseMode('main', 'run', over.signal)).rejects.toThrow('it was not done within 1 s');
  expect(changed).toEqual([]);
});
