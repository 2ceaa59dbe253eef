import type pg from 'pg';
import { ZERO, decimal, text } from '../../core/money/index.js';
import { readJournal } from '../../exchange/journal/reader.js';
import type { FillEvent, JournalOrder } from '../../exchange/journal/record.js';

/** What the paper venue's own journal says of one of its accounts. */
export interface Witness {
  /** Venue orders by client order id; more than one is a doubled order. */
  readonly orders: ReadonlyMap<string, readonly JournalOrder[]>;
  readonly fills: readonly FillEvent[];
  readonly balances: ReadonlyMap<string, string>;
}

export function readWitness(journalFile: string, account: string): Witness {
  const orders = new Map<string, Map<number, JournalOrder>>();
  const fills: FillEvent[] = [];
  const balances = new Map<string, string>();
  readJournal(journalFile, ({ events }) => {
    for (const event of events) {
      if (event.type === 'order' && event.order.account === account) {
        const { clientOrderId, orderId } = event.order;
        const same = orders.get(clientOrderId) ?? new Map<number, JournalOrder>();
        orders.set(clientOrderId, same.set(orderId, event.order));
      }
      if (event.type === 'fill' && event.account === account) fills.push(event);
      if (event.type === 'balance' && event.account === account) {
        balances.set(event.asset, text(decimal(event.free).plus(decimal(event.locked))));
      }
    }
  });
  return { orders: new Map([...orders].map(([id, same]) => [id, [...same.values()]])), fills, balances };
}

/**
 * Everything in which the ledger of `account` and the venue's journal disagree: doubled or orphaned orders, fills that
 * one of them lacks, balances to the last unit, reservations and orders left open. Empty means that they agree.
 */
export async function disagreements(pool: pg.Pool, account: string, witness: Witness): Promise<string[]> {
  const found: string[] = [];
  for (const [id, orders] of witness.orders) {
    if (orders.length > 1) found.push(`doubled: ${orders.length} venue orders have the client order id ${id}`);
  }
  const { rows: ours } = await pool.query<{ client_order_id: string; status: string; is_open: boolean; reserved: boolean; rests: boolean }>(
    `select client_order_id, status, final_at is null as is_open, reserved_quantity <> 0 or reserved_notional <> 0 as reserved,
       purpose = 'stop' and status = 'accepted' and reserved_quantity <= coalesce((select p.quantity from positions p
         where (p.account, p.strategy, p.instrument) = (o.account, o.strategy, o.instrument)), 0) as rests
     from orders o where account = $1`,
    [account],
  );
  const known = new Map(ours.map((row) => [row.client_order_id, row]));
  for (const id of witness.orders.keys()) if (!known.has(id)) found.push(`orphaned: the venue has order ${id}, the ledger has not`);
  for (const [id, row] of known) {
    // A stop rests as long as its position is held; then the venue must have it open, too.
    if (row.rests && witness.orders.get(id)?.every((order) => order.status === 'NEW') === true) continue;
    if (row.is_open) found.push(`order ${id} is still ${row.status}`);
    if (row.reserved) found.push(`order ${id} still reserves`);
    const sent = witness.orders.has(id);
    if (sent && ['denied', 'notPlaced', 'rejected'].includes(row.status)) found.push(`order ${id} is ${row.status} and yet at the venue`);
  }
  found.push(...(await fillDifferences(pool, account, witness)), ...(await balanceDifferences(pool, account, witness)));
  return found;
}

async function fillDifferences(pool: pg.Pool, account: string, witness: Witness): Promise<string[]> {
  const { rows } = await pool.query<Record<'trade' | 'venue_order' | 'price' | 'quantity' | 'fee' | 'fee_asset', string>>(
    `select venue_trade_id as trade, venue_order_id as venue_order, price, quantity, fee, fee_asset from standing_fills where account = $1`,
    [account],
  );
  const line = (parts: readonly string[]): string => parts.join(' ');
  const booked = new Set(rows.map((row) => line([row.trade, row.venue_order, n(row.price), n(row.quantity), n(row.fee), row.fee_asset])));
  const told = new Set(
    witness.fills.map((one) =>
      line([String(one.tradeId), String(one.orderId), n(one.price), n(one.quantity), n(one.commission), one.commissionAsset]),
    ),
  );
  return [
    ...[...told].filter((one) => !booked.has(one)).map((one) => `not booked: fill ${one}`),
    ...[...booked].filter((one) => !told.has(one)).map((one) => `invented: fill ${one}`),
  ];
}

async function balanceDifferences(pool: pg.Pool, account: string, witness: Witness): Promise<string[]> {
  const { rows } = await pool.query<{ asset: string; quantity: string }>(
    `select asset, sum(quantity)::text as quantity from (
       select asset, quantity - moved as quantity from inventory where account = $1
       union all select asset, delta from ledger_entries where account = $1 and ledger_account = 'venue') parts group by asset`,
    [account],
  );
  const { rows: kept } = await pool.query<{ asset: string; differs: boolean }>(
    `select b.asset, b.quantity <> (select sum(delta) from ledger_entries e where e.account = b.account and e.asset = b.asset
         and e.ledger_account = 'venue' and e.movement_id is null) as differs
     from ledger_balances b where b.account = $1`,
    [account],
  );
  const ledger = new Map(rows.map((row) => [row.asset, n(row.quantity)]));
  const assets = new Set([...ledger.keys(), ...witness.balances.keys()]);
  return [
    ...kept.filter((row) => row.differs).map((row) => `the kept balance of ${row.asset} is not the sum of its entries`),
    ...[...assets]
      .filter((asset) => (ledger.get(asset) ?? '0') !== n(witness.balances.get(asset) ?? '0'))
      .map((asset) => `balance of ${asset}: ledger ${ledger.get(asset) ?? '0'}, venue ${witness.balances.get(asset) ?? '0'}`),
  ];
}

/** The same amount is the same text, however many zeros it was written with. */
function n(amount: string): string {
  const value = decimal(amount);
  return text(value.isZero() ? ZERO : value);
}
