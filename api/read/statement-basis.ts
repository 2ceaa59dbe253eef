import type { BookedMovement } from '../../core/ledger/statement.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import type { Database } from './database.js';
import { AMOUNTS, MOVEMENTS, type MovementRow } from './ledger.js';

/** What a statement begins with beside the fills, of one moment. */
export interface StatementBasis {
  /** Epoch ms; null: the account is not onboarded yet. */
  readonly onboardedTime: number | null;
  /** What the account held when it was onboarded, by asset. */
  readonly opening: Readonly<Record<string, DecimalText>>;
  /** In the order of their time; of a transfer, the account's own side. */
  readonly movements: readonly BookedMovement[];
}

/** @param until epoch ms; what happened then or later is left out */
export async function readStatementBasis(database: Database, account: string, until: number): Promise<StatementBasis> {
  const { rows } = await database.query<{
    answer: { onboardedTime: number | null; opening: Record<string, DecimalText>; movements: MovementRow[] };
  }>(
    `select jsonb_build_object(
       'onboardedTime', (select epoch_ms(onboarded_at) from accounts where account = $1),
       'opening', ${AMOUNTS('select asset, trim_scale(quantity - moved) from inventory where account = $1')},
       'movements', ${MOVEMENTS('', ' and m.event_time < $2')}) as answer`,
    [account, until],
  );
  const { onboardedTime = null, opening = {}, movements = [] } = rows[0]?.answer ?? {};
  return { onboardedTime, opening, movements: movements.map(({ amount, ...movement }) => ({ ...movement, amount: decimal(amount) })) };
}
