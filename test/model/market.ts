import { decimalTextOf } from '../../core/money/index.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import type { Limits } from '../../core/risk/limits.js';
import type { LiveView } from '../../core/risk/view.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { USUAL_LIMITS } from '../support/risk-view.js';

/** The one instrument, at one price: what the price does to a stop is an event of its own. */
export const PRICE = 100;

export const KEY = { account: 'main', strategy: 'momentum', instrument: 'BTC/USDT' } as const;

const signal = (leg: TradeSignal['leg']): TradeSignal => ({
  ...KEY,
  strategyVersion: '1',
  leg,
  barCloseTime: 1_000,
  decidedTime: 1_000,
  validUntil: 1_000_000,
  referencePrice: decimalTextOf(String(PRICE)),
  stopDistanceRatio: 0.05,
  features: [],
  reason: 'the model',
});

export const SIGNALS = { open: signal('open'), close: signal('close') } as const;

const UNIT = decimalTextOf('1');

export const RULES: InstrumentRules = {
  instrument: KEY.instrument,
  base: 'BTC',
  quote: 'USDT',
  trading: true,
  status: 'TRADING',
  tickSize: UNIT,
  stepSize: UNIT,
  minQuantity: UNIT,
  maxQuantity: decimalTextOf('1000'),
  minNotional: UNIT,
};

export const LIMITS: Limits = {
  ...USUAL_LIMITS,
  maxOrderNotional: decimalTextOf('100000'),
  maxInstrumentExposure: decimalTextOf('100000'),
  maxAccountExposure: decimalTextOf('100000'),
  maxOpenOrders: 100,
  collarBps: 100,
  takerFeeBps: 0,
  priceMaxAgeMs: 1_000,
  clockSkewMs: 100,
};

/** Everything that an entry needs is there: what is missing only ever refuses. */
export const LIVE: LiveView = {
  now: 2_000,
  price: { price: decimalTextOf(String(PRICE)), ageMs: 0 },
  clockSkewMs: 0,
  venueWeight: { kind: 'untold' },
};
