import type { z } from 'zod';
import { decimal } from '../../core/money/index.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import { dustOf } from '../../core/protection/dust.js';
import { stopPricesOf } from '../../core/protection/stop-price.js';
import { epochMs, money, whole, type Database } from './database.js';
import type { positionSchema } from './schemas.js';

export type PositionRow = z.output<typeof positionSchema>;

/** Positions with the stop that rests for them and their mark, the close of the instrument's last bar (of the shortest interval) at the account's venue; flat ones only when asked for. */
export async function readPositions(
  database: Database,
  filter: { readonly account?: string | undefined; readonly flat: boolean },
): Promise<PositionRow[]> {
  const { rows } = await database.query<Omit<PositionRow, 'updatedAt' | 'dust'> & { updated_ms: string; rules: InstrumentRules | null }>(
    `select p.account, p.strategy, p.instrument, ${money('p.quantity')} as quantity,
            ${money('round(p.cost / nullif(p.quantity, 0), 18)')} as "averagePrice", ${money('p.cost')} as cost,
            ${money('stop.price')} as "stopPrice", ${money('stop.quantity')} as "stopQuantity", ${money('p.realized_pnl')} as "realizedPnl", ${money('m.close')} as mark,
            ${money('p.quantity * m.close - p.cost')} as "unrealizedPnl", ${epochMs('p.updated_at')} as updated_ms, i.rules
       from positions p
       join accounts a using (account)
       left join instruments i on i.venue = a.venue and i.instrument = p.instrument
       left join lateral (
         select close from bars b
          where b.venue = a.venue and b.instrument = p.instrument
            and b.interval_ms = (select min(interval_ms) from bars s where s.venue = a.venue and s.instrument = p.instrument)
          order by b.open_time desc limit 1
       ) m on true
       left join lateral (
         select min(o.stop_price) as price, sum(o.reserved_quantity) as quantity from orders o
          where o.account = p.account and o.strategy = p.strategy and o.instrument = p.instrument and o.purpose = 'stop'
            and o.status in ('accepted', 'partiallyFilled')
       ) stop on true
      where ($1::text is null or p.account = $1) and ($2 or p.quantity <> 0)
      order by p.account, p.strategy, p.instrument`,
    [filter.account ?? null, filter.flat],
  );
  return rows.map(({ updated_ms, rules, ...position }) => ({ ...position, dust: dust(position, rules), updatedAt: whole(updated_ms) }));
}

/** As the position's owner reckons it: by the price at which a stop would still sell. */
function dust({ quantity, averagePrice }: Pick<PositionRow, 'quantity' | 'averagePrice'>, rules: InstrumentRules | null): string | null {
  if (rules === null || averagePrice === null) return null;
  const { limitPrice } = stopPricesOf({ averagePrice, stopDistanceRatio: null }, rules);
  const found = dustOf(decimal(quantity), limitPrice, rules);
  return found.isZero() ? null : found.toFixed();
}
