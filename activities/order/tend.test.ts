import { expect, it } from 'vitest';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import type { OrderStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import type { OrderDependencies } from './dependencies.js';
import { createTend } from './tend.js';

const RESTING = {
  intentId: 'one',
  account: 'main',
  strategy: 'momentum',
  instrument: 'BTC/USDT',
  clientOrderId: 'c1',
  status: 'accepted',
  side: 'buy',
  quantity: '1',
  reservedQuantity: '1',
  reservedNotional: '100',
  executedQuantity: '0',
  executedNotional: '0',
  venueOrderId: '7',
  venueStatus: null,
  venueExecutedQuantity: null,
  workingUntil: 1_000,
  triggeredTime: null,
  missingTime: null,
  version: 1,
  isFinal: false,
  price: '100',
} as unknown as StoredOrder;
const SIGNAL = { account: 'main', strategy: 'momentum', instrument: 'BTC/USDT' } as TradeSignal;

it('a resting entry of a strategy that is not configured any more is canceled when its time is over', async () => {
  let order = RESTING;
  let isOpen = true;
  const store: Partial<OrderStore> = {
    order: async () => order,
    changeOrder: async (change) => ({ kind: 'written', order: (order = { ...order, ...change, version: order.version + 1 }) }),
  };
  const lookUp = async () => ({
    kind: 'found',
    venueTime: 2_000,
    order: { venueOrderId: '7', status: isOpen ? 'accepted' : 'canceled', executedQuantity: '0', createdTime: 0 },
  });
  const reader = { lookUp, cancel: async () => void (isOpen = false) };
  const dependencies = { store, epoch: 1, venueOf: () => ({ profile: BINANCE, reader }) as unknown as Venue, entriesOf: () => undefined };
  const tend = createTend(dependencies as unknown as OrderDependencies, async () => {});
  expect(await tend('one', SIGNAL)).toMatchObject({ order: { status: 'canceled', isFinal: true }, isReplaced: false });
});
