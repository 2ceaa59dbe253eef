import type { Pool } from 'pg';
import type { BegunStart, Left, Standing, TradingStateStore } from '../../activities/ports/trading-state.js';
import { KeelsonError } from '../../core/errors.js';
import type { StoredStream } from '../../core/start-up/bars.js';
import { jsonOf, run, type Statement } from './pool.js';

const CHANGE = { name: 'change_runbook_hold', text: 'select change_runbook_hold($1::jsonb) as answer' };
const STANDING = { name: 'read_runbook_hold', text: 'select read_runbook_hold($1::jsonb) as answer' };
const BARS = { name: 'read_stored_bars', text: 'select read_stored_bars($1::jsonb) as answer' };
const LEFT = { name: 'read_left', text: 'select read_left($1) as answer' };
const BEGUN_AGO = {
  name: 'begun_ms_ago',
  text: `select greatest(0, floor(extract(epoch from clock_timestamp() - started_at) * 1000))::float8 as answer from runbook_parts
    where run_id = $1 and name = $2 and part = 'action' and ended_at is null order by attempt desc limit 1`,
};
const BEGIN = { name: 'begin_system_start', text: 'select begin_system_start($1::jsonb) as answer' };

async function ask<T>(pool: Pool, statement: Statement, value: unknown): Promise<T> {
  const [row] = await run<{ answer: T | null }>(pool, statement, [value]);
  if (row === undefined || row.answer === null) throw new KeelsonError('INFRA_DATABASE', { detail: `${statement.name} gave no answer` });
  return row.answer;
}

export function createTradingStateStore(pool: Pool): TradingStateStore {
  return {
    standing: (account, runId) => ask<Standing>(pool, STANDING, jsonOf({ account, runId })),
    async change(account, runId, change, reason) {
      const { result, found } = await ask<{ result: string; found?: string }>(pool, CHANGE, jsonOf({ runId, ...change, reason }));
      if (result !== 'done') throw new KeelsonError('RISK_MODE_NOT_OURS', { account, found: found ?? result });
    },
    bars: (venue, streams) => ask<{ databaseTime: number; streams: readonly StoredStream[] }>(pool, BARS, jsonOf({ venue, streams })),
    async begunMsAgo(runId, step) {
      const [row] = await run<{ answer: number }>(pool, BEGUN_AGO, [runId, step]);
      return row?.answer ?? 0;
    },
    left: (account) => ask<Left>(pool, LEFT, account),
  };
}

/**
 * Begins the start-up of an account, once for each start of the system: the first process of it to come here takes the account into
 * observation, so that nothing is opened before the checks, whoever carries them out.
 */
export function beginSystemStart(
  pool: Pool,
  start: { readonly account: string; readonly start: string; readonly runId: string; readonly resource: string },
): Promise<BegunStart> {
  return ask<BegunStart>(pool, BEGIN, jsonOf(start));
}
