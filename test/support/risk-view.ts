import type { DecimalText } from '../../core/money/index.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import { effectiveLimits } from '../../core/risk/limit-rows.js';
import type { Limits } from '../../core/risk/limits.js';
import type { RiskView } from '../../core/risk/view.js';

/** For tests: an account that trades one instrument, with nothing held, nothing working and nothing in the way. */

const d = (value: string): DecimalText => value as DecimalText;

export const NOW = 1_700_000_001_000;
export const KEY = { account: 'main', strategy: 'momentum', instrument: 'BTC/USDT' } as const;

export const RULES: InstrumentRules = {
  instrument: KEY.instrument,
  base: 'BTC',
  quote: 'USDT',
  trading: true,
  status: 'TRADING',
  tickSize: d('0.01'),
  stepSize: d('0.001'),
  minQuantity: d('0.001'),
  maxQuantity: d('100'),
  minNotional: d('5'),
};

/** What holds where nobody has said anything: the required limits are nought. */
export const USUAL_LIMITS: Limits = effectiveLimits([], { ...KEY, venue: 'paper' }).limits;

const LIMITS: Limits = {
  ...USUAL_LIMITS,
  maxOrderNotional: d('1000'),
  maxInstrumentExposure: d('2000'),
  maxAccountExposure: d('3000'),
  maxOpenOrders: 3,
  collarBps: 50,
  takerFeeBps: 10,
  priceMaxAgeMs: 3_000,
  clockSkewMs: 500,
};

/** An account that has ordered nothing lately, alone at its venue. */
export const NOTHING_COUNTED = {
  missingLimits: [],
  overrides: [],
  recentOrders: { times: {}, entries: [] },
  repeats: 0,
  neighbours: { version: '0', gross: d('0'), net: d('0'), quotes: [] },
} as const satisfies Partial<RiskView>;

export const LEDGER: RiskView = {
  account: KEY.account,
  venue: 'paper',
  epoch: 1,
  mode: 'normal',
  latches: [],
  controlVersion: '3',
  riskVersion: '7',
  limits: LIMITS,
  ...NOTHING_COUNTED,
  activeVersion: '1',
  positions: [],
  workingOrders: [],
  balances: { USDT: d('10000') },
  instrument: RULES,
  watch: { sampledTime: NOW - 1_000, equityTime: NOW - 1_000, comparedTime: NOW - 1_000 },
  databaseTime: NOW,
};
