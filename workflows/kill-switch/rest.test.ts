import { expect, it } from 'vitest';
import { restTold } from './rest.js';

/** What happens in a wait that is over after so many parts. */
async function rested(forMs: number, over = Number.POSITIVE_INFINITY): Promise<readonly string[]> {
  const seen: string[] = [];
  let parts = 0;
  await restTold(
    forMs,
    20_000,
    async (ms) => {
      seen.push(`waits ${ms}`);
      parts += 1;
      return parts >= over;
    },
    async (leftMs) => void seen.push(`tells of ${leftMs}`),
  );
  return seen;
}

it('a halt that rests for longer than between two looks says meanwhile that it is at work (P26)', async () => {
  expect(await rested(50_000)).toEqual(['waits 20000', 'tells of 30000', 'waits 20000', 'tells of 10000', 'waits 10000']);
  expect([await rested(20_000), await rested(250)]).toEqual([['waits 20000'], ['waits 250']]);
  expect(await rested(50_000, 2)).toEqual(['waits 20000', 'tells of 30000', 'waits 20000']);
});
