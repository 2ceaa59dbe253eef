import { decimal, ZERO, type Decimal } from '../money/index.js';
import { unfilledOf } from '../order/stored-order.js';
import { PROTOCOL } from '../risk/limits.js';
import type { ReconcileRules } from './rules.js';
import type { BookedFill, BookedOrder, LedgerSight, SeenFill, VenueSight } from './sight.js';

/** Of what an order trades this share may be taken as a fee, also where no fill has shown so much. */
const FEE_SHARE = decimal('0.01');
/** In a third asset the fee may be so many times what fills have shown: its price moves, and a taker pays more than a maker. */
const FEE_ROOM = 10;
/** A sale may bring more than its limit: by as far as that may lie below the price, and as far as the price may have risen. */
const SOLD_ABOVE = decimal(String(2 * PROTOCOL.exitCollarMaxBps)).div(10_000);

/** What orders whose fills are not all known may have moved, and no more. */
export interface Excuses {
  /** Whether they may have moved the asset at all. */
  has(asset: string): boolean;
  /** Whether they may have moved it by this amount. */
  covers(asset: string, amount: Decimal): boolean;
}

/** Added up over all orders, by asset and direction: what is left of each at its price, and a fee that is generous. */
export function excusesOf(
  orders: readonly BookedOrder[],
  { venue, ledger, rules }: { readonly venue: VenueSight; readonly ledger: LedgerSight; readonly rules: Pick<ReconcileRules, 'excusedMs'> },
): Excuses {
  const ranges = new Map<string, { least: Decimal; most: Decimal }>();
  const unmeasured = new Set<string>();
  const may = (asset: string, amount: Decimal): void => {
    const { least, most } = ranges.get(asset) ?? { least: ZERO, most: ZERO };
    ranges.set(asset, amount.isNegative() ? { least: least.plus(amount), most } : { least, most: most.plus(amount) });
  };
  const fees = orders.length === 0 ? NO_FEES : feesSeen([...venue.fills, ...ledger.fills], ledger);
  for (const order of orders) {
    const quantity = unfilledOf(order);
    const notional = quantity.mul(priceOf(order));
    const sign = order.side === 'buy' ? 1 : -1;
    may(order.base, quantity.mul(sign));
    may(order.quote, notional.mul(-sign));
    may(order.base, quantity.mul(fees.share).neg());
    may(order.quote, notional.mul(fees.share).neg());
    for (const asset of fees.assets) {
      if (asset === order.base || asset === order.quote) continue;
      const rate = fees.rates.get(rateName(asset, order.quote));
      if (rate !== undefined) may(asset, notional.mul(rate).mul(FEE_ROOM).neg());
      else if (order.unchangedMs < rules.excusedMs) unmeasured.add(asset);
    }
  }
  return {
    has: (asset) => ranges.has(asset) || unmeasured.has(asset),
    covers(asset, amount) {
      if (unmeasured.has(asset) && amount.isNegative()) return true;
      const range = ranges.get(asset);
      return range !== undefined && amount.gte(range.least) && amount.lte(range.most);
    },
  };
}

/** The worst that a purchase pays, and the best that a sale may bring. */
function priceOf({ side, price, stopPrice }: BookedOrder): Decimal {
  const limit = decimal(price);
  if (side === 'buy') return limit;
  const woken = stopPrice === null ? limit : decimal(stopPrice);
  return (woken.gt(limit) ? woken : limit).mul(SOLD_ABOVE.plus(1));
}

interface FeesSeen {
  readonly assets: ReadonlySet<string>;
  /** The highest share of what was traded, where it was taken of that. */
  readonly share: Decimal;
  /** The highest fee in a third asset for a unit of a quote asset. */
  readonly rates: ReadonlyMap<string, Decimal>;
}

const NO_FEES: FeesSeen = { assets: new Set(), share: FEE_SHARE, rates: new Map() };
const rateName = (asset: string, quote: string): string => `${asset} ${quote}`;

function feesSeen(fills: readonly (SeenFill | BookedFill)[], { instruments }: LedgerSight): FeesSeen {
  const rates = new Map<string, Decimal>();
  let share = FEE_SHARE;
  for (const fill of fills) {
    const [base = fill.instrument, quote = ''] = fill.instrument.split('/');
    const names = instruments[fill.instrument] ?? { base, quote };
    const notional = typeof fill.amount === 'string' ? decimal(fill.amount) : decimal(fill.price).mul(decimal(fill.quantity));
    const of = fill.feeAsset === names.base ? decimal(fill.quantity) : notional;
    if (!of.gt(ZERO)) continue;
    const rate = decimal(fill.fee).div(of);
    if (fill.feeAsset === names.base || fill.feeAsset === names.quote) {
      if (rate.gt(share)) share = rate;
      continue;
    }
    const name = rateName(fill.feeAsset, names.quote);
    if (rate.gt(rates.get(name) ?? ZERO)) rates.set(name, rate);
  }
  return { assets: new Set(fills.map(({ feeAsset }) => feeAsset)), share, rates };
}
