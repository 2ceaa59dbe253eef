import type { z } from 'zod';
import { tradedBy } from '../../core/ledger/booked-fill.js';
import { isSoldByHand } from '../../core/order/own-name.js';
import { epochMs, money, whole, wholeOrNull, type Database } from './database.js';
import type { fillSchema, orderSchema } from './schemas.js';

export type OrderRow = z.output<typeof orderSchema>;
export type FillRow = z.output<typeof fillSchema>;

export interface OrderFilter {
  readonly account?: string | undefined;
  readonly instrument?: string | undefined;
  /** Only orders that are not final yet. */
  readonly open: boolean;
  /** Intent id of the last order of the page before. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Orders, newest first. */
export async function readOrders(database: Database, filter: OrderFilter): Promise<OrderRow[]> {
  const { rows } = await database.query<
    Omit<OrderRow, 'createdAt' | 'updatedAt' | 'finalAt'> & { created_ms: string; updated_ms: string; final_ms: string | null }
  >(
    `select intent_id as "intentId", client_order_id as "clientOrderId", signal_id as "signalId", account, strategy,
            strategy_version as "strategyVersion", instrument, leg, side, purpose, order_type as type, status, time_in_force as "timeInForce",
            post_only as "postOnly", ${money('quantity')} as quantity, ${money('price')} as price, ${money('stop_price')} as "stopPrice",
            ${money('executed_quantity')} as "executedQuantity", ${money('executed_notional')} as "executedNotional",
            ${money('round(executed_notional / nullif(executed_quantity, 0), 18)')} as "averagePrice",
            case when final_at is null then ${money('quantity - executed_quantity')} else '0' end as "leavesQuantity",
            venue_order_id as "venueOrderId", ${reasons()},
            ${epochMs('created_at')} as created_ms, ${epochMs('updated_at')} as updated_ms, ${epochMs('final_at')} as final_ms
       from orders
      where ($1::text is null or account = $1) and ($2::text is null or instrument = $2)
        and (not $3 or final_at is null)
        and ($4::text is null or (created_at, intent_id) < (select created_at, intent_id from orders where intent_id = $4))
      order by orders.created_at desc, intent_id desc limit $5`,
    [filter.account ?? null, filter.instrument ?? null, filter.open, filter.before ?? null, filter.limit],
  );
  return rows.map(({ created_ms, updated_ms, final_ms, ...order }) => ({
    ...order,
    purpose: isSoldByHand(order.intentId) ? 'byHand' : order.purpose,
    createdAt: whole(created_ms),
    updatedAt: whole(updated_ms),
    finalAt: wholeOrNull(final_ms),
  }));
}

/** Fills, newest booking first. */
export async function readFills(
  database: Database,
  filter: { readonly account?: string | undefined; readonly intentId?: string | undefined; readonly limit: number },
): Promise<FillRow[]> {
  const { rows } = await database.query<Omit<FillRow, 'eventTime' | 'bookedAt'> & { event_ms: string; booked_ms: string }>(
    `select account, instrument, venue_trade_id as "venueTradeId", venue_order_id as "venueOrderId", intent_id as "intentId", origin, side,
            ${money('price')} as price, ${money('quantity')} as quantity, ${money('fee')} as fee, fee_asset as "feeAsset",
            liquidity_side as "liquiditySide", event_time::text as event_ms, ${epochMs('booked_at')} as booked_ms
       from fills
      where ($1::text is null or account = $1) and ($2::text is null or intent_id = $2)
      order by booked_at desc, venue_trade_id desc limit $3`,
    [filter.account ?? null, filter.intentId ?? null, filter.limit],
  );
  return rows.map(({ event_ms, booked_ms, ...fill }) => ({
    ...fill,
    origin: tradedBy(fill),
    eventTime: whole(event_ms),
    bookedAt: whole(booked_ms),
  }));
}

/** The stored failures as code and message; their values stay in the database. */
export function reasons(): string {
  return `(select coalesce(jsonb_agg(jsonb_build_object('code', f ->> 'code', 'message', f ->> 'message')), '[]')
             from jsonb_array_elements(failures) f) as failures`;
}
