import type { Fill, Order, OrderStatus } from '../matching/order.js';
import { unitsOf } from '../amount/units.js';
import { fillOf, orderOf } from './codec.js';
import type { JournalLine } from './record.js';

/** Orders and fills that are no longer in memory, read from the line of the journal in which they were completed. */
export interface Archive {
  order(offset: number, orderId: number): Order | undefined;
  fill(offset: number, orderId: number, tradeId: number): Fill | undefined;
}

/** The line in which an order ended has the whole order: as a step of its own, or as its beginning and its fills. */
export function archiveOf(lineAt: (offset: number) => JournalLine): Archive {
  return {
    order(offset, orderId) {
      const line = lineAt(offset);
      let order: Order | undefined;
      for (const event of line.events) {
        if (event.type === 'order' && event.order.orderId === orderId) order = orderOf(event.order);
        else if (event.type === 'fill' && event.orderId === orderId && order !== undefined) {
          order.executed = unitsOf(event.executed);
          order.executedQuote = unitsOf(event.executedQuote);
          order.status = event.status as OrderStatus;
          order.locked = unitsOf(event.locked);
          order.updateTime = line.time;
          if (order.status === 'FILLED') order.quantity = order.executed;
        }
      }
      return order;
    },
    fill(offset, orderId, tradeId) {
      const line = lineAt(offset);
      for (const event of line.events) {
        if (event.type === 'fill' && event.orderId === orderId && event.tradeId === tradeId) return fillOf(event, line.time);
      }
      return undefined;
    },
  };
}
