import { expect, test } from 'vitest';
import type { DecimalText } from '../../core/money/index.js';
import type { KnownDifference } from '../../core/reconcile/difference.js';
import type { LedgerSight, SeenFill, VenueSight } from '../../core/reconcile/sight.js';
import type { VenueOrder } from '../ports/venue.js';
import { takeTurns } from '../turns.js';
import { withFees } from './fees.js';
import { named } from './names.js';

const d = (value: string): DecimalText => value as DecimalText;
const LEDGER = { orders: [], fills: [], onboardedTime: 0 } as unknown as LedgerSight;
const fill = (number: string, more: Partial<SeenFill> = {}): SeenFill => ({
  ...{ venueTradeId: `t${number}`, venueOrderId: number, instrument: 'BTC/USD', side: 'buy', price: d('100'), quantity: d('1') },
  ...{ fee: d('0.26'), feeAsset: 'USD', liquiditySide: 'taker', eventTime: 1_000, ...more },
});
const FILLS = Array.from({ length: 12 }, (_, index) => fill(`${index}`));
const told = (fills: readonly SeenFill[]): KnownDifference =>
  ({ evidence: { venue: { fills }, ledger: null } }) as unknown as KnownDifference;

function logged() {
  const warned: object[] = [];
  return { warned, log: { warn: (data: object) => void warned.push(data) } };
}

test('orders of other hands are asked for in turn: those that the venue does not answer for keep no other waiting', async () => {
  const asked: string[] = [];
  const reader = {
    lookUpByNumber: async (_: string, number: string) => {
      asked.push(number);
      if (Number(number) % 2 === 0) throw new Error('the venue is away');
      return undefined;
    },
  };
  const venue = { fills: FILLS } as unknown as VenueSight;
  const { log, warned } = logged();
  let after: ReadonlyMap<string, number> | undefined;
  const look = async (fills: readonly SeenFill[] = FILLS): Promise<readonly string[]> => {
    const turn = takeTurns(after);
    asked.length = 0;
    expect(await named({ log }, reader, { ...venue, fills }, LEDGER, [], 5, turn)).toEqual(fills);
    after = turn.after;
    return [...asked];
  };
  expect(await look()).toEqual(['0', '1', '2', '3', '4']);
  expect(await look()).toEqual(['5', '6', '7', '8', '9']);
  expect(await look()).toEqual(['10', '11', '0', '1', '2']);
  expect(warned).toHaveLength(8);
  // One that came last is asked for at once, and what is not there any more is forgotten.
  expect((await look([...FILLS.slice(6), fill('new')]))[0]).toBe('new');
  expect([...(after ?? [])].map(([name]) => name)).not.toContain('BTC/USD 0');
});

test('a name that was found is told, and not asked for again', async () => {
  const reader = { lookUpByNumber: async (_: string, number: string) => ({ clientOrderId: `of-${number}` }) as VenueOrder };
  const venue = { fills: FILLS.slice(0, 2) } as unknown as VenueSight;
  const found = await named(logged(), reader, venue, LEDGER, [], 5, takeTurns());
  expect(found.map(({ clientOrderId }) => clientOrderId)).toEqual(['of-0', 'of-1']);
  const never = { lookUpByNumber: () => Promise.reject(new Error('asked again')) };
  const { warned, log } = logged();
  expect(await named({ log }, never, venue, LEDGER, [told(found)], 5, takeTurns())).toEqual(found);
  expect(warned).toEqual([]);
});

test('what the fee of another hand was taken in is read where the list only assumes it: once, in turn, and of nothing that is ours or booked', async () => {
  const assumed = FILLS.map((one) => ({ ...one, isFeeAssumed: true as const }));
  const asked: string[] = [];
  const reader = {
    paidFee: async ({ venueTradeId }: SeenFill) => {
      asked.push(venueTradeId);
      if (venueTradeId === 't1') throw new Error('the key may not');
      return venueTradeId === 't2' ? undefined : { fee: d('0.0026'), feeAsset: 'BTC' };
    },
  };
  const { log, warned } = logged();
  const booked = { ...LEDGER, fills: [fill('0')] } as unknown as LedgerSight;
  const turn = takeTurns();
  const first = await withFees({ log }, reader, [...assumed, fill('exact')], booked, [], 5, turn);
  expect(asked).toEqual(['t1', 't2', 't3', 't4', 't5']);
  expect(warned).toHaveLength(1);
  expect(first.slice(1, 5).map(({ fee, feeAsset, isFeeAssumed }) => [fee, feeAsset, isFeeAssumed])).toEqual([
    ['0.26', 'USD', true],
    ['0.26', 'USD', true],
    ['0.0026', 'BTC', undefined],
    ['0.0026', 'BTC', undefined],
  ]);
  expect(first.at(-1)).toEqual(fill('exact'));
  asked.length = 0;
  const second = await withFees({ log }, reader, assumed, booked, [told(first)], 20, takeTurns(turn.after));
  // What the venue did not tell comes after what was not asked for yet.
  expect(asked).toEqual(['t6', 't7', 't8', 't9', 't10', 't11', 't1', 't2']);
  expect(second.filter(({ feeAsset }) => feeAsset === 'BTC')).toHaveLength(9);
});
