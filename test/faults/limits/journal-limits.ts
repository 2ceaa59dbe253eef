import { Decimal, ZERO, decimal } from '../../../core/money/index.js';
import type { LimitKey } from '../../../core/risk/limit-table.js';
import type { JournalLine, JournalOrder } from '../../../exchange/journal/record.js';

type AmountKey = Extract<LimitKey, `max${string}Exposure` | 'maxOrderNotional'>;

/** Limits that can be seen at the venue, those of each account alike; absent is none. */
export type SeenLimits = Readonly<Partial<Record<AmountKey, string> & Record<'maxOpenOrders' | 'collarBps' | 'takerFeeBps', number>>>;

/** What is known of an order besides what the venue says: who asked for it, and at which last price. */
export interface AskedOrder {
  readonly strategy: string;
  readonly reference: string;
}

export interface JudgeOptions {
  readonly asked: (clientOrderId: string) => AskedOrder;
  /** What an account had to spend at first: what takes fees into account leaves room for them. */
  readonly funds: string;
}

interface Seen {
  readonly order: JournalOrder;
  readonly asked: AskedOrder;
  executed: Decimal;
  paid: Decimal;
  isOpen: boolean;
}

/**
 * Every moment at which the venue saw more than a limit lets it have, by the venue's own journal, which knows nothing of the gate: worth
 * and price of an order, open orders, what is held and worked of an instrument, a strategy, an account and all accounts, and what fees
 * would cost beside it.
 */
export function brokenLimits(
  journal: readonly JournalLine[],
  limits: SeenLimits,
  { asked, funds }: JudgeOptions,
): readonly `${keyof SeenLimits}: ${string}`[] {
  const broken = new Set<`${keyof SeenLimits}: ${string}`>();
  const all = new Map<number, Seen>();
  const hold = (key: keyof SeenLimits, value: Decimal | number, of: string, limit: string | number | undefined = limits[key]): void => {
    if (limit !== undefined && decimal(String(value)).gt(limit)) broken.add(`${key}: ${String(value)} of ${of} over ${String(limit)}`);
  };
  for (const { events } of journal) {
    for (const event of events) {
      if (event.type === 'order') {
        const { order } = event;
        const known = all.get(order.orderId) ?? { order, asked: asked(order.clientOrderId), executed: ZERO, paid: ZERO, isOpen: true };
        known.isOpen = isOpen(order.status);
        all.set(order.orderId, known);
      }
      const filled = event.type === 'fill' ? all.get(event.orderId) : undefined;
      if (event.type !== 'fill' || filled === undefined) continue;
      filled.executed = decimal(event.executed);
      filled.paid = decimal(event.executedQuote);
      filled.isOpen = isOpen(event.status);
    }
    // A line happens as a whole.
    const orders = [...all.values()];
    const exposed = (scope: 'Instrument' | 'Strategy' | 'Venue' | 'Account', nameOf: (one: Seen) => string): void => {
      for (const [name, own] of groups(orders, nameOf)) {
        hold(`max${scope}Exposure`, sum(own.map(({ paid, ...one }) => paid.plus(worth(one)))), name);
        hold(`max${scope}NetExposure`, sum(own.map((one) => signed(one))).abs(), name);
      }
    };
    exposed('Venue', () => 'all accounts');
    exposed('Account', ({ order }) => order.account);
    exposed('Instrument', ({ order }) => `${order.symbol} in ${order.account}`);
    exposed('Strategy', ({ order, asked: { strategy } }) => `${strategy} in ${order.account}`);
    for (const [account, own] of groups(orders, ({ order }) => order.account)) {
      hold('maxOpenOrders', own.filter((one) => one.isOpen).length, account);
      const feeRatio = new Decimal(limits.takerFeeBps ?? 0).div(10_000);
      const spent = sum(own.map((one) => one.paid.plus(worth(one).mul(feeRatio.plus(1)))));
      hold('takerFeeBps', spent, account, limits.takerFeeBps === undefined ? undefined : funds);
    }
  }
  for (const { order, asked: of } of all.values()) {
    hold('maxOrderNotional', decimal(order.price).mul(decimal(order.quantity)), order.clientOrderId);
    hold('collarBps', decimal(order.price).div(of.reference).minus(1).mul(10_000), order.clientOrderId);
  }
  return [...broken];
}

/** What may still be bought, at most. */
function worth({ order, executed, isOpen: works }: Omit<Seen, 'paid'>): Decimal {
  return works && order.side === 'BUY' ? decimal(order.quantity).minus(executed).mul(decimal(order.price)) : ZERO;
}

/** A sale that only works has sold nothing yet. */
function signed(one: Seen): Decimal {
  return one.order.side === 'BUY' ? one.paid.plus(worth(one)) : one.paid.neg();
}

function groups(orders: readonly Seen[], nameOf: (one: Seen) => string): readonly (readonly [string, readonly Seen[]])[] {
  return [...new Set(orders.map(nameOf))].map((name) => [name, orders.filter((one) => nameOf(one) === name)]);
}

function sum(values: readonly Decimal[]): Decimal {
  return values.reduce((total, value) => total.plus(value), ZERO);
}

function isOpen(status: string): boolean {
  return status === 'NEW' || status === 'PARTIALLY_FILLED';
}
