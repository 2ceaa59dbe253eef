import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { atWork } from './at-work.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('P26: a step says that it is at it for as long as it goes on, but not longer than it may take', async () => {
  let end: (how: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => (end = resolve));
  const touched: string[] = [];
  const step = atWork({ touchKill: async (account) => void touched.push(account) }, (account: string, what: number) =>
    ended.then((how) => `${account} ${what} ${how}`),
  );
  const going = step('main', 7);
  expect(touched).toEqual(['main']);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(touched).toHaveLength(4);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(touched).toHaveLength(20);
  end('done');
  expect(await going).toBe('main 7 done');
});

it('P26: says nothing any more when it has ended, and is not kept by a ledger that does not take it', async () => {
  let refuse: (error: Error) => void = () => undefined;
  let touched = 0;
  const touchKill = (): Promise<void> => {
    touched += 1;
    return new Promise((_, reject) => (refuse = reject));
  };
  const failing = atWork({ touchKill }, async () => Promise.reject(new Error('the step')))('main');
  let isOver = false;
  const over = failing.catch((error: Error) => error.message).finally(() => (isOver = true));
  await vi.advanceTimersByTimeAsync(30_000);
  // One at a time; and none may come after what is told next.
  expect([touched, isOver]).toEqual([1, false]);
  refuse(new Error('away'));
  expect(await over).toBe('the step');
  await vi.advanceTimersByTimeAsync(30_000);
  expect(touched).toBe(1);
});
