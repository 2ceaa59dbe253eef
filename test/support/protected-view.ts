import type { DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { VIEW_FORM, type ProtectionView } from '../../core/protection/plan.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { KEY, LEDGER, NOW, RULES } from './risk-view.js';

const d = (value: string): DecimalText => value as DecimalText;

/** Of a position of one, as the gate has authorised it. */
export const EXIT = {
  ...KEY,
  intentId: 'exit',
  side: 'sell',
  purpose: 'exit',
  status: 'authorised',
  type: 'limit',
  timeInForce: 'IOC',
  quantity: d('1'),
  price: d('97'),
  stopPrice: null,
  reservedQuantity: d('1'),
  executedQuantity: d('0'),
  executedNotional: d('0'),
  venueOrderId: 'v',
  venueStatus: null,
  venueExecutedQuantity: null,
  triggeredTime: null,
  failures: [],
  createdTime: 1,
  isFinal: false,
} as unknown as StoredOrder;
/** That rests for all of it. */
export const STOP: StoredOrder = { ...EXIT, intentId: 'stop', purpose: 'stop', status: 'accepted', timeInForce: 'GTC', stopPrice: d('98') };

/** What the owner of that position sees: it rests. */
export const VIEW: ProtectionView = {
  risk: { ...LEDGER, positions: [{ ...KEY, quantity: d('1'), cost: d('100') }], instrument: RULES },
  working: [STOP],
  adopted: [],
  oversold: null,
  form: VIEW_FORM,
  recent: [],
  stops: 1,
  escapes: 0,
  basis: null,
};

/** That closes it. */
export const SIGNAL: TradeSignal = {
  ...KEY,
  ...{ strategyVersion: '1', leg: 'close', barCloseTime: NOW, decidedTime: NOW, validUntil: NOW + 2_500, referencePrice: d('100') },
  ...{ stopDistanceRatio: 0.02, features: [1], reason: 'test' },
};
