import { describe, expect, it } from 'vitest';
import type { DecimalText } from '../money/index.js';
import { compare } from './compare.js';
import type { Difference } from './difference.js';
import { RECONCILE } from './rules.js';
import type { BookedOrder, LedgerSight, SeenOrder, VenueSight } from './sight.js';

const d = (value: string): DecimalText => value as DecimalText;
const NOW = 1_700_000_000_000;
const INSTRUMENT = 'BTC/USDT';

const order = (more: Partial<BookedOrder> = {}): BookedOrder =>
  ({
    ...{ intentId: 'i1', clientOrderId: 'c1', venueOrderId: 'v1', venueStatus: null, instrument: INSTRUMENT, base: 'BTC', quote: 'USDT' },
    ...{ side: 'buy', purpose: 'entry', status: 'accepted', type: 'limit', quantity: d('1'), executedQuantity: d('0'), price: d('100') },
    ...{ stopPrice: null, isFinal: false, unchangedMs: 60_000 },
    ...more,
  }) as BookedOrder;
const seenOrder = (more: Partial<SeenOrder> = {}): SeenOrder => ({
  ...{ venueOrderId: 'v1', clientOrderId: 'c1', instrument: INSTRUMENT, side: 'buy', quantity: d('1'), executedQuantity: d('0') },
  ...{ price: d('100'), isTriggered: true, createdTime: NOW - 300_000 },
  ...more,
});

/** What is found of one order that rests, as the venue shows it and as we have sent it. */
function found(shown: SeenOrder, mine: BookedOrder): readonly Difference[] {
  const venue: VenueSight = { venueTime: NOW, openOrders: [shown], fillsSince: NOW - 600_000, fills: [], balances: {} };
  const ledger: LedgerSight = {
    ...{
      account: 'main',
      databaseTime: NOW,
      onboardedTime: 0,
      orders: [mine],
      fills: [],
      balances: {},
      protected: [],
      contradictions: [],
      bookedBeside: [],
    },
    instruments: { [INSTRUMENT]: { base: 'BTC', quote: 'USDT', tickSize: d('0.01') } },
  };
  return compare({ venue, ledger, workflows: undefined, isFull: false }, [], RECONCILE).differences;
}

describe('open orders', () => {
  it('at another price than they were sent with are unknown, and a person’s at once: a stop would wake elsewhere', () => {
    const stop = { type: 'stopLimit', side: 'sell', purpose: 'stop', stopPrice: d('90'), price: d('89') } as const;
    const waits = { side: 'sell', isTriggered: false, stopPrice: d('90'), price: d('89') } as const;
    const at = (mine: Partial<BookedOrder>, shown: Partial<SeenOrder>): readonly string[] =>
      found(seenOrder(shown), order(mine)).map((one) => `${one.class} ${one.treatment}`);
    expect(at(stop, waits)).toEqual([]);
    expect(at(stop, { ...waits, stopPrice: d('90.01') })).toEqual([]);
    expect(at(stop, { ...waits, stopPrice: d('60') })).toEqual(['unknown person']);
    expect(at(stop, { ...waits, price: d('59') })).toEqual(['unknown person']);
    expect(at({}, { price: d('99.98') })).toEqual(['unknown person']);
    // A purchase that waits, and that a person has taken over as a limit order, is what was taken over.
    expect(at({}, { isTriggered: false, stopPrice: d('90') })).toEqual([]);
    // One that sells at the market has no limit at the venue; one that is awake has woken.
    expect(at({ ...stop, type: 'stopMarket' }, { ...waits, price: d('0') })).toEqual([]);
    expect(at({ ...stop, type: 'stopMarket' }, { ...waits, price: d('0'), stopPrice: d('60') })).toEqual(['unknown person']);
    expect(at(stop, { ...waits, isTriggered: true, stopPrice: d('60') })).toEqual([]);
    // Moved again it is another case than what a person has left as it was.
    const fingerprints = ['60', '61'].map((price) => {
      return found(seenOrder({ ...waits, stopPrice: d(price) }), order(stop))[0]?.fingerprint;
    });
    expect(new Set(fingerprints).size).toBe(2);
  });
});
