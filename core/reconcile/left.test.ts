import { describe, expect, it } from 'vitest';
import type { DecimalText } from '../money/index.js';
import { compare } from './compare.js';
import type { KnownDifference } from './difference.js';
import { judge, type Judgement } from './judge.js';
import { RECONCILE } from './rules.js';
import type { BookedOrder, SeenFill } from './sight.js';

const d = (value: string): DecimalText => value as DecimalText;
const NOW = 1_700_000_000_000;
const LEFT = '250';
/** So much more than the books the venue has, and a person has decided that it stays so. */
const REJECTED: KnownDifference = {
  ...{ id: '2', class: 'balanceMovement', subject: 'balance:USDT', fingerprint: LEFT, treatment: 'secondLook', status: 'decided' },
  ...{ decision: 'reject', deltas: { USDT: d(LEFT) }, evidence: { venue: {}, ledger: {} }, eventTime: null, repairs: 0 },
  ...{ failedRepairs: 0, sameMs: 60_000, seenMs: 60_000, unseenMs: 0, decidedMs: 60_000, isBooked: false },
};
/** A sale for 485, which was booked while the venue was read. */
const SOLD: SeenFill = {
  ...{ venueTradeId: 't1', venueOrderId: 'v9', instrument: 'BTC/USDT', side: 'sell', price: d('48500'), quantity: d('0.01') },
  ...{ fee: d('0'), feeAsset: 'USDT', liquiditySide: 'taker', eventTime: NOW + 5 },
};
/** A purchase for 40 of which nobody knows what became. */
const UNKNOWN = {
  ...{ account: 'main', strategy: 'maker', instrument: 'BTC/USDT', intentId: 'i1', clientOrderId: 'c1', venueOrderId: null },
  ...{ venueStatus: null, side: 'buy', purpose: 'entry', type: 'limit', status: 'unknown', base: 'BTC', quote: 'USDT' },
  ...{ quantity: '0.001', executedQuantity: '0', price: '40000', stopPrice: null, isFinal: false, unchangedMs: 60_000 },
} as BookedOrder;

/** What a look makes of it that finds so much more at the venue than in the books. */
function looked(amount: string, more: { fills?: SeenFill[]; orders?: BookedOrder[] } = {}): Judgement {
  const { fills = [], orders = [] } = more;
  const venue = {
    ...{ venueTime: NOW, openOrders: [], fillsSince: NOW - 600_000, fills: [], listed: new Set<string>() },
    balances: { USDT: d(amount), BTC: d('0') },
  };
  const ledger = {
    ...{ account: 'main', databaseTime: NOW, onboardedTime: 0, orders, protected: [], contradictions: [], bookedBeside: [] },
    ...{
      fills: fills.map((one) => ({ ...one, intentId: 'i0' })),
      balances: {},
      instruments: { 'BTC/USDT': { base: 'BTC', quote: 'USDT' } },
    },
  };
  const known = [REJECTED];
  const compared = compare({ venue, ledger, workflows: undefined, isFull: false }, known, RECONCILE);
  return judge(
    { ...compared, differences: compared.differences.filter(({ class: what }) => what === 'balanceMovement') },
    known,
    RECONCILE,
  );
}

describe('a balance that differs, and that a person has left so', () => {
  it('is left for as long as it is the same', () => {
    expect(looked(LEFT)).toMatchObject({ isClean: true, changes: [{ kind: 'kept', id: '2' }] });
  });

  it('is the same also where a fill was booked that the balances did not have yet', () => {
    expect(looked('-235', { fills: [SOLD] })).toMatchObject({
      isClean: true,
      changes: [{ kind: 'kept', id: '2', difference: { fingerprint: LEFT, deltas: { USDT: LEFT } } }],
    });
  });

  it('waits where an order is on its way that may have moved as much as it is off by', () => {
    expect(looked('210', { orders: [UNKNOWN] })).toMatchObject({ isClean: false, isUnsettled: true, changes: [] });
  });

  it.each([
    ['another amount', looked('251')],
    ['more than the fill explains', looked('-236', { fills: [SOLD] })],
    ['more than the order may have moved', looked('150', { orders: [UNKNOWN] })],
  ])('is another case with %s', (_, { changes, isClean }) => {
    expect(isClean).toBe(false);
    expect(changes).toMatchObject([
      { kind: 'ended', id: '2', outcome: 'closed' },
      { kind: 'new', status: 'pending' },
    ]);
  });
});
