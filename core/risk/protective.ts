import { effectiveMode } from '../control/mode.js';
import { failure, type Failure } from '../errors.js';
import { ZERO, type Decimal } from '../money/index.js';
import { takesMarketStops, type InstrumentRules } from '../order/instrument.js';
import type { OrderType } from '../order/order-type.js';
import { escapeIntentId, stopIntentId, type PositionKey } from '../protection/position-key.js';
import { approve, type GateVerdict } from './approved-order.js';
import { sellWithin, type OrderDraft } from './draft.js';
import { filterFailures, inOneOrder, isMarketable } from './filters.js';
import { freeToSell } from './free-to-sell.js';
import type { RiskView } from './view.js';

/** A stop as the owner of a position wants it. */
export interface StopWish {
  readonly sequence: number;
  readonly quantity: Decimal;
  readonly stopPrice: Decimal;
  /** What a stop-limit still sells at; reckoned with, and not sent, for a market stop. */
  readonly limitPrice: Decimal;
}

/**
 * The gate for stops: they need the position, the venue's filters and no kill latch, in every mode (P18, P19, P22). Pure.
 */
export function decideStop(key: PositionKey, wish: StopWish, ledger: RiskView): GateVerdict {
  const { quantity, stopPrice, limitPrice, sequence } = wish;
  const draft: OrderDraft = {
    purpose: 'stop',
    side: 'sell',
    type: stopType(quantity, ledger.instrument),
    postOnly: false,
    timeInForce: 'GTC',
    quantity,
    price: limitPrice,
    stopPrice,
    workingUntil: null,
    reference: stopPrice,
  };
  return verdictOf(key, draft, { intentId: stopIntentId(key, sequence), sequence }, ledger);
}

/** At the market where the venue has that now, and takes so much of it: a position too large for it is better protected by a limit than not. */
function stopType(quantity: Decimal, rules: InstrumentRules | undefined): OrderType {
  return rules !== undefined && takesMarketStops(rules) && isMarketable(quantity, rules) ? 'stopMarket' : 'stopLimit';
}

/**
 * The gate for what a stop should have sold and did not: the whole free position, or as much of it as the venue takes in one order, within a collar that its owner widens
 * (P21). Pure.
 */
export function decideEscape(
  key: PositionKey,
  wish: { readonly sequence: number; readonly collarBps: number },
  ledger: RiskView,
  reference: Decimal,
): GateVerdict {
  const rules = ledger.instrument;
  if (rules === undefined) return { kind: 'denied', failures: [unknownInstrument(key, ledger)] };
  const free = inOneOrder(freeToSell(key, ledger), rules);
  const draft = sellWithin(wish.collarBps, 'escape', free, reference, rules);
  return verdictOf(key, draft, { intentId: escapeIntentId(key, wish.sequence), sequence: wish.sequence }, ledger);
}

function verdictOf(
  key: PositionKey,
  draft: OrderDraft,
  id: { readonly intentId: string; readonly sequence: number },
  ledger: RiskView,
): GateVerdict {
  const { account, venue, instrument: rules } = ledger;
  if (rules === undefined) return { kind: 'denied', failures: [unknownInstrument(key, ledger)] };
  const failures: Failure[] = [];
  if (isKilled(key, ledger)) {
    failures.push(failure('RISK_KILLED', { account, scope: ledger.latches.map((latch) => latch.scope).join(', ') || venue }));
  }
  if (draft.quantity.gt(freeToSell(key, ledger)) || draft.quantity.lte(ZERO)) {
    failures.push(failure('RISK_NO_POSITION', { strategy: key.strategy, instrument: key.instrument }));
  }
  failures.push(...filterFailures(draft, rules, venue));
  return failures.length > 0 ? { kind: 'denied', failures } : { kind: 'approved', order: approve(draft, id, ledger, rules) };
}

/** Under a kill latch stops and escapes are the kill's alone (P22). */
export function isKilled(key: PositionKey, ledger: RiskView): boolean {
  const { account, venue, mode, latches } = ledger;
  return effectiveMode(mode, latches, { account, venue, strategy: key.strategy, instrument: key.instrument }) === 'killed';
}

function unknownInstrument(key: PositionKey, ledger: RiskView): Failure {
  return failure('RISK_INSTRUMENT_UNKNOWN', { venue: ledger.venue, instrument: key.instrument });
}
