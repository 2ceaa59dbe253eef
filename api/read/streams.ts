import type { z } from 'zod';
import type { Config } from '../../config/index.js';
import { INTERVALS } from '../../config/index.js';
import { money, type Database } from './database.js';
import type { streamSchema } from './schemas.js';

export type StreamStatus = z.output<typeof streamSchema>;

const LIVE_INTERVALS = 3;

/** The bars that the configured strategies wait for, and how fresh the last stored one of each is. */
export async function readStreams(database: Database, config: Config, now: number): Promise<StreamStatus[]> {
  const wanted = new Map<string, { venue: string; instrument: string; intervalMs: number }>();
  for (const strategy of config.strategies) {
    const venue = config.accounts[strategy.account]?.venue ?? '';
    for (const instrument of strategy.instruments) {
      const intervalMs = INTERVALS[strategy.interval];
      wanted.set(JSON.stringify([venue, instrument, intervalMs]), { venue, instrument, intervalMs });
    }
  }
  const list = [...wanted.values()];
  const { rows } = await database.query<{ position: string; close_ms: string; close: string; source: 'stream' | 'rest' }>(
    `select w.position::text, b.close_time::text as close_ms, ${money('b.close')} as close, b.source
       from unnest($1::text[], $2::text[], $3::bigint[]) with ordinality as w(venue, instrument, interval_ms, position)
      cross join lateral (
        select close_time, close, source from bars
         where bars.venue = w.venue and bars.instrument = w.instrument and bars.interval_ms = w.interval_ms
         order by open_time desc limit 1
      ) b`,
    [list.map((item) => item.venue), list.map((item) => item.instrument), list.map((item) => item.intervalMs)],
  );
  return list.map((item, index): StreamStatus => {
    const bar = rows.find((row) => Number(row.position) === index + 1);
    if (bar === undefined)
      return { ...item, lastBarCloseTime: null, lastBarClose: null, lastBarSource: null, ageMs: null, state: 'silent' };
    const ageMs = now - Number(bar.close_ms);
    return {
      ...item,
      lastBarCloseTime: Number(bar.close_ms),
      lastBarClose: bar.close,
      lastBarSource: bar.source,
      ageMs,
      state: ageMs <= LIVE_INTERVALS * item.intervalMs ? 'live' : 'stale',
    };
  });
}
