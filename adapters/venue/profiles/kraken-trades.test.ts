import { expect, it } from 'vitest';
import { PAGE_SIZE, type Page } from './kraken-pages.js';
import { tradesSince } from './kraken-trades.js';

/** Pages of so many trades, the newest first. */
const pagesOf = (count: number, asked: number[] = []): Page => {
  const rows = Array.from({ length: count }, (_, n) => [`t${count - n}`, {}] as const);
  return async ({ ofs }) => {
    asked.push(Number(ofs));
    return { count, trades: Object.fromEntries(rows.slice(Number(ofs), Number(ofs) + PAGE_SIZE)) };
  };
};

it('P16: tens of thousands of trades come to an end', async () => {
  const asked: number[] = [];
  const rows = await tradesSince({}, pagesOf(25_030, asked), 0);
  expect([rows.size, [...rows.keys()][0], [...rows.keys()].at(-1)]).toEqual([25_030, 't25030', 't1']);
  // Each page once, and the front once more at the end.
  expect(asked).toHaveLength(502);
});

it('a list that shows the same again and again, and calls itself longer, is not read for ever', async () => {
  const page: Page = async () => ({ ...(await pagesOf(PAGE_SIZE)({ ofs: '0' })), count: 1_000 });
  await expect(tradesSince({}, page, 0)).rejects.toThrow('shows nothing behind 50');
});
