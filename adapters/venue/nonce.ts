import { randomInt } from 'node:crypto';

/**
 * Numbers that grow with every call: the time in microseconds, and one more than the last where that is not above it.
 * Two processes that share a key differ in the last three digits, so that a moment in common gives no number twice.
 * @param now epoch ms
 */
export function growing(now: () => number, offset: number = randomInt(1_000)): () => number {
  let last = 0;
  return () => {
    last = Math.max(last + 1, now() * 1_000 + offset);
    return last;
  };
}
