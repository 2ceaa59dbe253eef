import type { DecimalText } from '../money/index.js';

export type Leg = 'open' | 'close';

/**
 * A strategy's decision at the close of one bar: open or close, never how much (protocol P3). It is unique for ever by
 * (account, strategy, instrument, barCloseTime, leg). Times are epoch milliseconds UTC.
 */
export interface TradeSignal {
  readonly account: string;
  readonly strategy: string;
  readonly strategyVersion: string;
  readonly instrument: string;
  readonly leg: Leg;
  readonly barCloseTime: number;
  readonly decidedTime: number;
  /** No order is sent for this signal after this moment. */
  readonly validUntil: number;
  /** The close of the bar: the price that the decision saw. */
  readonly referencePrice: DecimalText;
  readonly stopDistanceRatio: number;
  /** Standard deviation of the bars' returns as the strategy measured it; absent where it measures none. */
  readonly volatilityRatio?: number;
  readonly features: readonly number[];
  /** The model's probability and the threshold it had to reach; absent where no model gates this leg. */
  readonly score?: number;
  readonly threshold?: number;
  readonly modelHash?: string;
  readonly reason: string;
}

export const sideOf = ({ leg }: Pick<TradeSignal, 'leg'>): 'buy' | 'sell' => (leg === 'open' ? 'buy' : 'sell');

export type SignalKey = Pick<TradeSignal, 'account' | 'strategy' | 'instrument' | 'barCloseTime' | 'leg'>;

/** The signal's name for ever; `/` inside a part is written `-`, which no account or strategy name may hold twice over. */
export function signalId(key: SignalKey): string {
  return nameOfKey([key.account, key.strategy, key.instrument, String(key.barCloseTime), key.leg]);
}

/** Joins the parts of a key into a name for ids. @throws RangeError for a part that is none. */
export function nameOfKey(parts: readonly string[]): string {
  return parts.map((part) => assertPart(part.replace('/', '-'))).join(':');
}

export const SIGNAL_WORKFLOW_PREFIX = 'signal:';

/** The workflow that carries a signal: Temporal's refusal of a used id is the fast path of "once" (P1). */
export function signalWorkflowId(key: SignalKey): string {
  return `${SIGNAL_WORKFLOW_PREFIX}${signalId(key)}`;
}

/** What the ids of all such workflows of an account begin with, and no other's. */
export const signalWorkflowsOf = (account: string): string => `${SIGNAL_WORKFLOW_PREFIX}${nameOfKey([account])}:`;

/** The intent that a signal's n-th try makes; a further try is only made after a proven `notPlaced` (P14). */
export function intentIdOf(key: SignalKey, attempt = 1): string {
  return `${signalId(key)}:${attempt}`;
}

function assertPart(part: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(part)) throw new RangeError(`not a name for ids: ${JSON.stringify(part)}`);
  return part;
}
