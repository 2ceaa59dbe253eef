import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, text, ZERO, type DecimalText } from '../money/index.js';
import type { KnownDifference } from './difference.js';
import { compare, type Comparison } from './compare.js';
import { deltasOf, Sum } from './deltas.js';
import { judge } from './judge.js';
import { RECONCILE } from './rules.js';
import type { BookedOrder, LedgerSight, SeenFill, VenueSight } from './sight.js';

const START = 1_700_000_000_000;
const INSTRUMENTS = { 'BTC/USDT': { base: 'BTC', quote: 'USDT' }, 'ETH/USDT': { base: 'ETH', quote: 'USDT' } };
const ORDERS = Object.entries(INSTRUMENTS).map(
  ([instrument, { base, quote }], n) =>
    ({
      ...{ account: 'main', strategy: 'maker', instrument, intentId: `i${n}`, clientOrderId: `c${n}`, venueOrderId: `v${n}` },
      ...{ venueStatus: null, side: 'buy', purpose: 'entry', status: 'partiallyFilled', base, quote, price: '100', unchangedMs: 0 },
      ...{ quantity: '1000', executedQuantity: '0', isFinal: false },
    }) as unknown as BookedOrder,
);

/** What is filled, and how long it takes until it is booked. */
interface Traded {
  readonly fill: SeenFill;
  readonly bookedAfterMs: number;
}

/** When each side is read in a look, ms after its begin: what is open at the venue, what it holds, what it has filled, and then the books. */
interface Reads {
  readonly orders: number;
  readonly balances: number;
  readonly fills: number;
  readonly ledger: number;
}

/** What is all filled has ended. */
const withFilled = (order: BookedOrder, executedQuantity: DecimalText): BookedOrder => ({
  ...{ ...order, executedQuantity },
  ...(executedQuantity === order.quantity ? { status: 'filled', isFinal: true } : {}),
});

const sumOf = (fills: readonly SeenFill[], more: Record<string, string> = {}): Sum => {
  const sum = new Sum().add(more as Record<string, DecimalText>);
  for (const one of fills) sum.add(deltasOf(one, INSTRUMENTS));
  return sum;
};

const executed = (venueOrderId: string | null, fills: readonly SeenFill[]): DecimalText =>
  text(fills.filter((fill) => fill.venueOrderId === venueOrderId).reduce((sum, { quantity }) => sum.plus(quantity), ZERO));

/** What of the venue's is not as it should be: how much of a balance is gone, and how much of each order it shows too much. */
interface Odd {
  readonly gone?: Record<string, string>;
  readonly more?: string;
}

function lookAt(began: number, traded: readonly Traded[], reads: Reads, { gone = {}, more = '0' }: Odd = {}): Comparison {
  const fillsSince = began - RECONCILE.overlapMs;
  const until = (time: number): readonly SeenFill[] => traded.flatMap(({ fill }) => (fill.eventTime <= time ? [fill] : []));
  const venue: VenueSight = {
    ...{ venueTime: began, fillsSince, fills: until(began + reads.fills).filter(({ eventTime }) => eventTime >= fillsSince) },
    openOrders: ORDERS.map(({ venueOrderId, clientOrderId, instrument, side, quantity, price }) => ({
      ...{ venueOrderId: venueOrderId ?? '', clientOrderId, instrument, side, quantity, price, isTriggered: true, createdTime: START },
      executedQuantity: text(decimal(executed(venueOrderId, until(began + reads.orders))).plus(more)),
    })) as VenueSight['openOrders'],
    balances: sumOf(until(began + reads.balances), gone).deltas,
  };
  const booked = traded.flatMap(({ fill, bookedAfterMs }) => (fill.eventTime + bookedAfterMs <= began + reads.ledger ? [fill] : []));
  const ledger: LedgerSight = {
    ...{ account: 'main', databaseTime: began, onboardedTime: 0, protected: [], contradictions: [], bookedBeside: [] },
    orders: ORDERS.map((order) => withFilled(order, executed(order.venueOrderId, booked))),
    ...{ fills: booked.map((fill) => ({ ...fill, intentId: 'i0' })), balances: sumOf(booked).deltas, instruments: INSTRUMENTS },
  };
  return compare({ venue, ledger, workflows: undefined, isFull: false }, [], RECONCILE);
}

const ofOrders = ({ differences }: Comparison): readonly string[] =>
  differences.flatMap(({ class: what, subject }) => (subject.startsWith('intent:') ? [`${what} ${subject}`] : []));

const movements = ({ differences }: Comparison): readonly string[] =>
  differences.flatMap(({ class: what, subject }) => (what === 'balanceMovement' ? [subject] : []));

let trades = 0;
const trade = (eventTime: number, more: Partial<SeenFill> = {}, bookedAfterMs = 20): Traded => {
  const instrument = more.instrument ?? 'BTC/USDT';
  return {
    fill: {
      ...{ venueTradeId: `t${(trades += 1)}`, venueOrderId: instrument === 'BTC/USDT' ? 'v0' : 'v1', instrument, side: 'buy' },
      ...{ price: '100', quantity: '1', fee: '0.1', feeAsset: 'USDT', liquiditySide: 'maker', eventTime },
      ...more,
    } as SeenFill,
    bookedAfterMs,
  };
};

describe('an account that trades while it is compared', () => {
  const READS: Reads = { orders: 20, balances: 50, fills: 100, ledger: 150 };

  it('has no balance that moves without a cause, and no order of which less is filled than is booked', () => {
    const time = fc.integer({ min: -1_000, max: 300 });
    const amount = fc.integer({ min: 1, max: 9 });
    const one = fc.record({
      ...{ time, amount, price: fc.integer({ min: 90, max: 110 }), bookedAfterMs: fc.integer({ min: 0, max: 400 }) },
      ...{ instrument: fc.constantFrom('BTC/USDT', 'ETH/USDT'), side: fc.constantFrom('buy', 'sell') },
      feeAsset: fc.constantFrom('USDT', 'BTC', 'BNB'),
    });
    const gaps = fc.record({ orders: fc.nat(80), balances: fc.nat(80), fills: fc.nat(80), ledger: fc.nat(80) });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 30 }), gaps, (all, gap) => {
        const traded = all.map(({ time: at, amount: quantity, price, bookedAfterMs, ...more }) =>
          trade(START + at, { ...more, price: `${price}` as DecimalText, quantity: `0.0${quantity}` as DecimalText }, bookedAfterMs),
        );
        // What is filled in one moment is filled at once.
        const balances = gap.orders + gap.balances;
        const reads = { orders: gap.orders, balances, fills: balances + gap.fills, ledger: balances + gap.fills + gap.ledger };
        const compared = lookAt(START, traded, reads);
        expect(movements(compared)).toEqual([]);
        expect(ofOrders(compared)).toEqual([]);
      }),
    );
  });

  it('is not called a person’s for it, however long it lasts', () => {
    let row: KnownDifference | undefined;
    for (let sinceMs = 0; sinceMs <= 4 * RECONCILE.movingMs; sinceMs += 3_000) {
      // Each time another amount, filled after the balances were read and booked before the books were.
      const traded = [trade(START + sinceMs + 60, { quantity: `${1 + sinceMs}` as DecimalText }, 5)];
      const compared = lookAt(START + sinceMs, traded, READS);
      const judged = judge(compared, row === undefined ? [] : [{ ...row, seenMs: sinceMs }], RECONCILE);
      expect(judged.changes.filter((change) => change.kind === 'opened')).toEqual([]);
      for (const change of judged.changes) {
        if (change.kind === 'ended') row = undefined;
        else if ('difference' in change && change.difference.class === 'balanceMovement') {
          const times = { eventTime: null, repairs: 0, failedRepairs: 0, sameMs: 0, seenMs: sinceMs, unseenMs: 0, decidedMs: null };
          row = { ...change.difference, ...times, id: '1', status: 'pending', decision: null, isBooked: false };
        }
      }
    }
  });

  it('has one where something is gone besides', () => {
    const busy = [trade(START - 500), trade(START + 60), trade(START + 120)];
    expect(movements(lookAt(START, busy, READS, { gone: { USDT: '-5' } }))).toEqual(['balance:USDT']);
    expect(movements(lookAt(START, [], READS, { gone: { USDT: '-5' } }))).toEqual(['balance:USDT']);
  });

  it('has one where it was filled before it was compared: that had the time to be in the balances', () => {
    const [before] = [trade(START - 1)];
    const gone = sumOf([before.fill]).deltas;
    const back = Object.fromEntries(
      Object.entries(gone).map(([asset, amount]) => [asset, amount.startsWith('-') ? amount.slice(1) : `-${amount}`]),
    );
    expect(movements(lookAt(START, [before], READS, { gone: back }))).toEqual(['balance:BTC', 'balance:USDT']);
  });

  it('has none of which less is filled for as long as it is filled each second, nor when that was the last of it', () => {
    const each = Array.from({ length: 100 }, (_, second) => trade(START + second * 1_000 + 30, { quantity: '10' as DecimalText }, 5));
    for (let second = 0; second < 100; second += 1) expect(ofOrders(lookAt(START + second * 1_000, each, READS))).toEqual([]);
  });

  it('has one of which the venue shows less than is booked, by fills that were there before it was asked or by another quantity', () => {
    const unknown = ['unknown intent:i0'];
    const before = trade(START - 1, {}, 0);
    expect(ofOrders(lookAt(START, [before], { ...READS, orders: -2 }))).toEqual(unknown);
    const busy = [trade(START - 500, { quantity: '3' as DecimalText }), trade(START + 60, { quantity: '2' as DecimalText })];
    expect(ofOrders(lookAt(START, busy, READS, { more: '-1' }))[0]).toBe(unknown[0]);
    expect(ofOrders(lookAt(START, busy, READS, { more: '-3' }))[0]).toBe(unknown[0]);
  });
});
