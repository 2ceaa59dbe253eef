import { expect, it } from 'vitest';
import type { DecimalText } from '../money/index.js';
import { compare } from './compare.js';
import { deltasOf, Sum } from './deltas.js';
import type { Difference, KnownDifference } from './difference.js';
import { RECONCILE } from './rules.js';
import type { BookedFill, BookedOrder, LedgerSight, SeenFill, SeenOrder, VenueSight } from './sight.js';

const d = (value: string): DecimalText => value as DecimalText;
const NOW = 1_700_000_000_000;
const OLD = NOW - 300_000;
const INSTRUMENT = 'BTC/USDT';
const INSTRUMENTS = { [INSTRUMENT]: { base: 'BTC', quote: 'USDT' } };

const order = (n: number, more: Partial<BookedOrder> = {}): BookedOrder =>
  ({
    ...{ account: 'main', strategy: 'momentum', instrument: INSTRUMENT, intentId: `i${n}`, clientOrderId: `c${n}`, venueOrderId: `v${n}` },
    ...{ venueStatus: null, side: 'buy', purpose: 'entry', status: 'accepted', base: 'BTC', quote: 'USDT', type: 'limit', stopPrice: null },
    ...{ quantity: d('1'), executedQuantity: d('0'), price: d('100'), isFinal: false, unchangedMs: 60_000, ...more },
  }) as BookedOrder;
const OVER = { status: 'filled', isFinal: true, executedQuantity: d('1'), venueStatus: 'filled' } as const;
const seenOrder = (n: number, more: Partial<SeenOrder> = {}): SeenOrder => ({
  ...{ venueOrderId: `v${n}`, clientOrderId: `c${n}`, instrument: INSTRUMENT, side: 'buy', quantity: d('1'), executedQuantity: d('0') },
  ...{ price: d('100'), isTriggered: true, createdTime: OLD, ...more },
});
const fill = (n: number, more: Partial<SeenFill> = {}): SeenFill => ({
  ...{ venueTradeId: `t${n}`, venueOrderId: `v${n}`, instrument: INSTRUMENT, side: 'buy', price: d('100'), quantity: d('1') },
  ...{ fee: d('0.001'), feeAsset: 'BTC', liquiditySide: 'taker', eventTime: OLD, ...more },
});
const booked = (n: number, intentId: string | null = `i${n}`): BookedFill => {
  const { liquiditySide: _, ...rest } = fill(n);
  return { ...rest, intentId };
};
const found = (venue: Partial<VenueSight>, ledger: Partial<LedgerSight>, known: readonly KnownDifference[] = []): readonly Difference[] =>
  compare(
    {
      venue: { venueTime: NOW, openOrders: [], fillsSince: NOW - 600_000, fills: [], balances: {}, ...venue },
      ledger: {
        ...{ account: 'main', databaseTime: NOW, onboardedTime: NOW - 600_000, orders: [], fills: [], balances: {}, protected: [] },
        ...{ instruments: INSTRUMENTS, contradictions: [], bookedBeside: [], ...ledger },
      },
      workflows: { owners: new Set(), running: [] },
      isFull: false,
    },
    known,
    RECONCILE,
  ).differences;
const classes = (...given: Parameters<typeof found>): readonly string[] => found(...given).map((one) => one.class);
const after = (...fills: readonly SeenFill[]): Record<string, DecimalText> => {
  const sum = new Sum();
  for (const one of fills) sum.add(deltasOf(one, INSTRUMENTS));
  return { ...sum.deltas };
};
const known = (one: Difference, more: Partial<KnownDifference> = {}): KnownDifference => ({
  ...one,
  ...{ id: '1', status: 'open', decision: null, eventTime: one.eventTime ?? null, repairs: 0, failedRepairs: 0, sameMs: 0, seenMs: 0 },
  ...{ unseenMs: 0, decidedMs: null, isBooked: false, ...more },
});

it('a fill of another hand does not differ in a fee of which the list only assumes the asset; one of ours does', () => {
  const seen = fill(1, { fee: d('0.1'), feeAsset: 'USDT', isFeeAssumed: true });
  const balances = after(fill(1));
  expect(classes({ fills: [seen], balances }, { fills: [booked(1, null)], balances })).toEqual([]);
  const ours = { fills: [booked(1)], orders: [order(1, OVER)], balances };
  expect(classes({ fills: [seen], balances: after(seen) }, ours)).toEqual(['feeDifference']);
  // Sold by another hand, and booked for a strategy with the fee that was paid.
  const byHand = { ...booked(1), intentId: 'byHand:main:BTC-USDT:v1' };
  const sold = { fills: [byHand], orders: [order(1, { ...OVER, intentId: byHand.intentId })], balances };
  expect(classes({ fills: [seen], balances }, sold)).toEqual([]);
});

it('a fill that a decision left where it is, with the opposite in the inventory, is told beside balances that are right', () => {
  const evidence = { venue: null, ledger: {} };
  const left = { id: '7', class: 'duplicate', subject: 'fill:BTC/USDT:t10:v1', deltas: { BTC: d('-1') }, evidence } as const;
  const venue = { fills: [fill(1)], balances: after(fill(1)) };
  const ledger = { fills: [booked(1)], orders: [order(1, OVER)], balances: after(fill(1)), bookedBeside: [left] };
  const [one, ...others] = found(venue, ledger);
  expect(one).toMatchObject({ class: 'duplicate', subject: left.subject, treatment: 'person', isInFlight: false });
  expect(others).toEqual([]);
  if (one === undefined) return;
  // Not what was decided then, and not anything that is older than what was read.
  expect(found(venue, ledger, [known(one, { fingerprint: '', status: 'closed', decision: 'book' })])).toHaveLength(1);
  expect(found(venue, ledger, [known(one)])).toHaveLength(1);
  expect(found(venue, { ...ledger, bookedBeside: [] }, [known(one)])).toEqual([]);
});

it('what comes under the name of an order that was taken over is told as another hand’s', () => {
  const taken = order(1, { ...OVER, intentId: 'adopted:main:BTC-USDT:v1' });
  const again = seenOrder(1, { venueOrderId: 'v2' });
  expect(classes({ openOrders: [again] }, { orders: [taken] })).toEqual(['orphanOrder']);
  const bought = fill(2, { clientOrderId: 'c1' });
  expect(found({ fills: [bought], balances: after(bought) }, { orders: [taken] })).toMatchObject([
    { class: 'orphanOrder', treatment: 'person' },
  ]);
  // The one that was taken over is still known, by its number.
  const works = order(1, { intentId: taken.intentId });
  expect(classes({ openOrders: [seenOrder(1)] }, { orders: [works] })).toEqual([]);
  expect(classes({ openOrders: [again] }, { orders: [works] })).toEqual(['orphanOrder', 'missingOrder']);
});

it('an order that was taken over is known by its number, also where it has the name of one of ours that is over', () => {
  const over = order(1, { venueOrderId: null, status: 'notPlaced', isFinal: true });
  const taken = order(2, { intentId: 'adopted:main:BTC-USDT:v2', clientOrderId: 'other' });
  const seen = seenOrder(1, { venueOrderId: 'v2' });
  expect(classes({ openOrders: [seen] }, { orders: [over, taken] })).toEqual([]);
  // P13: what is under our name and no other’s number is evidence of ours.
  expect(found({ openOrders: [seen] }, { orders: [over] })).toMatchObject([{ class: 'orphanOrder', repair: { kind: 'takeEvidence' } }]);
});
