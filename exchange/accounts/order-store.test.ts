import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Order } from '../matching/order.js';
import { ClientIdIndex } from './client-id-index.js';
import { Columns, rowsOf } from './columns.js';
import { OrderStore } from './order-store.js';

function order(orderId: number, clientOrderId: string): Order {
  const none = { price: 0n, stopPrice: 0n, quantity: 1n, quoteQuantity: 0n, executed: 0n, executedQuote: 0n, locked: 0n, ahead: 0n };
  const fixed = { side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', status: 'NEW', orderListId: -1 } as const;
  return { orderId, account: 'a', symbol: 'S', clientOrderId, time: orderId, updateTime: 0, workingTime: 0, ...none, ...fixed };
}

test('an id that was used again finds the newest order, in memory or not', () => {
  const store = new OrderStore(3);
  const archive = new Map<number, Order>();
  store.archive = { order: (offset) => archive.get(offset), fill: () => undefined };
  for (let orderId = 1; orderId <= 20; orderId += 1) {
    const added = order(orderId, `id-${orderId % 7}`);
    store.add(added);
    added.status = 'CANCELED';
    store.close(added);
    archive.set(orderId * 100, { ...added });
    store.placed(orderId * 100);
  }
  expect(store.any(1)).toBeUndefined();
  expect(store.byId('a', 'S', 1)).toMatchObject({ clientOrderId: 'id-1', status: 'CANCELED' });
  expect([0, 1, 6].map((id) => store.byClientId('a', 'S', `id-${id}`)?.orderId)).toEqual([14, 15, 20]);
  expect(store.byClientId('a', 'S', 'id-9')).toBeUndefined();
  expect(store.byId('b', 'S', 1)).toBeUndefined();
  expect(store.history('a', 'S').map(({ orderId }) => orderId)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(store.history('a', 'S', { limit: 2 }).map(({ orderId }) => orderId)).toEqual([19, 20]);
  expect(store.history('a', 'S', { limit: 2, isFromStart: true, startTime: 5 }).map(({ orderId }) => orderId)).toEqual([5, 6]);
});

test('the index of client ids loses none and confuses none', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 4 }), { maxLength: 3000 }), (keys) => {
      const index = new ClientIdIndex();
      keys.forEach((key, at) => index.add(key, at + 1));
      for (const [at, key] of keys.entries()) expect(index.candidates(key)).toContain(at + 1);
    }),
    { numRuns: 30 },
  );
});

test('columns keep their rows while they grow', () => {
  const columns = new Columns(2);
  for (let row = 0; row < 5000; row += 1) columns.add(row, row * row);
  expect(columns.at(4999, 1)).toBe(4999 * 4999);
  expect(rowsOf(columns, { limit: 3, isFromStart: false, matches: (row) => columns.at(row, 0) % 2 === 0 })).toEqual([4994, 4996, 4998]);
});
