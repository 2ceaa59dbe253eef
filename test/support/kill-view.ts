import type { KillLatch, KillSight, KillView } from '../../core/kill/view.js';
import type { DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { KEY, LEDGER, RULES } from './risk-view.js';

// A halted account with one position: what a kill reads of it, and what the venue shows.

export const d = (value: string): DecimalText => value as DecimalText;
export const latch = (more: Partial<KillLatch> = {}): KillLatch => ({
  latchId: 'l',
  scope: 'account',
  scopeValue: 'main',
  policy: 'atOnce',
  reason: 'a test',
  subject: 'rik',
  engagedTime: 0,
  ...more,
});
export const position = (quantity: string, more: object = {}) => ({ ...KEY, quantity: d(quantity), cost: d('100'), ...more });
export const view = (more: Partial<KillView> = {}, positions = [position('1')]): KillView => ({
  risk: { ...LEDGER, positions, balances: { BTC: d('3'), USDT: d('100') } },
  latches: [latch()],
  inventory: { BTC: d('2') },
  instruments: { [RULES.instrument]: RULES },
  working: [],
  sold: [],
  lastFills: {},
  contradicted: [],
  money: [],
  ...more,
});
export const sight = (more: Partial<KillSight> = {}): KillSight => ({
  balances: { BTC: d('3'), USDT: d('100') },
  openOrders: [],
  prices: { [RULES.instrument]: d('100') },
  shownMs: 3_000,
  ...more,
});
export const order = (more: Partial<StoredOrder>): StoredOrder =>
  ({
    ...KEY,
    intentId: 'o',
    clientOrderId: 'c',
    venueOrderId: 'v',
    base: 'BTC',
    quote: 'USDT',
    side: 'sell',
    purpose: 'stop',
    status: 'accepted',
    quantity: d('1'),
    executedQuantity: d('0'),
    reservedQuantity: d('1'),
    isFinal: false,
    ...more,
  }) as StoredOrder;

export const POSITION = { strategy: KEY.strategy, instrument: KEY.instrument };
