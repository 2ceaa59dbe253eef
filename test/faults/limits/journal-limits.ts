import { Decimal, ZERO, decimal } from '../../../core/money/index.js';
import type { JournalLine, JournalOrder } from '../../../exchange/journal/record.js';

/** Limits that can be seen at the venue. */
export interface SeenLimits {
  readonly maxOrderNotional: string;
  readonly maxStrategyExposure: string;
  readonly maxAccountExposure: string;
  readonly maxOpenOrders: number;
}

/** What is held is valued at what was paid; the gate has the last price, which differs by the venue's spread. */
const SPREAD = new Decimal('1.002');

interface Seen {
  readonly order: JournalOrder;
  executed: Decimal;
  paid: Decimal;
  isOpen: boolean;
}

/**
 * Every moment at which the venue saw more of an account than a limit lets it have, by the venue's own journal, which knows
 * nothing of the gate: worth of an order, open orders, and what is held and worked, of each strategy and of the whole account.
 */
export function brokenLimits(
  journal: readonly JournalLine[],
  limits: SeenLimits,
  strategyOf: (clientOrderId: string) => string,
): readonly string[] {
  const broken: string[] = [];
  const all = new Map<number, Seen>();
  const hold = (what: string, value: Decimal, limit: string): void => {
    if (value.gt(decimal(limit).mul(SPREAD))) broken.push(`${what}: ${value.toFixed()} over ${limit}`);
  };
  for (const { events } of journal) {
    for (const event of events) {
      if (event.type === 'order' && event.order.side === 'BUY') {
        const known = all.get(event.order.orderId) ?? { order: event.order, executed: ZERO, paid: ZERO, isOpen: true };
        known.isOpen = isOpen(event.order.status);
        all.set(event.order.orderId, known);
      }
      const filled = event.type === 'fill' ? all.get(event.orderId) : undefined;
      if (event.type !== 'fill' || filled === undefined) continue;
      filled.executed = decimal(event.executed);
      filled.paid = decimal(event.executedQuote);
      filled.isOpen = isOpen(event.status);
    }
    // A line happens as a whole.
    const orders = [...all.values()];
    const open = orders.filter((one) => one.isOpen).length;
    if (open > limits.maxOpenOrders) broken.push(`open orders: ${open} over ${limits.maxOpenOrders}`);
    hold('account', exposure(orders), limits.maxAccountExposure);
    for (const strategy of new Set(orders.map(({ order }) => strategyOf(order.clientOrderId)))) {
      const own = orders.filter(({ order }) => strategyOf(order.clientOrderId) === strategy);
      hold(strategy, exposure(own), limits.maxStrategyExposure);
    }
  }
  for (const { order } of all.values()) hold('order', decimal(order.price).mul(decimal(order.quantity)), limits.maxOrderNotional);
  return [...new Set(broken)];
}

function exposure(orders: readonly Seen[]): Decimal {
  return orders.reduce((sum, { order, executed, paid, isOpen: works }) => {
    const left = works ? decimal(order.quantity).minus(executed).mul(decimal(order.price)) : ZERO;
    return sum.plus(paid).plus(left);
  }, ZERO);
}

function isOpen(status: string): boolean {
  return status === 'NEW' || status === 'PARTIALLY_FILLED';
}
