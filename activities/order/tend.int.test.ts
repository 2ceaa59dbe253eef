import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DecimalText } from '../../core/money/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { ACCOUNT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import type { Venue } from '../ports/venue.js';
import { StreamedMarket } from '../streams/live-market.js';
import { createOrderActivities } from './index.js';
import { createTend } from './tend.js';

let stack: TradingStack;
beforeAll(async () => {
  stack = await openTradingStack();
});
afterAll(() => stack?.close());

it('a worker that dies after it has wished the cancel of an entry for another leaves the reason in the row: the next one goes on', async () => {
  const { dependencies } = stack;
  const execution = { kind: 'limit', offsetBps: 40, workMs: 60_000, postOnly: true, replaceBps: 10 } as const;
  const entriesOf: typeof dependencies.entriesOf = () => ({ sizing: { kind: 'fixedNotional', notional: '500' as DecimalText }, execution });
  const orders = createOrderActivities({ ...dependencies, entriesOf });
  const signal = stack.signal('open', 1_000);
  expect(await orders.authorise(signal)).toMatchObject({ kind: 'authorised' });
  const intentId = intentIdOf(signal);
  expect(await orders.record(intentId, await orders.submit(intentId, ACCOUNT))).toMatchObject({ status: 'accepted', failures: [] });

  // It has no stream of the instrument, and is told by the venue that the price has gone.
  const live = new StreamedMarket(Date.now);
  const dies = new Error('the worker died');
  const venueOf = (cancel: Venue['reader']['cancel']) => (): Venue => {
    const reader = { ...stack.venue.reader, lastPrice: async () => '50500' as DecimalText, cancel };
    return { ...stack.venue, reader };
  };
  const pause = (): Promise<never> => Promise.reject(new Error('nothing is waited for'));
  const dying = createTend({ ...dependencies, entriesOf, live, venueOf: venueOf(() => Promise.reject(dies)) }, pause);
  await expect(dying(intentId, signal)).rejects.toBe(dies);
  expect(await dependencies.store.order(intentId)).toMatchObject({ status: 'pendingCancel' });

  const next = createTend({ ...dependencies, entriesOf, live, venueOf: venueOf((...of) => stack.venue.reader.cancel(...of)) }, pause);
  const tended = await next(intentId, signal);
  expect(tended).toMatchObject({ order: { status: 'canceled', executedQuantity: '0', reservedNotional: '0' }, isReplaced: true });
  expect(tended.order.failures).toMatchObject([{ code: 'ORDER_PRICE_MOVED', values: { reference: '50500' } }]);
  const { rows } = await stack.pool.query(`select count(*)::integer as times from audit_events where kind = 'order.pendingCancel'`);
  expect(rows).toEqual([{ times: 1 }]);
});
