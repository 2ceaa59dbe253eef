import type { Pool } from 'pg';
import type { MissingKill, WatcherStore, WatchInputs, WatchSilenceStore, WatchStore } from '../../activities/ports/watch.js';
import { text, type DecimalText } from '../../core/money/index.js';
import type { LimitRow } from '../../core/risk/limit-rows.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import type { Observation, WatchState } from '../../core/watch/sample.js';
import type { Quantities } from '../../core/watch/valuation.js';
import { jsonOf, run } from './pool.js';

const READ = {
  name: 'read_watch_inputs',
  text: 'select read_watch_inputs($1::jsonb) as answer, missing_kill($2, $3) as "missingKill", limit_rows($2) as "limitRows", read_watch_beside($2) as beside',
};
const FILLS = { name: 'fills_between', text: 'select fills_between($1, $2, $3) as answer' };
/** A share of an equity may have no end of digits. */
const RATIO_PLACES = 30;
const WRITE = {
  name: 'write_watch_sample',
  text: `with written as materialized (select write_watch_sample($1::jsonb) as version)
    select version, keep_watch_beside($1::jsonb, version) from written`,
};

interface Answer {
  readonly databaseTime: number;
  readonly mode: Observation['mode'];
  readonly hold: Observation['hold'] | null;
  readonly version: string;
  readonly sampledTime: number | null;
  readonly performance: NonNullable<WatchState['performance']> | null;
  readonly today: NonNullable<Observation['today']> | null;
  /** Null before the first sample. */
  readonly seen: WatchInputs['seenAges'] | null;
  readonly pricing: NonNullable<WatchState['pricing']> | null;
  readonly external: NonNullable<WatchState['external']> | null;
  readonly runs: WatchState['runs'];
  readonly latchId: string | null;
  readonly latch: Observation['latch'];
  readonly ledger: Readonly<Record<string, DecimalText>>;
  readonly openOrders: number;
  readonly booking: string;
  readonly comparedTime: number;
  readonly held: WatchInputs['held'];
  readonly closes: WatchInputs['closes'];
}

interface Beside {
  readonly booked: Observation['booked'];
  readonly unexplained: NonNullable<WatchState['unexplained']> | null;
  readonly movingSince: number | null;
  readonly unnotedHalt: Observation['unnotedHalt'] | null;
}

interface Row {
  readonly answer: Answer | null;
  readonly missingKill: MissingKill | null;
  readonly limitRows: readonly LimitRow[];
  readonly beside: Beside | null;
}

/** The account watch in Postgres. @throws KeelsonError INFRA_DATABASE from every method. */
export function createWatchStore(pool: Pool): WatchStore {
  return {
    async read(account, instruments) {
      const asked = [jsonOf({ account, instruments }), account, PROTOCOL.killBegunMs];
      const rows = await run<Row>(pool, READ, asked);
      const got = rows[0]?.answer;
      const beside = rows[0]?.beside;
      if (!got || !beside) return undefined;
      const {
        databaseTime,
        sampledTime,
        performance,
        today,
        pricing,
        external,
        runs,
        latchId,
        mode,
        hold,
        version,
        latch,
        ledger,
        openOrders,
        booking,
        comparedTime,
        held,
        closes,
        seen,
      } = got;
      return {
        ...{
          now: databaseTime,
          lastTime: sampledTime ?? undefined,
          today: today ?? undefined,
          mode,
          hold: hold ?? undefined,
          version,
          latch,
          unnotedHalt: beside.unnotedHalt ?? undefined,
          ledger,
          booked: beside.booked,
          openOrders,
          limitRows: rows[0]?.limitRows ?? [],
          booking,
          comparedTime,
          held,
          missingKill: rows[0]?.missingKill ?? undefined,
          closes,
          seenAges: seen ?? undefined,
        },
        state: {
          performance: performance ?? undefined,
          pricing: pricing ?? undefined,
          external: external ?? undefined,
          unexplained: beside.unexplained ?? undefined,
          movingSince: beside.movingSince ?? undefined,
          runs,
          latchId: latchId ?? undefined,
        },
      };
    },
    async fillsBetween(account, after, upTo) {
      const rows = await run<{ answer: readonly Quantities[] }>(pool, FILLS, [account, after, upTo]);
      return rows[0]?.answer ?? [];
    },
    async write({ state, figures, mode, alerts, ...sample }) {
      const rows = await run<{ version: string | null }>(pool, WRITE, [
        jsonOf({
          ...sample,
          ...state,
          goodForMs: PROTOCOL.watchSilentMs,
          dailyPnl: figures?.dailyPnl,
          dailyLossRatio: figures && text(figures.dailyLossRatio.toDecimalPlaces(RATIO_PLACES)),
          drawdownRatio: figures && text(figures.drawdownRatio.toDecimalPlaces(RATIO_PLACES)),
          ...mode,
          mode: mode?.mode,
          alerts: alerts.map(({ key, severity, summary, condition }) => ({
            key,
            severity,
            summary,
            kind: `watch.${condition}`,
            subject: 'watch',
          })),
        }),
      ]);
      return typeof rows[0]?.version === 'string';
    },
  };
}

const TELL_WATCHING = { name: 'tell_watching', text: 'select tell_watching($1, $2) as answer' };
const END_WATCHING = { name: 'end_watching', text: 'delete from account_watchers where watcher = $1' };

/** Which guardians live, in Postgres. @throws KeelsonError INFRA_DATABASE from every method. */
export function createWatcherStore(pool: Pool): WatcherStore {
  return {
    async tell(accounts, watcher) {
      const rows = await run<{ answer: Readonly<Record<string, number>> }>(pool, TELL_WATCHING, [accounts, watcher]);
      return rows[0]?.answer ?? {};
    },
    async end(watcher) {
      await run(pool, END_WATCHING, [watcher]);
    },
  };
}

/** A clock that was set back makes no sample young. */
const SILENT_SINCE = {
  name: 'watch_silent_since',
  text: `select coalesce(epoch_ms(w.sampled_at)::text, 'never') as since from accounts a left join account_watch w using (account)
    where a.account = $1 and coalesce(abs(extract(epoch from clock_timestamp() - w.sampled_at)) * 1000 >= $2, true)`,
};
const RAISE = { name: 'raise_alert', text: 'select raise_alert($1::jsonb) as answer' };

/** Who is not watched, in Postgres. @throws KeelsonError INFRA_DATABASE from every method. */
export function createWatchSilenceStore(pool: Pool): WatchSilenceStore {
  return {
    async silentSince(account, silentForMs) {
      const rows = await run<{ since: string }>(pool, SILENT_SINCE, [account, silentForMs]);
      return rows[0]?.since;
    },
    async tellSilence(account, since) {
      const summary = `Nobody watches ${account}: entries are denied, and no loss halts it. See the guardian's log, and keelson watch.`;
      const alert = { key: `watch.silent:${account}:${since}`, account, severity: 'critical', kind: 'watch.silent', summary };
      await run(pool, RAISE, [jsonOf({ ...alert, subject: 'watch', data: { since } })]);
    },
  };
}
