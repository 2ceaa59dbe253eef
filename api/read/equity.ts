import type { Day } from '../../core/ledger/day.js';
import type { Newest, Outside, Remembered, StoredStretch } from '../../core/ledger/equity-rebuild.js';
import { equitySeries } from '../../core/ledger/equity.js';
import { decimal, text, type DecimalText } from '../../core/money/index.js';
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
      where account = $1 and minute >= to_timestamp($2::bigint / 1000.0) and minute < to_timestamp($3::bigint / 1000.0) order by minute, stretch_id`,
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

/** How many stretches are held at a time, however many there are: a day and a half of minutes. */
const PAGE = 2_000;

/** Of a stretch that an earlier build has written only its figures are known. */
export type SeriesRow =
  | (StoredStretch & { readonly closing: DecimalText })
  | {
      readonly stretchId: string;
      readonly points: null;
      readonly outsideId: null;
      readonly remembered: Remembered | null;
      readonly closing: DecimalText;
    };

export interface SeriesPage {
  /** In the order in which they were written. */
  readonly rows: readonly SeriesRow[];
  /** Given with the last page, of the same moment: the newest sample; null: the account is not watched. */
  readonly newest: (Newest & { readonly version: string }) | null | undefined;
}

const amount = (column: string): string => `trim_scale(${column})::text`;
const REMEMBERED = `jsonb_build_object('peak', ${amount('peak')}, 'day', day, 'dayOpening', ${amount('day_opening')},
  'dayFlows', ${amount('day_flows')}, 'dayBasis', ${amount('day_basis')})`;
const POINT = (name: string): string => `'${name}', ${name}_of || jsonb_build_object('stored', ${amount(name)})`;

/** The stretch before that time, where there is one, and each since, page by page. */
export async function* equityStretches(database: Database, account: string, since: number): AsyncGenerator<SeriesPage> {
  const { rows } = await database.query<{ first: string }>(
    `select coalesce((select max(stretch_id) from account_equity where account = $1 and minute < to_timestamp($2::bigint / 1000.0)), 0)::text as first`,
    [account, since],
  );
  for (let from = rows[0]?.first ?? '0'; ;) {
    const page = await database.query<{ rows: SeriesPage['rows']; newest: SeriesPage['newest'] & object }>(
      `select coalesce((select jsonb_agg(jsonb_build_object('stretchId', stretch_id::text, 'closing', ${amount('closing')}, 'outsideId', outside_id::text,
            'remembered', case when peak is not null then ${REMEMBERED} end, 'points', null) || case when outside_id is null then '{}' else
            jsonb_build_object('time', (${epochMs('minute')})::bigint, 'quote', quote, 'step', coalesce(step, '{}'),
              'points', jsonb_build_object(${['opening', 'highest', 'lowest', 'closing'].map(POINT).join(', ')})) end order by stretch_id)
          from (select * from account_equity where account = $1 and stretch_id >= $2 order by stretch_id limit ${PAGE}) s), '[]') as rows,
        (select jsonb_build_object('version', version::text,
            'performance', ${REMEMBERED} || jsonb_build_object('equity', ${amount('known_equity')}),
            -- What is unexplained, or moves, is in the figures of the watch, and in no stretch.
            'figures', case when equity is not null and moving_since is null and coalesce(unexplained->'assets', '{}') = '{}' then jsonb_build_object('dailyPnl', ${amount('daily_pnl')},
              'dailyLossRatio', ${amount('daily_loss_ratio')}, 'drawdownRatio', ${amount('drawdown_ratio')}) end)
          from account_watch where account = $1 and known_equity is not null) as newest`,
      [account, from],
    );
    const found = page.rows[0]?.rows ?? [];
    const last = found.at(-1);
    if (last === undefined || found.length === 1) {
      yield { rows: found, newest: page.rows[0]?.newest ?? null };
      return;
    }
    // The last one is read once more when all before it are reckoned, which may take long: the watch goes on writing it, and what is told
    // of the watch has to be of a moment that is not over when it is written.
    yield { rows: found.slice(0, -1), newest: undefined };
    from = last.stretchId;
  }
}

/** What the venue held beside our ledger, from sample to sample. */
export async function equityOutsides(database: Database, account: string): Promise<readonly Outside[]> {
  const { rows } = await database.query<Omit<Outside, 'booking'> & { booking: string }>(
    `select outside_id::text as "outsideId", booking::text as booking, ledger, outside from account_outside where account = $1 order by outside_id`,
    [account],
  );
  return rows.map(({ booking, ...row }) => ({ ...row, booking: Number(booking) }));
}
