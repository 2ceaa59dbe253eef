import { wireText, type Units } from '../amount/units.js';
import type { FaultRule, Target } from '../faults/rule.js';
import type { ExecutionReport } from '../matching/order.js';
import { isOpen, isWaiting } from '../matching/order.js';
import { isListOpen } from '../matching/order-lists.js';
import type { Committed } from '../matching/transaction.js';
import { SELF_TRADE_PREVENTION } from '../rest/render.js';
import type { Venue, VenueListener } from '../venue.js';

/** Somebody who reads an account's events. */
export interface UserReader {
  /** `event` is JSON text. */
  deliver(event: string): void;
  /** Ends the connection. */
  drop(): void;
}

/** Writes the user-data streams: each step of an order, and balances that changed. */
export class UserPublisher implements VenueListener {
  readonly #venue: Venue;
  readonly #readers = new Map<string, Set<UserReader>>();
  #executionId = 0;

  constructor(venue: Venue) {
    this.#venue = venue;
  }

  add(account: string, reader: UserReader): void {
    const readers = this.#readers.get(account) ?? new Set();
    readers.add(reader);
    this.#readers.set(account, readers);
  }

  remove(account: string, reader: UserReader): void {
    this.#readers.get(account)?.delete(reader);
  }

  readersOf(account: string): number {
    return this.#readers.get(account)?.size ?? 0;
  }

  publish(account: string, event: Record<string, unknown>): void {
    const readers = this.#readers.get(account);
    if (readers === undefined || readers.size === 0) return;
    this.#deliver([...readers], JSON.stringify(event));
  }

  onBalanceMoved(account: string, asset: string, amount: Units): void {
    const now = this.#venue.now();
    this.publish(account, { e: 'balanceUpdate', E: now, a: asset, d: wireText(amount), T: now });
  }

  onCommitted({ time, reports, balances }: Committed): void {
    for (const report of reports) {
      this.#executionId += 1;
      if ((this.#readers.get(report.order.account)?.size ?? 0) > 0) {
        this.#publishReport(report);
      }
    }
    this.#listStatuses(reports, time);
    for (const account of new Set(balances.map((balance) => balance.account))) {
      const own = balances.filter((balance) => balance.account === account);
      this.publish(account, {
        e: 'outboundAccountPosition',
        E: this.#venue.now(),
        u: time,
        B: own.map(({ asset, free, locked }) => ({ a: asset, f: wireText(free), l: wireText(locked) })),
      });
    }
  }

  onTick(): void {}

  onBarClosed(): void {}

  onMoment(): void {}

  onSnapshot(): void {}

  #listStatuses(reports: readonly ExecutionReport[], time: number): void {
    const touched = new Set(
      reports
        .filter(({ order, execution }) => order.orderListId >= 0 && (execution === 'NEW' || !isOpen(order)))
        .map(({ order }) => order.orderListId),
    );
    for (const orderListId of touched) {
      const list = this.#venue.lists.byId(orderListId);
      if (list === undefined) continue;
      const isExecuting = isListOpen(list);
      this.publish(list.account, {
        e: 'listStatus',
        E: this.#venue.now(),
        s: list.symbol,
        g: orderListId,
        c: 'OCO',
        l: isExecuting ? 'EXEC_STARTED' : 'ALL_DONE',
        L: isExecuting ? 'EXECUTING' : 'ALL_DONE',
        r: 'NONE',
        C: list.listClientOrderId,
        T: time,
        O: list.orders.map((order) => ({ s: order.symbol, i: order.orderId, c: order.clientOrderId })),
      });
    }
  }

  #publishReport(report: ExecutionReport): void {
    const { account, symbol, side, type, clientOrderId } = report.order;
    const readers = [...(this.#readers.get(account) ?? [])];
    const text = JSON.stringify(this.#executionReport(report));
    const target = { account, symbol, side, type, clientOrderId, execution: report.execution };
    const rule = this.#venue.faults.isEmpty ? undefined : this.#venue.faults.take('event', target, this.#venue.now());
    if (rule === undefined) {
      this.#deliver(readers, text);
      return;
    }
    this.#strike(rule, target);
    if (rule.fault === 'dropStream') for (const reader of readers) reader.drop();
    else if (rule.fault === 'delayEvent') setTimeout(() => this.#deliver(readers, text), rule.delayMs);
    else if (rule.fault === 'duplicateEvent') {
      this.#deliver(readers, text);
      this.#deliver(readers, text);
    }
  }

  /** The journal is told after the transaction that is being told now. */
  #strike(rule: FaultRule, target: Target): void {
    queueMicrotask(() => this.#venue.noteFault(rule, target));
  }

  #deliver(readers: readonly UserReader[], text: string): void {
    for (const reader of readers) reader.deliver(text);
  }

  #executionReport({ execution, order, fill, cancelClientOrderId, time }: ExecutionReport): Record<string, unknown> {
    return {
      e: 'executionReport',
      E: this.#venue.now(),
      s: order.symbol,
      c: cancelClientOrderId ?? order.clientOrderId,
      S: order.side,
      o: order.type,
      f: order.timeInForce,
      q: wireText(order.quantity),
      p: wireText(order.price),
      P: wireText(order.stopPrice),
      F: wireText(0n),
      g: order.orderListId,
      C: cancelClientOrderId === undefined ? '' : order.clientOrderId,
      x: execution === 'TRIGGERED' ? 'NEW' : execution,
      X: order.status,
      r: 'NONE',
      i: order.orderId,
      l: wireText(fill?.quantity ?? 0n),
      z: wireText(order.executed),
      L: wireText(fill?.price ?? 0n),
      n: wireText(fill?.commission ?? 0n),
      N: fill?.commissionAsset ?? null,
      T: time,
      t: fill?.tradeId ?? -1,
      I: this.#executionId,
      w: !isWaiting(order) && order.status !== 'FILLED',
      m: fill?.maker ?? false,
      M: fill !== undefined,
      O: order.time,
      Z: wireText(order.executedQuote),
      Y: wireText(fill?.quote ?? 0n),
      Q: wireText(order.quoteQuantity),
      W: order.workingTime,
      V: SELF_TRADE_PREVENTION,
    };
  }
}
