import type { BookedFill } from '../../core/ledger/booked-fill.js';
import { FEE_PRICE_MAX_AGE_MS } from '../../core/ledger/fee-value.js';
import type { StoredLedger, StoredPosting } from '../../core/ledger/rebuild.js';
import type { ValuedFill } from '../../core/ledger/results.js';
import type { BookedMovement } from '../../core/ledger/statement.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import { money, type Database } from './database.js';

/** How many fills are held at a time, however many there are. */
const PAGE = 2_000;

type FillTexts = 'price' | 'quantity' | 'fee';
interface FillRow extends Omit<BookedFill, FillTexts | 'amount' | 'eventTime' | 'booking'>, Readonly<Record<FillTexts, string>> {
  readonly amount: string | null;
  readonly event_time: string;
  readonly booking: string;
}

const FILL = `f.account, f.instrument, f.venue_trade_id as "venueTradeId", f.venue_order_id as "venueOrderId", f.intent_id as "intentId",
  f.origin, f.side, ${money('f.price')} as price, ${money('f.quantity')} as quantity, ${money('f.amount')} as amount,
  ${money('f.fee')} as fee, f.fee_asset as "feeAsset",
  f.liquidity_side as "liquiditySide", f.event_time::text as event_time, f.booking::text as booking, o.strategy,
  o.strategy_version as "strategyVersion", b.base, b.quote`;
const FROM = (fills: 'fills' | 'standing_fills'): string => `from ${fills} f left join orders o using (intent_id) cross join lateral (select
  coalesce(o.base, split_part(f.instrument, '/', 1)) as base, coalesce(o.quote, split_part(f.instrument, '/', 2)) as quote) b`;

function fillOf({ event_time, booking, price, quantity, amount, fee, ...row }: FillRow): BookedFill {
  return {
    ...row,
    ...{ price: decimal(price), quantity: decimal(quantity), fee: decimal(fee) },
    amount: amount === null ? undefined : decimal(amount),
    ...{ eventTime: Number(event_time), booking: Number(booking) },
  };
}

/** The fills of an account as they count by now, in the venue's order, each with the price of a fee in a third asset; all of them, where no begin is given. */
export async function* fillsUntil(database: Database, account: string, until: number, from = 0): AsyncGenerator<ValuedFill> {
  for (let after = [String(from - 1), '0']; ;) {
    const { rows } = await database.query<FillRow & { feePrice: string | null }>(
      `select ${FILL}, case when f.fee <> 0 and f.fee_asset not in (b.base, b.quote) then
           ${money(`price_at(a.venue, f.fee_asset || '/' || b.quote, f.event_time, ${FEE_PRICE_MAX_AGE_MS})`)} end as "feePrice"
         ${FROM('standing_fills')} join accounts a on a.account = f.account
        where f.account = $1 and f.event_time < $2 and (f.event_time, f.booking) > ($3::bigint, $4::bigint) and f.event_time >= $5
        order by f.event_time, f.booking limit ${PAGE}`,
      [account, until, ...after, from],
    );
    for (const { feePrice, ...row } of rows) yield { ...fillOf(row), feePrice: feePrice === null ? undefined : decimal(feePrice) };
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = [last.event_time, last.booking];
  }
}

/** Everything that is stored of an account beside its fills, as of one moment, and the last fill that was booked by then. */
export interface LedgerState {
  readonly stored: StoredLedger;
  readonly movements: readonly { readonly movement: BookedMovement; readonly postings: readonly StoredPosting[] }[];
  readonly lastBooking: number;
}

/** Amounts by their names, from rows of both. */
export const AMOUNTS = (rows: string): string =>
  `coalesce((select jsonb_object_agg(name, amount::text) from (${rows}) amounts (name, amount)), '{}')`;
const POSTINGS = (of: string): string => `coalesce((select jsonb_agg(jsonb_build_object('ledgerAccount', e.ledger_account, 'asset', e.asset,
  'kind', e.kind, 'delta', trim_scale(e.delta)::text)) from ledger_entries e where ${of}), '[]')`;

/** What moved the account beside its fills, in the order of its time; of a transfer, the account's own side. `more`: further fields, `where`: which of them. */
export const MOVEMENTS = (more = '', where = ''): string =>
  `coalesce((select jsonb_agg(jsonb_build_object('movementId', m.movement_id, 'kind', m.kind, 'asset', m.asset,
       'amount', trim_scale(case when m.account = $1 then m.amount else -m.amount end)::text, 'eventTime', m.event_time${more})
       order by m.event_time, m.booked_at)
     from ledger_movements m where (m.account = $1 or m.counter_account = $1) and m.kind <> 'foreignFill'${where}), '[]')`;

/** One statement, so of one moment: what is booked meanwhile is in none of it. */
export async function readLedgerState(database: Database, account: string): Promise<LedgerState> {
  const { rows } = await database.query<{
    answer: Omit<LedgerState, 'movements' | 'stored'> & StoredState & { movements: PostedMovementRow[] };
  }>(
    `select jsonb_build_object(
       'lastBooking', (select coalesce(max(booking), 0) from fills where account = $1),
       'positions', coalesce((select jsonb_agg(jsonb_build_object('strategy', strategy, 'instrument', instrument,
           'quantity', trim_scale(quantity)::text, 'cost', trim_scale(cost)::text, 'realizedPnl', trim_scale(realized_pnl)::text))
         from positions where account = $1), '[]'),
       'positionSums', ${AMOUNTS(`select strategy || ' ' || instrument, trim_scale(quantity) from position_sums where account = $1`)},
       'balances', ${AMOUNTS('select asset, trim_scale(quantity) from ledger_balances where account = $1')},
       'moved', ${AMOUNTS('select asset, trim_scale(moved) from inventory where account = $1')},
       'opening', ${AMOUNTS('select asset, trim_scale(quantity - moved) from inventory where account = $1')},
       'auditedOpening', (select data->'inventory' from audit_events where account = $1 and kind = 'account.onboarded' order by event_id limit 1),
       'sums', ${AMOUNTS(`select ledger_account || ' ' || asset, trim_scale(sum(delta)) from ledger_entries where account = $1 group by ledger_account, asset`)},
       'orders', coalesce((select jsonb_agg(jsonb_build_object('intentId', o.intent_id, 'stored', trim_scale(o.executed_quantity)::text,
           'rebuilt', trim_scale(f.quantity)::text))
         from orders o cross join lateral (select coalesce(sum(quantity), 0) as quantity, coalesce(sum(quantity * price), 0) as notional
           from fills where intent_id = o.intent_id) f
         where o.account = $1 and (o.executed_quantity, o.executed_notional) <> (f.quantity, f.notional)), '[]'),
       'movements', ${MOVEMENTS(`, 'postings', ${POSTINGS('e.movement_id = m.movement_id and e.account = $1')}`)}) as answer`,
    [account],
  );
  const answer = rows[0]?.answer;
  if (answer === undefined) throw new Error('a select of one row gives one');
  const { lastBooking, movements, auditedOpening, ...stored } = answer;
  return {
    lastBooking,
    stored: { ...stored, auditedOpening: auditedOpening ?? undefined },
    movements: movements.map(({ postings, amount, ...movement }) => ({ movement: { ...movement, amount: decimal(amount) }, postings })),
  };
}

type StoredState = Omit<StoredLedger, 'auditedOpening'> & { readonly auditedOpening: StoredLedger['auditedOpening'] | null };
/** A movement as it is read. */
export interface MovementRow extends Omit<BookedMovement, 'amount'> {
  readonly amount: DecimalText;
}
interface PostedMovementRow extends MovementRow {
  readonly postings: readonly StoredPosting[];
}

/** Whether it was not taken back, and takes nothing back (the view `standing_fills`). */
const STANDS = `f.reverses is null and not exists (select from fills r where r.account = f.account and r.instrument = f.instrument
  and r.venue_order_id = f.venue_order_id and r.reverses = f.venue_trade_id)`;

/** The fills of a position as they count by now, in the order in which they were booked. */
export async function* standingFills(
  database: Database,
  { account, strategy, instrument }: Readonly<Record<'account' | 'strategy' | 'instrument', string>>,
): AsyncGenerator<BookedFill & { readonly rowId: string }> {
  for (let after = '0'; ;) {
    const { rows } = await database.query<FillRow & { rowId: string }>(
      `select ${FILL}, f.row_id as "rowId" ${FROM('standing_fills')}
        where f.account = $1 and o.strategy = $2 and f.instrument = $3 and f.booking > $4 order by f.booking limit ${PAGE}`,
      [account, strategy, instrument, after],
    );
    for (const { rowId, ...row } of rows) yield { ...fillOf(row), rowId };
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.booking;
  }
}

/** A fill with its entries. */
export interface PostedFill {
  readonly fill: BookedFill;
  readonly postings: readonly StoredPosting[];
  readonly stands: boolean;
  /** Whether a person has decided on it: nothing moves at the venue with it, so the watch has it beside the ledger. */
  readonly isDecided: boolean;
}

/** The fills of an account in the order in which they were booked, after one and up to the last one that is meant. */
export async function* bookedFills(database: Database, account: string, lastBooking: number, from = 0): AsyncGenerator<PostedFill> {
  for (let after = String(from); ;) {
    const { rows } = await database.query<FillRow & Pick<PostedFill, 'postings' | 'stands' | 'isDecided'>>(
      `select ${FILL}, ${POSTINGS(`e.account = f.account and e.venue_trade_id = f.venue_trade_id
           and e.intent_id is not distinct from f.intent_id and e.movement_id is not distinct from f.movement_id`)} as postings, ${STANDS} as stands,
           f.difference_id is not null as "isDecided"
         ${FROM('fills')} where f.account = $1 and f.booking > $2 and f.booking <= $3 order by f.booking limit ${PAGE}`,
      [account, after, lastBooking],
    );
    for (const { postings, stands, isDecided, ...row } of rows) yield { fill: fillOf(row), postings, stands, isDecided };
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.booking;
  }
}

/** The newest close of instruments by then, however old; undefined where there is none. */
export async function marksAt(
  database: Database,
  account: string,
  instruments: readonly string[],
  time: number,
): Promise<ReadonlyMap<string, DecimalText>> {
  const { rows } = await database.query<{ instrument: string; price: DecimalText | null }>(
    `select i.instrument, ${money('price_at(a.venue, i.instrument, $3, $3)')} as price
       from accounts a cross join unnest($2::text[]) i (instrument) where a.account = $1`,
    [account, instruments, time],
  );
  return new Map(rows.flatMap(({ instrument, price }) => (price === null ? [] : [[instrument, price]])));
}
