import type { BookedMovement } from '../../core/ledger/statement.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import { money, type Database } from './database.js';

/** What a statement begins with beside the fills, of one moment. */
export interface StatementBasis {
  /** What the account held when it was onboarded, by asset. */
  readonly opening: Readonly<Record<string, DecimalText>>;
  /** In the order of their time; of a transfer, the account's own side. */
  readonly movements: readonly BookedMovement[];
}

/** @param until epoch ms; what happened then or later is left out */
export async function readStatementBasis(database: Database, account: string, until: number): Promise<StatementBasis> {
  const { rows } = await database.query<{ answer: { opening: Record<string, DecimalText>; movements: MovementRow[] } }>(
    `select jsonb_build_object(
       'opening', coalesce((select jsonb_object_agg(asset, ${money('quantity - moved')}) from inventory where account = $1), '{}'),
       'movements', coalesce((select jsonb_agg(jsonb_build_object('movementId', m.movement_id, 'kind', m.kind, 'asset', m.asset,
           'amount', ${money('case when m.account = $1 then m.amount else -m.amount end')}, 'eventTime', m.event_time)
           order by m.event_time, m.booked_at)
         from ledger_movements m
         where (m.account = $1 or m.counter_account = $1) and m.kind <> 'foreignFill' and m.event_time < $2), '[]')) as answer`,
    [account, until],
  );
  const { opening = {}, movements = [] } = rows[0]?.answer ?? {};
  return { opening, movements: movements.map(({ amount, ...movement }) => ({ ...movement, amount: decimal(amount) })) };
}

interface MovementRow extends Omit<BookedMovement, 'amount'> {
  readonly amount: DecimalText;
}
