import { failure, type Failure } from '../errors.js';
import type { Decimal } from '../money/index.js';
import { ZERO, decimal, text } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import type { TradeSignal } from '../signal/signal.js';
import { isFresh, withFee, type OrderDraft } from './draft.js';
import type { LiveView, RiskView } from './view.js';
import { watchFailures } from './watch-heartbeat.js';

/** Every limit that an entry breaks. A missing input is a failure of its own: entries fail closed (design, 4.1). */
export function entryLimitFailures(
  signal: TradeSignal,
  draft: OrderDraft,
  ledger: RiskView,
  live: LiveView,
  rules: InstrumentRules,
): Failure[] {
  return [...liveFailures(signal, ledger, live), ...exposureFailures(signal, draft, ledger), ...balanceFailures(draft, ledger, rules)];
}

function liveFailures(signal: TradeSignal, ledger: RiskView, live: LiveView): Failure[] {
  const { limits, venue } = ledger;
  const failures: Failure[] = watchFailures(ledger);
  if (live.price === undefined) {
    failures.push(failure('RISK_PRICE_MISSING', { instrument: signal.instrument }));
  } else if (!isFresh(live.price, ledger)) {
    const { ageMs } = live.price;
    failures.push(failure('RISK_PRICE_STALE', { instrument: signal.instrument, ageMs, limitMs: limits.priceMaxAgeMs }));
  }
  if (live.clockSkewMs === undefined) {
    failures.push(failure('RISK_CLOCK_UNKNOWN', { venue }));
  } else if (!(Math.abs(live.clockSkewMs) <= limits.clockSkewMs)) {
    failures.push(failure('RISK_CLOCK_SKEW', { venue, skewMs: live.clockSkewMs, limitMs: limits.clockSkewMs }));
  }
  if (ledger.blocked !== undefined) {
    failures.push(failure('RISK_INSTRUMENT_BLOCKED', { instrument: signal.instrument, reason: ledger.blocked }));
  }
  // P11: while an order of the instrument is unknown, nothing is added to what may already be there.
  const unknown = ledger.workingOrders.find((one) => one.instrument === signal.instrument && one.status === 'unknown');
  if (unknown !== undefined) {
    const reason = `whether order ${unknown.intentId} was placed is not known yet`;
    failures.push(failure('RISK_INSTRUMENT_BLOCKED', { instrument: signal.instrument, reason }));
  }
  return failures;
}

function exposureFailures(signal: TradeSignal, draft: OrderDraft, ledger: RiskView): Failure[] {
  const { limits } = ledger;
  const failures: Failure[] = [];
  const notional = draft.quantity.mul(draft.price);
  if (notional.gt(decimal(limits.maxOrderNotional))) {
    failures.push(failure('RISK_NOTIONAL_LIMIT', { notional: text(notional), limit: limits.maxOrderNotional }));
  }
  const onInstrument = exposure(ledger, (instrument) => instrument === signal.instrument).plus(notional);
  if (onInstrument.gt(decimal(limits.maxInstrumentExposure))) {
    failures.push(exceeded(signal.instrument, onInstrument, limits.maxInstrumentExposure));
  }
  const onAccount = exposure(ledger, () => true).plus(notional);
  if (onAccount.gt(decimal(limits.maxAccountExposure))) {
    failures.push(exceeded(signal.account, onAccount, limits.maxAccountExposure));
  }
  if (ledger.workingOrders.length >= limits.maxOpenOrders) {
    const count = ledger.workingOrders.length;
    failures.push(failure('RISK_OPEN_ORDERS_LIMIT', { count, account: signal.account, limit: limits.maxOpenOrders }));
  }
  return failures;
}

/** What is held at cost, or sold short of its purchase, plus what working and unknown entries may still buy. */
function exposure(ledger: RiskView, counts: (instrument: string) => boolean): Decimal {
  const held = ledger.positions.filter((one) => counts(one.instrument)).map((one) => decimal(one.cost).abs());
  const working = ledger.workingOrders.filter((one) => counts(one.instrument)).map((one) => decimal(one.reservedNotional));
  return [...held, ...working].reduce((sum, value) => sum.plus(value), ZERO);
}

function exceeded(scope: string, value: Decimal, limit: string): Failure {
  return failure('RISK_EXPOSURE_LIMIT', { scope, exposure: text(value), limit });
}

function balanceFailures(draft: OrderDraft, ledger: RiskView, rules: InstrumentRules): Failure[] {
  const reserved = ledger.workingOrders
    .filter((one) => one.quote === rules.quote)
    .reduce((sum, one) => sum.plus(decimal(one.reservedNotional)), ZERO);
  const free = decimal(ledger.balances[rules.quote] ?? '0').minus(reserved);
  const needed = withFee(draft.quantity.mul(draft.price), ledger);
  if (needed.lte(free)) return [];
  return [failure('RISK_FREE_BALANCE', { needed: text(needed), asset: rules.quote, free: text(free), account: ledger.account })];
}
