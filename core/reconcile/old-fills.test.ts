import { describe, expect, it } from 'vitest';
import type { OrderStatus } from '../order/lifecycle.js';
import { compare } from './compare.js';
import { deltasOf } from './deltas.js';
import type { Difference, KnownDifference } from './difference.js';
import { RECONCILE } from './rules.js';
import type { BookedOrder, SeenFill } from './sight.js';

const NOW = 1_700_000_000_000;
const INSTRUMENTS = { 'BTC/USDT': { base: 'BTC', quote: 'USDT' } };
const OLD = {
  ...{ venueTradeId: 't1', venueOrderId: 'v1', instrument: 'BTC/USDT', side: 'buy', price: '100', quantity: '1' },
  ...{ fee: '0', feeAsset: 'USDT', liquiditySide: 'taker', eventTime: NOW - 3_600_000 },
} as SeenFill;
const MISSED: KnownDifference = {
  ...{ id: '1', class: 'missedFill', subject: 'fill:BTC/USDT:t1:v1', fingerprint: '', treatment: 'repair', status: 'pending' },
  ...{ decision: null, deltas: deltasOf(OLD, INSTRUMENTS), evidence: { venue: OLD, ledger: { order: 'i1', fill: null } } },
  ...{ eventTime: OLD.eventTime, repairs: 0, failedRepairs: 0, sameMs: 0, seenMs: 0, unseenMs: 0, decidedMs: null, isBooked: false },
};
const ordered = (status: OrderStatus): BookedOrder =>
  ({
    intentId: 'i1',
    clientOrderId: 'c1',
    venueOrderId: 'v1',
    instrument: 'BTC/USDT',
    ...{ side: 'buy', base: 'BTC', quote: 'USDT', quantity: '1', executedQuantity: '0', price: '100', stopPrice: null },
    status,
    isFinal: status === 'filled',
  }) as BookedOrder;

/** What is found where only what is newer was read. */
function later(orders: readonly BookedOrder[]): readonly Difference[] {
  const venue = { venueTime: NOW, fillsSince: NOW - 600_000, openOrders: [], fills: [], balances: MISSED.deltas };
  const ledger = {
    ...{ account: 'main', databaseTime: NOW, onboardedTime: 0, orders, fills: [], balances: {} },
    ...{ protected: [], instruments: INSTRUMENTS, contradictions: [], bookedBeside: [] },
  };
  return compare({ venue, ledger, workflows: undefined, isFull: false }, [MISSED], RECONCILE).differences;
}

describe('a missed fill that is older than what was read', () => {
  it('is booked all the same, as the venue told it', () => {
    const bookFill = { class: 'missedFill', isInFlight: false, repair: { kind: 'bookFill', fill: OLD } };
    expect(later([])).toMatchObject([bookFill]);
    expect(later([ordered('filled')])).toMatchObject([bookFill]);
  });

  it('P11: waits for the resolver of its order', () => {
    const [waiting] = later([ordered('unknown')]);
    expect(waiting).toMatchObject({ class: 'missedFill', isInFlight: true });
    expect(waiting?.repair).toBeUndefined();
  });

  it('that no order of ours has made is told as what it is, once the order it was taken for has ended without it, or is another', () => {
    const notPlaced = { ...ordered('notPlaced'), venueOrderId: null, isFinal: true };
    const orphan = { class: 'orphanOrder', subject: 'order:BTC/USDT:v1', treatment: 'person', deltas: MISSED.deltas };
    expect(later([notPlaced])).toMatchObject([orphan]);
    expect(later([{ ...ordered('filled'), venueOrderId: 'v2' }])).toMatchObject([orphan]);
    // Nothing is said of one that has no number yet and works, nor of a fill that another order of ours has.
    const owner = { ...ordered('filled'), intentId: 'i2', clientOrderId: 'c2' };
    expect(later([notPlaced, owner])).toMatchObject([{ class: 'missedFill', repair: { kind: 'bookFill' } }]);
  });
});
