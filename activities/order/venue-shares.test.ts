import { expect, test, vi } from 'vitest';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import type { ShareQuestion } from '../ports/venue-share.js';
import { VenueShares } from './venue-shares.js';

test('each address is asked for each second, failures are told once, and the end is told', async () => {
  const asked: ShareQuestion[] = [];
  const warned = vi.fn<() => void>();
  let [isAway, monotonic] = [false, 0];
  let next: () => void = () => undefined;
  const shares = new VenueShares({
    holder: '0d9e5a2e-0000-4000-8000-000000000001',
    now: () => ({ time: monotonic, monotonic }),
    pause: (ms, signal) =>
      new Promise((resolve) => {
        monotonic += ms;
        next = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    store: {
      take(question) {
        asked.push(question);
        return isAway ? Promise.reject(new Error('gone')) : Promise.resolve({ granted: 2, base: 2, isWanted: false });
      },
    },
    log: { warn: warned },
  });
  const meters = ['one.example', 'two.example'].map((address) => shares.meter(address, BINANCE.rateBudget.weight));
  for (const meter of meters) {
    meter.see(1, 0);
    expect(meter.claim(0)).toEqual({ kind: 'notOurs', used: 0, share: 0 });
  }
  meters[1]?.allow(1_001);
  await shares.start();
  expect(asked).toMatchObject([
    { address: 'one.example', question: 1, total: 3_600, used: 0, held: 0, keptForMs: 70_000, isLast: false },
    { address: 'two.example', question: 2, total: 600 },
  ]);
  expect([1, 2, 3].map(() => meters[0]?.claim(0).kind)).toEqual(['taken', 'taken', 'notOurs']);
  isAway = true;
  for (const count of [3, 4]) {
    next();
    await vi.waitFor(() => expect(asked).toHaveLength(count));
  }
  await vi.waitFor(() => expect(warned).toHaveBeenCalledTimes(1));
  expect(asked.at(-1)).toMatchObject({ address: 'one.example', used: 2, held: 2 });
  isAway = false;
  await shares.close();
  expect(asked.slice(-2)).toMatchObject([
    { address: 'one.example', used: 2, isLast: true },
    { address: 'two.example', used: 0, isLast: true },
  ]);
});
