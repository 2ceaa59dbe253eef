import { expect, it } from 'vitest';
import type { LookUp, Venue, VenueReader } from '../ports/venue.js';
import { counted } from './counted.js';

const profile = { fillsPage: 50, readWeights: { openOrders: 80, lookUp: 5, fills: 20, balances: 20 } } as Venue['profile'];

/** What is counted where the venue answers so. */
async function spentOn(answer: Partial<VenueReader>, work: (reader: VenueReader) => Promise<unknown>): Promise<object> {
  const { reader, spent } = counted({ reader: answer as VenueReader, profile });
  await work(reader).catch(() => undefined);
  return spent;
}

it.each([
  [0, 1],
  [49, 1],
  // A full page does not say that it is the last.
  [50, 2],
  [120, 3],
])('%d fills are %d pages', async (length, calls) => {
  const fills = async (): Promise<never> => Array.from({ length }) as never;
  expect(await spentOn({ fills }, (reader) => reader.fills(undefined, 0))).toEqual({ calls, weight: calls * 20 });
});

it('a look-up reads the clock, and asks once more for what was absent', async () => {
  const of = (kind: LookUp['kind']): Promise<object> =>
    spentOn({ lookUp: async () => ({ kind }) as LookUp }, (reader) => reader.lookUp('BTC/USDT', 'c'));
  expect(await of('found')).toEqual({ calls: 2, weight: 6 });
  expect(await of('absent')).toEqual({ calls: 3, weight: 11 });
});

it('a look-up by number is one call', async () => {
  const of = { lookUpByNumber: async () => undefined };
  expect(await spentOn(of, (reader) => reader.lookUpByNumber('BTC/USDT', '7'))).toEqual({ calls: 1, weight: 5 });
});

it('what was asked and not answered has been asked', async () => {
  const away = (): Promise<never> => Promise.reject(new Error('away'));
  expect(await spentOn({ fills: away }, (reader) => reader.fills(undefined, 0))).toEqual({ calls: 1, weight: 20 });
  expect(await spentOn({ lookUp: away }, (reader) => reader.lookUp('BTC/USDT', 'c'))).toEqual({ calls: 1, weight: 5 });
});
