import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ACCEPT,
  LOSE_REPLY,
  OrderBooks,
  PROVE_ABSENT,
  REQUEST_CANCEL,
  delivered,
  endOf,
  executedOf,
  shuffled,
  venueTruths,
  type Message,
  type VenueTruth,
} from '../../test/support/order-story.js';
import type { LedgerEntry } from '../ledger/position.js';
import { ZERO, decimal, isDecimalText, type Decimal } from '../money/index.js';
import { TRANSITIONS, averagePrice, isFinal, type OrderStatus } from './lifecycle.js';
import { stateOf } from './stored-order.js';

const evidenceOf = (truth: VenueTruth): readonly Message[] => [ACCEPT, ...truth.fills, ...endOf(truth)];
const notional = (truth: VenueTruth): Decimal => truth.fills.reduce((sum, { fill }) => sum.plus(fill.quantity.mul(fill.price)), ZERO);

/** Where an order stands once all that the venue did with it has reached us; `pendingCancel` besides where one was asked for. */
function statusOf(truth: VenueTruth): OrderStatus {
  const executed = executedOf(truth);
  if (executed.eq(truth.order.quantity)) return 'filled';
  return truth.end ?? (executed.isZero() ? 'accepted' : 'partiallyFilled');
}

function sumsOf(entries: readonly LedgerEntry[]): Record<string, string> {
  const sums: Record<string, Decimal> = {};
  for (const { asset, delta } of entries) sums[asset] = (sums[asset] ?? ZERO).plus(delta);
  return Object.fromEntries(Object.entries(sums).map(([asset, sum]) => [asset, sum.toFixed()]));
}

/** The ledger's sums by asset, computed from what the venue did alone. */
function trueSums({ fills }: VenueTruth): Record<string, string> {
  const sums: Record<string, Decimal> = {};
  const add = (asset: string, delta: Decimal): void => void (sums[asset] = (sums[asset] ?? ZERO).plus(delta));
  for (const { fill } of fills) {
    const bought = fill.side === 'buy' ? fill.quantity : fill.quantity.neg();
    add('BTC', bought);
    add('USDT', bought.mul(fill.price).neg());
    if (fill.fee.gt(0)) add(fill.feeAsset, fill.fee.neg());
  }
  return Object.fromEntries(Object.entries(sums).map(([asset, sum]) => [asset, sum.toFixed()]));
}

/** What must hold of the rows after every single message. */
function expectSound(books: OrderBooks, truth: VenueTruth, seen: readonly Message[]): void {
  const { order, position } = books;
  const distinct = new Set(seen.flatMap(({ fill }) => (fill === undefined ? [] : [fill.venueTradeId])));
  const booked = truth.fills.filter(({ fill }) => distinct.has(fill.venueTradeId));
  const executed = booked.reduce((sum, { fill }) => sum.plus(fill.quantity), ZERO);
  expect(Object.keys(TRANSITIONS)).toContain(order.status);
  expect(order.executedQuantity).toBe(executed.toFixed());
  expect(order.executedNotional).toBe(booked.reduce((sum, { fill }) => sum.plus(fill.quantity.mul(fill.price)), ZERO).toFixed());
  expect(order.isFinal).toBe(isFinal(order.status));
  const leaves = decimal(order.quantity).minus(executed);
  expect(order.reservedQuantity).toBe(order.isFinal ? '0' : leaves.toFixed());
  expectNotional(books, truth, leaves);
  expect(sumsOf(books.entries)).toEqual(trueSums({ ...truth, fills: booked }));
  expect(position.quantity.minus(truth.before.quantity).toFixed()).toBe(sumsOf(books.entries)['BTC'] ?? '0');
  const cash = position.realizedPnl.minus(position.cost).plus(truth.before.cost);
  expect(cash.toFixed()).toBe(sumsOf(books.entries)['USDT'] ?? '0');
  for (const figure of [order.reservedNotional, order.executedNotional, position.cost.toFixed(), position.realizedPnl.toFixed()]) {
    expect(isDecimalText(figure)).toBe(true);
  }
}

/** Of a buy the share of the notional that the remainder is of the order, never less, and over it by rounding alone. */
function expectNotional({ order }: OrderBooks, truth: VenueTruth, leaves: Decimal): void {
  const reserved = decimal(order.reservedNotional);
  if (order.isFinal || order.side === 'sell') {
    expect(order.reservedNotional).toBe('0');
    return;
  }
  const excess = reserved.minus(decimal(truth.order.reservedNotional).mul(leaves).div(truth.order.quantity));
  expect(excess.gte('-1e-30') && excess.lte('1e-16')).toBe(true);
}

/** Everything that can happen to an order that reached the venue while our conclusions are right. */
const honest = venueTruths.chain((truth) =>
  delivered(evidenceOf(truth)).chain((evidence) =>
    fc
      .array(fc.constantFrom(LOSE_REPLY, REQUEST_CANCEL), { maxLength: 4 })
      .chain((noise) => shuffled([...evidence, ...noise]))
      .map((messages) => ({ truth, messages })),
  ),
);

describe('an order whose messages come in any order, some of them more than once', () => {
  it('is sound after each of them: status, executed, reserved, ledger and position', () => {
    fc.assert(
      fc.property(honest, ({ truth, messages }) => {
        const books = new OrderBooks(truth);
        messages.forEach((message, index) => expectSound(books.receive([message]), truth, messages.slice(0, index + 1)));
      }),
    );
  });

  it('P15: is final once it has ended and its fills explain what was executed, and not before', () => {
    fc.assert(
      fc.property(honest, ({ truth, messages }) => {
        const books = new OrderBooks(truth);
        let missing = new Set(truth.fills.map(({ fill }) => fill.venueTradeId));
        let hasEnded = executedOf(truth).eq(truth.order.quantity);
        for (const message of messages) {
          books.receive([message]);
          missing = new Set([...missing].filter((id) => id !== message.fill?.venueTradeId));
          hasEnded ||= message.event.kind === 'end';
          expect(books.order.isFinal).toBe(hasEnded && missing.size === 0);
        }
      }),
    );
  });

  it('ends with what the venue did, to the last unit, and with nothing that looks like a contradiction', () => {
    fc.assert(
      fc.property(honest, ({ truth, messages }) => {
        const { order, surprises } = new OrderBooks(truth).receive(messages);
        const isAsked = messages.includes(REQUEST_CANCEL) && !isFinal(statusOf(truth));
        expect(isAsked ? [statusOf(truth), 'pendingCancel'] : [statusOf(truth)]).toContain(order.status);
        expect(order.venueOrderId).toBe('v1');
        expect(order.venueStatus).toBe(truth.end ?? null);
        const average = averagePrice(stateOf(order));
        expect(average?.toFixed()).toBe(truth.fills.length === 0 ? undefined : notional(truth).div(executedOf(truth)).toFixed());
        expect(surprises).toEqual([]);
      }),
    );
  });

  it('ends as it would have in the natural order', () => {
    fc.assert(
      fc.property(honest, ({ truth, messages }) => {
        fc.pre(truth.end !== undefined || !messages.includes(REQUEST_CANCEL));
        const natural = new OrderBooks(truth).receive(evidenceOf(truth));
        const other = new OrderBooks(truth).receive(messages);
        // Only the number of changes, and the rounding of what is still reserved, may tell the two apart.
        const { version: _, reservedNotional: reserved, ...row } = natural.order;
        expect(other.order).toMatchObject(row);
        expect(decimal(other.order.reservedNotional).minus(reserved).abs().lte('1e-16')).toBe(true);
        expect(sumsOf(other.entries)).toEqual(sumsOf(natural.entries));
        expect(other.position.quantity.eq(natural.position.quantity)).toBe(true);
        expect(other.position.cost.minus(natural.position.cost).abs().lte('1e-16')).toBe(true);
      }),
    );
  });
});

describe('an order of which something false was concluded', () => {
  const conclusions = fc.constantFrom<readonly Message[]>(
    [LOSE_REPLY, PROVE_ABSENT],
    [{ event: { kind: 'reject' } }],
    [LOSE_REPLY, { event: { kind: 'reject' } }],
  );

  it('P13: is taken up again by the first evidence, which is a surprise, and ends with what the venue did', () => {
    fc.assert(
      fc.property(
        venueTruths.chain((truth) => fc.record({ truth: fc.constant(truth), evidence: delivered(evidenceOf(truth)) })),
        conclusions,
        ({ truth, evidence }, conclusion) => {
          const books = new OrderBooks(truth).receive(conclusion);
          expect([books.order.isFinal, books.order.reservedQuantity, books.order.reservedNotional]).toEqual([true, '0', '0']);
          books.receive(evidence.slice(0, 1));
          expect(books.surprises).toEqual(['evidenceAfterFinal']);
          // What it may still buy is reserved anew.
          const leaves = decimal(books.order.reservedQuantity);
          const isBuy = books.order.side === 'buy';
          expect(decimal(books.order.reservedNotional).eq(isBuy ? leaves.mul(books.order.price) : ZERO)).toBe(true);
          books.receive(evidence.slice(1));
          expect(books.order.status).toBe(statusOf(truth));
          expect(books.order.executedQuantity).toBe(executedOf(truth).toFixed());
          expect(sumsOf(books.entries)).toEqual(trueSums(truth));
        },
      ),
    );
  });

  it('is concluded of no order whose evidence came first', () => {
    fc.assert(
      fc.property(
        venueTruths.chain((truth) => fc.record({ truth: fc.constant(truth), evidence: delivered(evidenceOf(truth)) })),
        conclusions,
        ({ truth, evidence }, conclusion) => {
          const books = new OrderBooks(truth).receive(evidence.slice(0, 1));
          const { order } = books;
          expect(books.receive(conclusion).order).toEqual(order);
        },
      ),
    );
  });
});
