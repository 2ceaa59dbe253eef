import type { Pool } from 'pg';
import type { BarRange, MarketStore } from '../../activities/ports/store.js';
import type { Bar } from '../../core/bars/bar.js';
import { decimalTextOf } from '../../core/money/index.js';
import { jsonOf, run } from './pool.js';

interface BarRow {
  readonly open_time: string;
  readonly close_time: string;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
}

const SAVE_BARS = {
  name: 'save_bars',
  // A closed bar is stored once: whoever comes second changes nothing.
  text: `insert into bars (venue, instrument, interval_ms, open_time, close_time, open, high, low, close, volume, source)
    select $1, b->>'instrument', (b->>'intervalMs')::bigint, (b->>'openTime')::bigint, (b->>'closeTime')::bigint,
      (b->>'open')::numeric, (b->>'high')::numeric, (b->>'low')::numeric, (b->>'close')::numeric,
      (b->>'volume')::numeric, $3 from jsonb_array_elements($2::jsonb) b
    on conflict do nothing`,
};
const LAST_BARS = {
  name: 'last_bars',
  text: `select open_time, close_time, open, high, low, close, volume from bars
    where venue = $1 and instrument = $2 and interval_ms = $3 order by open_time desc limit $4`,
};
const NEWEST_HOLES = { name: 'newest_bar_holes', text: 'select newest_bar_holes($1::jsonb) as found' };
const NOTE_ABSENT = { name: 'note_bars_absent', text: 'select note_bars_absent($1::jsonb)' };
const SAVE_INSTRUMENTS = {
  name: 'save_instruments',
  // What is as it was is not written: every change of rules is told to those who hold them in memory.
  text: `with written as (
      insert into instruments as had (venue, instrument, rules)
        select $1, r->>'instrument', r from jsonb_array_elements($2::jsonb) r
        on conflict (venue, instrument) do update set rules = excluded.rules, updated_at = clock_timestamp()
        where had.rules is distinct from excluded.rules
        returning instrument, xmax <> 0 as was_known),
    unlisted as (
      update instruments set rules = rules - 'sales' || '{"trading": false, "status": "notListed"}', updated_at = clock_timestamp()
        where venue = $1 and instrument = any ($3) and rules->>'status' <> 'notListed'
        returning instrument)
    select instrument from written where was_known union all select instrument from unlisted`,
};
const SAVE_SNAPSHOT = {
  name: 'save_snapshot',
  text: `insert into account_snapshots (account, equity, quote, balances, marks)
    values ($1, $2::numeric, $3, $4::jsonb, $5::jsonb)`,
};

/** Bars, instruments and snapshots in Postgres. @throws KeelsonError INFRA_DATABASE from every method. */
export function createMarketStore(pool: Pool): MarketStore {
  return {
    async saveBars(venue, bars, source) {
      if (bars.length > 0) await run(pool, SAVE_BARS, [venue, JSON.stringify(bars), source]);
    },
    async lastBars(venue, instrument, intervalMs, count) {
      const rows = await run<BarRow>(pool, LAST_BARS, [venue, instrument, intervalMs, count]);
      return rows.reverse().map((row): Bar => {
        const { open, high, low, close, volume } = row;
        return {
          instrument,
          intervalMs,
          openTime: Number(row.open_time),
          closeTime: Number(row.close_time),
          open: decimalTextOf(open),
          high: decimalTextOf(high),
          low: decimalTextOf(low),
          close: decimalTextOf(close),
          volume: decimalTextOf(volume),
        };
      });
    },
    async newestHoles(of) {
      const [row] = await run<{ found: { readonly isNew: boolean; readonly holes: readonly BarRange[] } | null }>(pool, NEWEST_HOLES, [
        jsonOf(of),
      ]);
      return row?.found ?? undefined;
    },
    async noteAbsent(absent) {
      await run(pool, NOTE_ABSENT, [jsonOf(absent)]);
    },
    async saveInstruments(venue, rules, unlisted = []) {
      const rows = await run<{ instrument: string }>(pool, SAVE_INSTRUMENTS, [venue, JSON.stringify(rules), unlisted]);
      return rows.map((row) => row.instrument);
    },
    async saveSnapshot({ account, equity, quote, balances, marks }) {
      await run(pool, SAVE_SNAPSHOT, [account, equity, quote, JSON.stringify(balances), JSON.stringify(marks)]);
    },
  };
}
