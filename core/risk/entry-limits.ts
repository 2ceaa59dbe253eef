import { failure, type Failure } from '../errors.js';
import { amountOf, Decimal, ZERO, decimal, maximum, minimum, text, type DecimalText } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import { isDust, sellable } from '../protection/dust.js';
import { stopPricesOf } from '../protection/stop-price.js';
import type { TradeSignal } from '../signal/signal.js';
import { withFee, type OrderDraft } from './draft.js';
import { PROTOCOL } from './limits.js';
import { roomFailures } from './room.js';
import type { PositionView, RiskView, WorkingOrder } from './view.js';

/** Every limit of worth that an entry breaks: of itself, of what would be held and worked, and of what can be paid. */
export function entryLimitFailures(signal: TradeSignal, draft: OrderDraft, ledger: RiskView, rules: InstrumentRules): Failure[] {
  return [
    ...orderFailures(signal, draft, ledger),
    ...tickFailures(draft, rules),
    ...stopFailures(signal, draft, ledger, rules),
    ...roomFailures(signal, draft, ledger, rules),
    ...quoteFailures(signal, ledger, rules),
    ...exposureFailures(signal, draft, ledger),
    ...leverageFailures(draft, ledger, rules),
    ...balanceFailures(draft, ledger, rules),
  ];
}

function orderFailures(signal: TradeSignal, draft: OrderDraft, ledger: RiskView): Failure[] {
  const { limits } = ledger;
  const failures: Failure[] = [];
  const notional = draft.quantity.mul(draft.price);
  if (notional.gt(decimal(limits.maxOrderNotional))) {
    failures.push(failure('RISK_NOTIONAL_LIMIT', { notional: text(notional), limit: limits.maxOrderNotional }));
  }
  // The draft is priced within it; this holds whoever makes drafts to it. A buy far below the reference hurts nobody.
  const edge = draft.reference.mul(new Decimal(10_000 + limits.collarBps).div(10_000));
  if (draft.price.gt(edge)) {
    const { collarBps } = limits;
    failures.push(failure('RISK_PRICE_COLLAR', { price: text(draft.price), collarBps, reference: text(draft.reference) }));
  }
  if (ledger.workingOrders.length >= limits.maxOpenOrders) {
    const count = ledger.workingOrders.length;
    failures.push(failure('RISK_OPEN_ORDERS_LIMIT', { count, account: signal.account, limit: limits.maxOpenOrders }));
  }
  return failures;
}

/** What is bought must be able to leave: with a tick wider than the widest collar, no price under the last one lies in it. */
function tickFailures({ reference }: OrderDraft, { instrument, tickSize }: InstrumentRules): Failure[] {
  const widest = reference.mul(PROTOCOL.exitCollarMaxBps).div(10_000);
  if (decimal(tickSize).lte(widest)) return [];
  return [failure('RISK_TICK_TOO_COARSE', { instrument, tickSize, price: text(reference), maxPercent: PROTOCOL.exitCollarMaxBps / 100 })];
}

/** What is bought must be able to rest as a stop: less its fee, which may be paid in it, and at the price of its stop. Beside it counts what the position has. */
function stopFailures(signal: TradeSignal, draft: OrderDraft, ledger: RiskView, rules: InstrumentRules): Failure[] {
  const held = ledger.positions.find((one) => one.strategy === signal.strategy && one.instrument === signal.instrument);
  const kept = new Decimal(10_000 - ledger.limits.takerFeeBps).div(10_000);
  const quantity = sellable(draft.quantity.mul(kept).plus(decimal(held?.quantity ?? '0')), rules);
  const averagePrice = text(minimum(draft.reference, draft.price));
  const { limitPrice } = stopPricesOf({ averagePrice, stopDistanceRatio: signal.stopDistanceRatio }, rules);
  if (!isDust(quantity, limitPrice, rules)) return [];
  const { instrument, minQuantity, minNotional } = rules;
  const left = { quantity: text(quantity), price: text(limitPrice), notional: text(quantity.mul(limitPrice)) };
  return [failure('RISK_STOP_BELOW_MINIMUM', { instrument, ...left, minQuantity, minNotional })];
}

/** Exposures are added up as numbers, which says something in one quote asset only. A sale that works adds nothing. */
function quoteFailures({ account, instrument }: TradeSignal, ledger: RiskView, { quote }: InstrumentRules): Failure[] {
  const { venue, limits, neighbours, positions } = ledger;
  const buying = ledger.workingOrders.filter((one) => !decimal(one.reservedNotional).isZero());
  const own = [...positions.map((one) => one.instrument.split('/')[1] ?? one.instrument), ...buying.map((one) => one.quote)];
  const isVenueLimited = limits.maxVenueExposure !== null || limits.maxVenueNetExposure !== null;
  const scopes = [[account, own] as const, ...(isVenueLimited ? [[venue, neighbours.quotes] as const] : [])];
  return scopes.flatMap(([scope, quotes]) => {
    const others = [...new Set(quotes)].filter((one) => one !== quote);
    return others.length === 0 ? [] : [failure('RISK_MIXED_QUOTES', { scope, others: others.join(', '), instrument, quote })];
  });
}

type Counted = Pick<PositionView, 'strategy' | 'instrument'>;

function exposureFailures(signal: TradeSignal, draft: OrderDraft, ledger: RiskView): Failure[] {
  const { limits, neighbours } = ledger;
  const notional = draft.quantity.mul(draft.price);
  const all = (): boolean => true;
  const parts: readonly (readonly [string, (one: Counted) => boolean, DecimalText | null, DecimalText | null])[] = [
    [signal.instrument, (one) => one.instrument === signal.instrument, limits.maxInstrumentExposure, limits.maxInstrumentNetExposure],
    [signal.strategy, (one) => one.strategy === signal.strategy, limits.maxStrategyExposure, limits.maxStrategyNetExposure],
    [signal.account, all, limits.maxAccountExposure, limits.maxAccountNetExposure],
  ];
  const own = exposure(ledger, all);
  const atVenue = { gross: own.gross.plus(decimal(neighbours.gross)), net: own.net.plus(decimal(neighbours.net)) };
  return [
    ...parts.flatMap(([scope, counts, gross, net]) => beyond(scope, exposure(ledger, counts), notional, gross, net)),
    ...beyond(ledger.venue, atVenue, notional, limits.maxVenueExposure, limits.maxVenueNetExposure),
  ];
}

interface Exposure {
  readonly gross: Decimal;
  readonly net: Decimal;
}

function beyond(scope: string, held: Exposure, notional: Decimal, gross: DecimalText | null, net: DecimalText | null): Failure[] {
  const failures: Failure[] = [];
  const [grossAfter, netAfter] = [held.gross.plus(notional), held.net.plus(notional).abs()];
  if (gross !== null && grossAfter.gt(decimal(gross))) {
    failures.push(failure('RISK_EXPOSURE_LIMIT', { scope, exposure: text(grossAfter), limit: gross }));
  }
  if (net !== null && netAfter.gt(decimal(net))) {
    failures.push(failure('RISK_NET_EXPOSURE_LIMIT', { scope, exposure: text(netAfter), limit: net }));
  }
  return failures;
}

/**
 * What is held at cost, or sold short of its purchase, plus what working and unknown entries may still buy. For net exposure
 * the two signs are set off against each other; a sale that only works has sold nothing yet.
 */
function exposure(ledger: RiskView, counts: (one: Counted) => boolean): Exposure {
  const costs = ledger.positions.filter(counts).map((one) => decimal(one.cost));
  const working = sum(ledger.workingOrders.filter(counts).map((one: WorkingOrder) => decimal(one.reservedNotional)));
  return { gross: sum(costs.map((cost) => cost.abs())).plus(working), net: sum(costs).plus(working) };
}

function sum(values: readonly Decimal[]): Decimal {
  return values.reduce((total, value) => total.plus(value), ZERO);
}

/** A spot account holds no more than it can pay for: what it has in the quote asset and in positions, at cost. */
function leverageFailures(draft: OrderDraft, ledger: RiskView, rules: InstrumentRules): Failure[] {
  const { quote } = rules;
  const isQuoted = (instrument: string): boolean => instrument.endsWith(`/${quote}`);
  const held = sum(ledger.positions.filter((one) => isQuoted(one.instrument)).map((one) => decimal(one.cost).abs()));
  const working = sum(ledger.workingOrders.filter((one) => one.quote === quote).map((one) => decimal(one.reservedNotional)));
  const exposed = held.plus(working).plus(draft.quantity.mul(draft.price));
  const equity = held.plus(amountOf(ledger.balances, quote));
  if (exposed.lte(maximum(ZERO, equity).mul(PROTOCOL.spotLeverage))) return [];
  const { account } = ledger;
  return [failure('RISK_LEVERAGE', { account, exposure: text(exposed), equity: text(equity), quote, limit: PROTOCOL.spotLeverage })];
}

function balanceFailures(draft: OrderDraft, ledger: RiskView, rules: InstrumentRules): Failure[] {
  const reserved = sum(ledger.workingOrders.filter((one) => one.quote === rules.quote).map((one) => decimal(one.reservedNotional)));
  // The coins of a position are not there to pay with: its stop could not be for all of it any more.
  const held = sum(ledger.positions.filter((one) => one.instrument.startsWith(`${rules.quote}/`)).map((one) => decimal(one.quantity)));
  const free = amountOf(ledger.balances, rules.quote).minus(reserved).minus(held);
  const needed = withFee(draft.quantity.mul(draft.price), ledger);
  if (needed.lte(free)) return [];
  return [failure('RISK_FREE_BALANCE', { needed: text(needed), asset: rules.quote, free: text(free), account: ledger.account })];
}
