import { ZERO, decimal, maximum, text, type Decimal } from '../../core/money/index.js';
import type { FillEvent, JournalLine, JournalOrder } from '../../exchange/journal/record.js';

interface Seen {
  readonly orderId: number;
  readonly clientOrderId: string;
  readonly side: string;
  readonly isStop: boolean;
  readonly quantity: Decimal;
  executed: Decimal;
  status: string;
}

const OPEN = new Set(['NEW', 'PARTIALLY_FILLED']);

/** What must hold in the venue's journal after each of its lines, for an account whose orders are all ours, all of `base`. */
class Held {
  readonly broken: string[] = [];
  private readonly orders = new Map<number, Seen>();
  private held = ZERO;
  private readonly base: string;

  constructor(base: string) {
    this.base = base;
  }

  see({ orderId, clientOrderId, side, orderType, quantity, executed, status }: JournalOrder): void {
    const isStop = orderType.startsWith('STOP_LOSS');
    this.orders.set(orderId, { orderId, clientOrderId, side, isStop, quantity: decimal(quantity), executed: decimal(executed), status });
  }

  fill({ orderId, side, quantity, commission, commissionAsset, executed, status }: FillEvent): void {
    const moved = decimal(quantity);
    this.held = side === 'BUY' ? this.held.plus(moved) : this.held.minus(moved);
    if (commissionAsset === this.base) this.held = this.held.minus(decimal(commission));
    const order = this.orders.get(orderId);
    if (order !== undefined) Object.assign(order, { executed: decimal(executed), status });
  }

  /** After a whole line. */
  check(seq: number): void {
    const stops = this.open().filter((order) => order.isStop);
    if (stops.length > 1)
      this.broken.push(`line ${seq}: ${stops.length} stops are open: ${stops.map((one) => one.clientOrderId).join(', ')}`);
    if (this.held.isNegative()) this.broken.push(`line ${seq}: oversold by ${text(this.held.negated())}`);
    const onSale = this.open()
      .filter((order) => order.side === 'SELL')
      .reduce((sum, order) => sum.plus(order.quantity).minus(order.executed), ZERO);
    if (onSale.gt(maximum(ZERO, this.held)))
      this.broken.push(`line ${seq}: ${text(onSale)} is on sale and only ${text(this.held)} is held`);
  }

  open(): readonly Seen[] {
    return [...this.orders.values()].filter((order) => OPEN.has(order.status));
  }
}

/**
 * What the journal shows to have been wrong at some moment: two stops at once, more sold or on sale than is held, an
 * order that is still open at the end. Each cause is told once.
 */
export function brokenRules(lines: readonly JournalLine[], account: string, base: string): string[] {
  const held = new Held(base);
  for (const { seq, events } of lines) {
    const before = held.broken.length;
    let touched = false;
    for (const event of events) {
      if (event.type === 'order' && event.order.account === account) held.see(event.order);
      else if (event.type === 'fill' && event.account === account) held.fill(event);
      else continue;
      touched = true;
    }
    if (touched && before === 0) held.check(seq);
  }
  return [...held.broken, ...held.open().map((order) => `still open at the venue: order ${order.clientOrderId}`)];
}

/** The type of each stop that the account has placed after a line. */
export function stopsPlaced(lines: readonly JournalLine[], account: string, afterSeq: number): string[] {
  const types = new Map<number, string>();
  for (const { seq, events } of lines) {
    if (seq <= afterSeq) continue;
    for (const event of events) {
      if (event.type !== 'order' || event.order.account !== account) continue;
      const { orderId, orderType } = event.order;
      if (orderType.startsWith('STOP_LOSS')) types.set(orderId, orderType);
    }
  }
  return [...types.values()];
}

/** How many orders the account has ever placed: after the end of a story there is none more. */
export function ordersPlaced(lines: readonly JournalLine[], account: string): number {
  const placed = new Set<number>();
  for (const { events } of lines) {
    for (const event of events) if (event.type === 'order' && event.order.account === account) placed.add(event.order.orderId);
  }
  return placed.size;
}
