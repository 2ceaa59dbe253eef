import { failure, type Failure } from '../errors.js';
import { decimal, maximum, type Decimal } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import { isDust, sellable } from '../protection/dust.js';
import type { TradeSignal } from '../signal/signal.js';
import type { OrderDraft } from './draft.js';
import type { PositionView, RiskView } from './view.js';

/**
 * Whether the venue has room for an entry and for the stop of what it buys. A position needs one stop, as does an entry that works; what has its stop already is counted
 * by that. Reservations move the version that a verdict is written over, so no two entries take the last place. What another hand has at rest is not known here: a
 * comparison that finds it pauses the account.
 */
export function roomFailures(
  { strategy, instrument }: TradeSignal,
  draft: OrderDraft,
  ledger: RiskView,
  rules: InstrumentRules,
): Failure[] {
  const working = ledger.workingOrders.filter((one) => one.instrument === instrument);
  const stops = working.filter(({ purpose }) => purpose === 'stop');
  const entering = working.filter(({ purpose }) => purpose === 'entry');
  const held = ledger.positions.filter((one) => one.instrument === instrument && needsStop(one, draft.reference, rules));
  const stopped = new Set(stops.map((one) => one.strategy));
  const inNeed = new Set([strategy, ...[...entering, ...held].map((one) => one.strategy)]);
  const unstopped = [...inNeed].filter((one) => !stopped.has(one)).length;
  const needed = { stops: stops.length + unstopped, orders: working.length + unstopped + 1 };
  const { maxStops, maxOrders } = rules;
  const { account, venue } = ledger;
  return [['stops', maxStops] as const, ['orders', maxOrders] as const].flatMap(([what, limit]) =>
    limit === undefined || needed[what] <= limit
      ? []
      : [failure('RISK_STOPS_FULL', { venue, limit, what, account, instrument, count: needed[what] })],
  );
}

/** Less than the venue takes has no stop. A stop is priced by what was paid, so the higher of both prices tells whether there will be one. */
function needsStop({ quantity, cost }: PositionView, reference: Decimal, rules: InstrumentRules): boolean {
  const sold = sellable(decimal(quantity), rules);
  return sold.gt(0) && !isDust(sold, maximum(reference, decimal(cost).div(decimal(quantity))), rules);
}
