import { z } from 'zod';
import { epochMs, money, wholeOrNull, type Database } from './database.js';
import { decimal, time } from './schemas.js';

const ratio = z.string().describe('A share from 0 to 1, as a decimal.').nullable();

export const watchSchema = z.strictObject({
  account: z.string(),
  quote: z.string().nullable().describe('What the account reckons in; null as long as nobody has watched it.'),
  sampledTime: time.nullable(),
  ageMs: z.int().nullable().describe('Age of that sample; from 5 s on the watch is silent, and entries are denied.'),
  equity: decimal.nullable().describe('Null while it is not known.'),
  equityTime: time.nullable().describe('When it was known last.'),
  peak: decimal.nullable(),
  drawdownRatio: ratio,
  dayOpening: decimal.nullable().describe('What the account was worth when the UTC day began.'),
  dayFlows: decimal.nullable().describe('Deposits less withdrawals of the day: they are no profit.'),
  dailyPnl: decimal.nullable(),
  dailyLossRatio: ratio,
  exposure: decimal
    .nullable()
    .describe('What is held beside the quote asset and has a mark; what counts by its rule is in `details.unmarked`.'),
  conditions: z.array(z.string()).describe('What the last samples have shown, confirmed or not yet.'),
  details: z.record(z.string(), z.unknown()).describe('Open orders, clock skew, ages of balances and prices in ms, assets without a mark.'),
});
export type WatchStatus = z.output<typeof watchSchema>;

interface Row {
  account: string;
  quote: string | null;
  sampled_ms: string | null;
  age_ms: string | null;
  equity_ms: string | null;
  equity: string | null;
  peak: string | null;
  drawdown_ratio: string | null;
  day_opening: string | null;
  day_flows: string | null;
  daily_pnl: string | null;
  daily_loss_ratio: string | null;
  exposure: string | null;
  conditions: string[] | null;
  details: Record<string, unknown> | null;
}

const SHOWN = ['equity', 'peak', 'day_opening', 'day_flows', 'daily_pnl', 'exposure'];
/** As many digits as anybody reads; the row has them all. */
const RATIOS = ['drawdown_ratio', 'daily_loss_ratio'];

/** The newest sample of each account. */
export async function readWatch(database: Database): Promise<WatchStatus[]> {
  const amounts = [
    ...SHOWN.map((column) => `${money(`w.${column}`)} as ${column}`),
    ...RATIOS.map((column) => `${money(`round(w.${column}, 6)`)} as ${column}`),
  ];
  const { rows } = await database.query<Row>(
    `select a.account, w.quote, w.details, ${amounts.join(', ')}, ${epochMs('w.sampled_at')} as sampled_ms, ${epochMs('w.equity_at')} as equity_ms,
            floor(extract(epoch from clock_timestamp() - w.sampled_at) * 1000)::text as age_ms,
            (select array_agg(key order by key) from jsonb_object_keys(w.runs) key) as conditions
       from accounts a left join account_watch w using (account) order by a.account`,
  );
  return rows.map((row) => ({
    account: row.account,
    quote: row.quote,
    sampledTime: wholeOrNull(row.sampled_ms),
    ageMs: wholeOrNull(row.age_ms),
    equity: row.equity,
    equityTime: wholeOrNull(row.equity_ms),
    peak: row.peak,
    drawdownRatio: row.drawdown_ratio,
    dayOpening: row.day_opening,
    dayFlows: row.day_flows,
    dailyPnl: row.daily_pnl,
    dailyLossRatio: row.daily_loss_ratio,
    exposure: row.exposure,
    conditions: row.conditions ?? [],
    details: row.details ?? {},
  }));
}
