import { expect, it } from 'vitest';
import { brokenPaces, type Pace, type SeenEntry } from './journal-pace.js';

const ONE_A_SECOND: Pace = { limit: 1, windowMs: 1_000, of: ({ strategy }) => strategy };
const BROKEN = ['momentum: more than 1 within 1000 ms'];
const two = (apart: Readonly<Record<'gateMs' | 'venueMs', number>>, tookMs: number): readonly SeenEntry[] =>
  [0, 1].map((index) => ({
    ...{ strategy: 'momentum', instrument: 'BTC/USDT', tookMs },
    ...{ gateTime: 5_000 + index * apart.gateMs, venueTime: 5_010 + index * apart.venueMs },
  }));

it.each<[string, readonly SeenEntry[], readonly string[]]>([
  ['what the venue saw 100 ms apart breaks it, whatever the rows say', two({ gateMs: 1_000, venueMs: 100 }, 50), BROKEN],
  ['but for the time that the first may have been on its way', two({ gateMs: 1_000, venueMs: 950 }, 50), []],
  ['to the millisecond', two({ gateMs: 1_000, venueMs: 949 }, 50), BROKEN],
  ['what the rows say breaks it, whatever the venue saw', two({ gateMs: 999, venueMs: 1_000 }, 50), BROKEN],
  ['a second apart is within it', two({ gateMs: 1_000, venueMs: 1_000 }, 50), []],
])('one a second: %s', (_, entries, broken) => {
  expect(brokenPaces(entries, [ONE_A_SECOND])).toEqual(broken);
});

it('what is called another is counted on its own', () => {
  const [one, other] = two({ gateMs: 0, venueMs: 0 }, 50);
  if (one === undefined || other === undefined) throw new Error('there are two');
  expect(brokenPaces([one, { ...other, strategy: 'reversion' }], [ONE_A_SECOND])).toEqual([]);
});
