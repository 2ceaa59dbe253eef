import type { Day } from '../../core/ledger/day.js';
import { equitySeries } from '../../core/ledger/equity.js';
import { decimal, text } from '../../core/money/index.js';
import { epochMs, money, whole, type Database } from './database.js';

type Amounts = Readonly<Record<'opening' | 'highest' | 'lowest' | 'closing', string>>;
export interface EquityRow extends Amounts {
  readonly time: number;
}

/** What an account was worth, in stretches of so many milliseconds that begin with the day. */
export async function readEquityPoints(
  database: Database,
  account: string,
  { from, until }: Pick<Day, 'from' | 'until'>,
  stretchMs: number,
): Promise<EquityRow[]> {
  const { rows } = await database.query<Amounts & { minute_ms: string }>(
    `select ${epochMs('minute')} as minute_ms, ${money('opening')} as opening, ${money('highest')} as highest,
            ${money('lowest')} as lowest, ${money('closing')} as closing
       from account_equity
      where account = $1 and minute >= to_timestamp($2::bigint / 1000.0) and minute < to_timestamp($3::bigint / 1000.0) order by minute`,
    [account, from, until],
  );
  const points = rows.map(({ minute_ms, opening, highest, lowest, closing }) => ({
    time: whole(minute_ms) - from,
    ...{ opening: decimal(opening), highest: decimal(highest), lowest: decimal(lowest), closing: decimal(closing) },
  }));
  return equitySeries(points, stretchMs).map(({ time, opening, highest, lowest, closing }) => ({
    time: from + time,
    ...{ opening: text(opening), highest: text(highest), lowest: text(lowest), closing: text(closing) },
  }));
}
