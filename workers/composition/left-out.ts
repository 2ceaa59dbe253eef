import { ScheduleNotFoundError, type Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Reconciliations } from '../../activities/ports/reconcile.js';
import { jsonOf, run } from '../../adapters/store/pool.js';
import type { ScheduleFacts } from '../../core/checks/facts.js';
import { KeelsonError } from '../../core/errors.js';
import { fullComparisonId, type DeclaredSchedule, type RefusedSchedule } from './schedules.js';

/** It is made each day; who comes an hour late has not left it out. */
const FULL_DUE_MS = 25 * 3_600_000;
const FULL_DUE = { name: 'is_full_comparison_due', text: 'select is_full_comparison_due($1, $2) as answer' };
const RAISE = { name: 'raise_alert', text: 'select raise_alert($1::jsonb) as answer' };

/** How schedules that are declared stand. @throws where Temporal does not answer */
export async function scheduleFacts(client: Client, declared: readonly Pick<DeclaredSchedule, 'id'>[]): Promise<ScheduleFacts[]> {
  return Promise.all(
    declared.map(async ({ id }) => {
      try {
        const { state, info } = await client.schedule.getHandle(id).describe();
        const { numActionsMissedCatchupWindow: missed, numActionsSkippedOverlap: skipped } = info;
        return { id, state: { isPaused: state.paused, note: state.note ?? '', missed, skipped } };
      } catch (error) {
        if (!(error instanceof ScheduleNotFoundError)) throw error;
        return { id, state: null };
      }
    }),
  );
}

/**
 * Has accounts compared in full that were not for more than a day, as where the machine sleeps each night while that is due. One that is at
 * work already is enough. What a person has paused is not made up for: it is not left out, but not wished.
 */
export async function makeUpForDays(
  pool: Pool,
  client: Client,
  reconciliations: Reconciliations,
  accounts: readonly string[],
): Promise<void> {
  for (const account of accounts) {
    const [row] = await run<{ answer: boolean | null }>(pool, FULL_DUE, [account, FULL_DUE_MS]);
    if (row?.answer !== true) continue;
    const [facts] = await scheduleFacts(client, [{ id: fullComparisonId(account) }]);
    if (facts?.state?.isPaused !== true) await reconciliations.start(account, 'day');
  }
}

/**
 * Tells people what of a day’s work the clock has left out, once for each time. What is done again within the hour is not told: whether
 * comparisons go on is watched by their results.
 */
export async function tellLeftOut(pool: Pool, client: Client, declared: readonly DeclaredSchedule[]): Promise<void> {
  const daily = declared.filter(({ isDaily }) => isDaily);
  const facts = await scheduleFacts(client, daily);
  for (const { id, account } of daily) {
    const state = facts.find((one) => one.id === id)?.state;
    if (!state || state.missed + state.skipped === 0) continue;
    const [name] = id.split(':');
    const madeUp =
      name === 'reconcile'
        ? state.isPaused
          ? 'It is paused by now: keelson reconcile --deep compares the account in full.'
          : 'The account is compared in full within minutes.'
        : `keelson runbooks run ${name} --account ${account} makes up for the last one.`;
    await run(pool, RAISE, [
      jsonOf({
        ...{
          key: `schedule.leftOut:${id}:${state.missed}:${state.skipped}`,
          account,
          kind: 'schedule.leftOut',
          severity: 'warning',
          subject: 'guardian',
        },
        summary: `${id} was due and not begun: by now ${state.missed} times since nothing could start it for hours, and ${state.skipped} times since the one before was at work. ${madeUp}`,
        data: { schedule: id, missed: state.missed, skipped: state.skipped },
      }),
    ]);
  }
}

/** Tells people of schedules that Temporal does not take, once for each reason: what they would begin is left out. */
export async function tellRefused(pool: Pool, refused: readonly RefusedSchedule[], log: Pick<Logger, 'error'>): Promise<void> {
  for (const { schedule, detail } of refused) {
    const { id, account, setting = 'this build' } = schedule;
    const { failure, message } = new KeelsonError('CONFIG_SCHEDULE', { schedule: id, setting, detail });
    log.error({ code: failure.code, account, schedule: id }, message);
    const alert = { key: `schedule.refused:${id}:${detail}`, account, kind: 'schedule.refused', severity: 'error', subject: 'guardian' };
    await run(pool, RAISE, [jsonOf({ ...alert, summary: message, data: { schedule: id, detail } })]);
  }
}
