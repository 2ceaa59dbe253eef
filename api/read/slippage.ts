import type { Day } from '../../core/ledger/day.js';
import type { WithoutMid } from '../../core/ledger/mid.js';
import { slippageOf } from '../../core/ledger/slippage.js';
import { decimal, text } from '../../core/money/index.js';
import type { SlippageReport } from '../ledger/schemas.js';
import { money, whole, type Database } from './database.js';

type Row = SlippageReport['orders'][0];
interface Executed extends Omit<Row, 'firstFillTime' | 'decision' | 'arrival' | 'mid' | 'withoutMid' | 'averagePrice'> {
  readonly first_ms: string;
  readonly notional: string;
  readonly decision: string | null;
  readonly arrival: string | null;
  readonly mid: string | null;
  readonly without_mid: WithoutMid | null;
}
const PRICE_PLACES = 18;

/**
 * Every order of ours whose first fill was on the day; what another hand has sent is none, for whomever it was booked or taken over. Decided at: the price that its signal saw; a stop's is its own. Arrived at:
 * the last price that was seen when the gate let it pass, and the middle of the book at that moment.
 */
export async function readSlippage(database: Database, account: string, { from, until }: Day): Promise<Row[]> {
  const { rows } = await database.query<Executed>(
    `select o.intent_id as "intentId", o.strategy, o.instrument, o.purpose, o.side, ${money('o.executed_quantity')} as quantity,
            ${money('o.executed_notional')} as notional, f.first::text as first_ms,
            ${money('coalesce(o.stop_price, s.reference_price)')} as decision,
            seen.data->>'arrivalPrice' as arrival, seen.data->>'arrivalMid' as mid, seen.data->>'withoutMid' as without_mid
       from (select d.intent_id, (select min(event_time) from fills where intent_id = d.intent_id) as first
               from fills d where d.account = $1 and d.event_time >= $2 and d.event_time < $3 and d.intent_id is not null
              group by d.intent_id) f
       join orders o using (intent_id) left join signals s using (signal_id)
       left join lateral (select e.data from audit_events e where e.kind = 'order.authorised' and e.data->>'intentId' = o.intent_id
              order by e.event_id limit 1) seen on true
      where f.first >= $2 and o.intent_id not like 'byHand:%' and o.intent_id not like 'adopted:%' and o.executed_quantity > 0 order by f.first, o.intent_id`,
    [account, from, until],
  );
  return rows.map(({ first_ms, notional, decision, arrival, mid, without_mid: withoutMid, ...order }) => {
    const executed = { side: order.side, quantity: decimal(order.quantity), notional: decimal(notional) };
    const against = (price: string | null): Row['decision'] => {
      const found = slippageOf(executed, price === null ? undefined : decimal(price));
      return found === undefined ? null : { price: text(found.price), bps: text(found.bps), cost: text(found.cost) };
    };
    return {
      ...order,
      averagePrice: text(executed.notional.div(executed.quantity).toDecimalPlaces(PRICE_PLACES)),
      ...{ firstFillTime: whole(first_ms), decision: against(decision), arrival: against(arrival), mid: against(mid) },
      withoutMid: mid === null ? (withoutMid ?? 'notNoted') : null,
    };
  });
}
