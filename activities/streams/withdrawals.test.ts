import { expect, it } from 'vitest';
import type { OrderChange } from '../../core/order/stored-order.js';
import type { PollPlan } from '../../core/venue/poll-plan.js';
import type { OrderStore, WatchedOrder } from '../ports/store.js';
import type { VenueReader } from '../ports/venue.js';
import { Withdrawals } from './withdrawals.js';

const ROOMY = { lookUpGapMs: 0 } as PollPlan;
const NARROW = { lookUpGapMs: 11_000 } as PollPlan;

/** Entries that rest, at a venue whose answer to one question takes so long by our clock; it tells what was begun, and how much at once. */
function resting(count: number, askMs: number) {
  const rows = new Map(
    Array.from({ length: count }, (_, index) => [
      `e${index}`,
      {
        ...{ intentId: `e${index}`, clientOrderId: `c${index}`, instrument: 'BTC/USDT', account: 'main', purpose: 'entry', side: 'buy' },
        ...{ quantity: '1', price: '100', executedQuantity: '0', executedNotional: '0', reservedQuantity: '1', reservedNotional: '1' },
        ...{ venueOrderId: 'v', venueStatus: null, venueExecutedQuantity: null, triggeredTime: null, missingTime: null },
        ...{ status: 'accepted', failures: [], version: 1, isFinal: false, whyWithdrawn: 'it is paused' },
      } as unknown as WatchedOrder,
    ]),
  );
  const began: string[] = [];
  const failed: string[] = [];
  let [now, underWay, together] = [0, 0, 0];
  const asks = async (what: string): Promise<void> => {
    began.push(what);
    together = Math.max(together, (underWay += 1));
    await Promise.resolve();
    underWay -= 1;
    now += askMs;
  };
  const store: Partial<OrderStore> = {
    checkEpoch: async () => undefined,
    order: async (intentId: string) => rows.get(intentId),
    changeOrder: async ({ intentId, status }: OrderChange) => {
      began.push('wish');
      const order = { ...(rows.get(intentId) as WatchedOrder), status };
      rows.set(intentId, order);
      return { kind: 'written', order };
    },
  };
  const reader: Partial<VenueReader> = { cancel: async () => (await asks('cancel'), 'canceled') };
  const withdrawals = new Withdrawals({
    books: { store: store as OrderStore, epoch: 1 },
    venue: () => ({ reader: reader as VenueReader }),
    resolve: () => asks('look-up'),
    attempt: async (what, work) => {
      return work().then(
        () => true,
        () => {
          failed.push(what);
          return false;
        },
      );
    },
    clock: () => now,
  });
  return { withdrawals, orders: [...rows.values()], began, failed, store, reader, together: () => together };
}

const times = (what: string, count: number): string[] => Array<string>(count).fill(what);

it.each([
  ['four at once where the budget has room for all', ROOMY, 4, 200],
  ['one by one where it has not, and are looked up with the others', NARROW, 1, 0],
])('hundreds of entries are withdrawn %s: all wishes first, then all cancels', async (_, plan, most, lookUps) => {
  const { withdrawals, orders, began, together } = resting(200, 1);
  const running = withdrawals.run(orders, plan);
  expect(orders.every(({ intentId }) => withdrawals.has(intentId))).toBe(true);
  await running;
  expect(began).toEqual([...times('wish', 200), ...times('cancel', 200), ...times('look-up', lookUps)]);
  expect(together()).toBe(most);
  expect(withdrawals.has('e0')).toBe(false);
});

it('a venue that hangs ends the round: what is left is the look-ups’, and every wish is written', async () => {
  const { withdrawals, orders, began } = resting(100, 5_000);
  await withdrawals.run(orders, ROOMY);
  expect(began.filter((what) => what === 'wish')).toHaveLength(100);
  expect(began.filter((what) => what === 'cancel').length).toBeLessThanOrEqual(6);
  expect(began).not.toContain('look-up');
});

it('P31: of entries that it had wished gone before, a guardian of a former epoch cancels none', async () => {
  const { withdrawals, orders, began, failed, store } = resting(2, 1);
  store.checkEpoch = () => Promise.reject(new Error('another epoch'));
  await withdrawals.run(orders, ROOMY);
  expect(began).toEqual(times('wish', 2));
  expect(failed).toEqual(['withdrawing entries']);
  expect(withdrawals.has('e0')).toBe(false);
});

it('one that fails keeps none of the others', async () => {
  const { withdrawals, orders, began, failed, store, reader } = resting(3, 1);
  const [change, cancel] = [store.changeOrder?.bind(store), reader.cancel?.bind(reader)];
  store.changeOrder = async (...given) => {
    if (given[0].intentId === 'e0' || change === undefined) throw new Error('no answer');
    return change(...given);
  };
  reader.cancel = async (...given) => {
    if (given[1] === 'c1' || cancel === undefined) throw new Error('no answer');
    return cancel(...given);
  };
  await withdrawals.run(orders, ROOMY);
  expect(failed).toEqual(['withdrawing e0', 'canceling e1']);
  expect(began).toEqual([...times('wish', 2), 'cancel', ...times('look-up', 2)]);
});
