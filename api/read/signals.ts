import type { z } from 'zod';
import { money, whole, type Database } from './database.js';
import { reasons } from './orders.js';
import type { signalSchema } from './schemas.js';

export type SignalRow = z.output<typeof signalSchema>;

/** Signals, newest first, with what they were decided on. */
export async function readSignals(
  database: Database,
  filter: { readonly account?: string | undefined; readonly instrument?: string | undefined; readonly limit: number },
): Promise<SignalRow[]> {
  const { rows } = await database.query<
    Omit<SignalRow, 'barCloseTime' | 'decidedTime' | 'validUntil'> & { close_ms: string; decided_ms: string; valid_ms: string }
  >(
    `select signal_id as "signalId", account, strategy, strategy_version as "strategyVersion", instrument, leg,
            bar_close_time::text as close_ms, model_hash as "modelHash", features, score, threshold,
            ${money('reference_price')} as "referencePrice", stop_distance_ratio as "stopDistanceRatio", reason,
            decided_time::text as decided_ms, valid_until::text as valid_ms, outcome, ${reasons()}
       from signals
      where ($1::text is null or account = $1) and ($2::text is null or instrument = $2)
      order by recorded_at desc, signal_id desc limit $3`,
    [filter.account ?? null, filter.instrument ?? null, filter.limit],
  );
  return rows.map(({ close_ms, decided_ms, valid_ms, ...signal }) => ({
    ...signal,
    barCloseTime: whole(close_ms),
    decidedTime: whole(decided_ms),
    validUntil: whole(valid_ms),
  }));
}
