import { decimal, floorToStep } from '../../../core/money/index.js';
import type { InstrumentRules } from '../../../core/order/instrument.js';
import { wireText } from '../../../exchange/amount/units.js';
import { until } from './until.js';
import { ACCOUNT, INSTRUMENT, VENUE_ACCOUNT, type World } from './world.js';

/**
 * How an account stands when nothing is on its way any more: `protected`, held with one right stop that rests at the
 * venue; `flat`, nothing that could be sold is held, and no order is open anywhere; else what is missing. `open`: orders that are not final.
 */
export type Standing = { readonly open: number } & (
  | { readonly kind: 'protected' | 'flat' }
  | { readonly kind: 'moving'; readonly why: string }
);

interface OpenOrder {
  readonly clientOrderId: string;
  readonly purpose: string;
  readonly status: string;
  readonly quantity: string;
}

/**
 * Everything is seen at once on our side, and a moment later at the venue: what is settled stays so.
 * @param beside an entry that rests, by its client order id, and is left out
 */
export async function standing({ pool, paper }: World, beside = ''): Promise<Standing> {
  const { rows } = await pool.query<{ held: string; rules: InstrumentRules; open: readonly OpenOrder[] }>(
    `select (select coalesce(sum(quantity), 0)::text from positions where account = $1 and instrument = $2) as held,
       (select rules from instruments where instrument = $2) as rules,
       (select coalesce(jsonb_agg(jsonb_build_object('clientOrderId', client_order_id, 'purpose', purpose, 'status', status,
         'quantity', quantity::text)), '[]') from orders where account = $1 and final_at is null and client_order_id <> $3) as open`,
    [ACCOUNT, INSTRUMENT, beside],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('invariant: a query without a table gives one row');
  const sellable = floorToStep(decimal(row.held), decimal(row.rules.stepSize));
  const resting = paper.orders.open(VENUE_ACCOUNT, INSTRUMENT.replace('/', '')).filter((one) => one.clientOrderId !== beside);
  const open = row.open.length;
  const why = `${row.held} is held, the ledger has ${JSON.stringify(row.open)}, the venue ${resting.map((one) => one.clientOrderId).join()}`;
  const [order, another] = row.open;
  const [stop, second] = resting;
  if (another !== undefined || second !== undefined) return { open, kind: 'moving', why };
  if (order === undefined && stop === undefined) {
    const isDust = sellable.mul(50_000).lt(decimal(row.rules.minNotional));
    return isDust ? { open, kind: 'flat' } : { open, kind: 'moving', why };
  }
  const isRight =
    order?.purpose === 'stop' &&
    order.status === 'accepted' &&
    order.clientOrderId === stop?.clientOrderId &&
    decimal(order.quantity).eq(sellable) &&
    decimal(wireText(stop.quantity)).eq(sellable);
  return isRight ? { open, kind: 'protected' } : { open, kind: 'moving', why };
}

/** Waits until the account stands as one of these. */
export async function settled(
  world: World,
  kinds: readonly Standing['kind'][] = ['protected', 'flat'],
  beside?: string,
): Promise<Standing['kind']> {
  let last = '';
  const look = async (): Promise<Standing['kind'] | false> => {
    const now = await standing(world, beside);
    last = now.kind === 'moving' ? now.why : now.kind;
    return kinds.includes(now.kind) && now.kind;
  };
  return until(`the account is ${kinds.join(' or ')}`, look, () => last);
}
