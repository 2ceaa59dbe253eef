import { ScheduleNotFoundError, ScheduleOverlapPolicy, type Client, type ScheduleOptions } from '@temporalio/client';
import type { ReconcileScope } from '../../core/reconcile/rules.js';
import type { RunbookName } from '../../core/runbook/spec.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { CALENDAR_WORKFLOW_ID, reconcileWorkflowId, TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';
import { sha256 } from './calendar.js';

/** What is done by the clock. Every schedule of Keelson is declared here, and made or changed at the start of a guardian. */
export interface DeclaredSchedule {
  readonly id: string;
  /** Null: of no account. */
  readonly account: string | null;
  readonly workflowType: string;
  readonly args: readonly unknown[];
  readonly workflowId: string;
  readonly summary: string;
  readonly spec: ScheduleOptions['spec'];
  /** How late it is still done after something was away. */
  readonly catchUp: CatchUp;
  /** Due once a day: that it was left out is told. */
  readonly isDaily: boolean;
  /** Begun also while the one before is at work; else it is left out, and nobody hears of it. */
  readonly beginsBeside?: true;
  /** The key of the configuration that says when it is due; absent: nothing of it does. */
  readonly setting?: string;
}

/** A schedule that Temporal does not take as it is declared. */
export interface RefusedSchedule {
  readonly schedule: DeclaredSchedule;
  readonly detail: string;
}

/**
 * What is done again soon is not done late, and never in a burst after an outage. What is due once a day is worth having some hours
 * late, and then is one run, too.
 */
const AT_ONCE = '1 minute';
const SAME_DAY = '6 hours';
type CatchUp = typeof AT_ONCE | typeof SAME_DAY;
/** What ids of ours begin with, each before the account's name. */
const PREFIXES = ['reconcile', 'morningChecks', 'eveningChecks', 'calendar'] as const;
/** In the memo of what a schedule starts: the hash of all that was declared. */
const DECLARED = 'keelsonDeclared';
/** The longer ones of several accounts are not due in the same minute: a venue counts them together. */
const FIRST = { hour: 7, day: 20 } as const;
const SPREAD_MINUTES = 40;
const reconciliationsAt = (place: number): readonly { readonly scope: ReconcileScope; readonly spec: ScheduleOptions['spec'] }[] => [
  { scope: 'minute', spec: { intervals: [{ every: '1 minute' }], jitter: '5s' } },
  {
    scope: 'hour',
    spec: { intervals: [{ every: '1 hour', offset: `${FIRST.hour + (place % SPREAD_MINUTES)} minutes` }], jitter: '1 minute' },
  },
  // In the quiet after midnight UTC, by a zone that is named and knows no summer time.
  {
    scope: 'day',
    spec: { calendars: [{ hour: 0, minute: FIRST.day + (place % SPREAD_MINUTES) }], timezone: 'UTC', jitter: '1 minute' },
  },
];

/** When an account is checked each day: times such as `08:00`, in its own zone. */
export interface CheckTimes {
  readonly timeZone: string;
  readonly morning: string;
  readonly evening: string;
}

/** Instead of an account's name in the id of what is of none. */
export const OF_NO_ACCOUNT = '*';

/** Reads the economic calendar each so many minutes. */
export function calendarSchedule(refreshMinutes: number): DeclaredSchedule {
  return {
    id: `calendar:${OF_NO_ACCOUNT}`,
    account: null,
    workflowType: WORKFLOW_TYPES.refreshCalendar,
    args: [],
    workflowId: CALENDAR_WORKFLOW_ID,
    summary: 'economic calendar',
    setting: 'calendar.refreshMinutes',
    spec: { intervals: [{ every: `${refreshMinutes} minutes` }] },
    catchUp: AT_ONCE,
    isDaily: false,
  };
}

export function declaredSchedules(accounts: Readonly<Record<string, CheckTimes>>): DeclaredSchedule[] {
  return Object.entries(accounts).flatMap(([account, times], place) => [...reconciliations(account, place), ...checks(account, times)]);
}

/** In the zone's own time of day: summer time comes and goes, and the hour stays. */
function checks(account: string, { timeZone, ...times }: CheckTimes): DeclaredSchedule[] {
  return (['morning', 'evening'] as const).map((part) => {
    const [hour, minute] = times[part].split(':').map(Number);
    const runbook: RunbookName = `${part}Checks`;
    return {
      id: `${runbook}:${account}`,
      account,
      workflowType: WORKFLOW_TYPES.scheduledRunbook,
      args: [{ runbook, account, inputs: {} }],
      workflowId: `${runbook}:${account}`,
      summary: `${runbook} of ${account}`,
      setting: `accounts.${account}.checks`,
      spec: { calendars: [{ hour: hour ?? 0, minute: minute ?? 0 }], timezone: timeZone },
      catchUp: SAME_DAY,
      isDaily: true,
      // Its resource keeps it from doing anything beside the one before, and its end tells people what was not checked.
      beginsBeside: true,
    };
  });
}

const reconciliationId = (account: string, scope: string): string => `reconcile:${account}:${scope}`;
/** Of the schedule by which an account is compared in full each day. */
export const fullComparisonId = (account: string): string => reconciliationId(account, 'day');

function reconciliations(account: string, place: number): DeclaredSchedule[] {
  return reconciliationsAt(place).map(({ scope, spec }) => ({
    id: reconciliationId(account, scope),
    account,
    workflowType: WORKFLOW_TYPES.reconcileAccount,
    args: [{ account, scope }],
    workflowId: reconcileWorkflowId(account, scope),
    summary: `reconciliation of ${account}, each ${scope}`,
    spec,
    catchUp: scope === 'day' ? SAME_DAY : AT_ONCE,
    isDaily: scope === 'day',
  }));
}

/**
 * Makes the schedules as they are declared, and changes those that are otherwise; who does it twice, or beside another, changes
 * nothing. A pause that a person has set stays.
 * @param which `changed`: those that are not as they were declared last are set, and the others are not touched.
 * @returns those that Temporal does not take, as where it knows a time zone by another name: they stay as they were, and the others are set.
 */
export async function ensureSchedules(
  client: Client,
  schedules: readonly DeclaredSchedule[],
  taskQueue: string = TASK_QUEUES.guardian,
  which: 'all' | 'changed' = 'all',
): Promise<readonly RefusedSchedule[]> {
  const refused: RefusedSchedule[] = [];
  for (const one of schedules) {
    const options = optionsOf(one, taskQueue);
    if (which === 'changed' && (await isAsDeclared(client, options))) continue;
    try {
      await ensure(client, options);
    } catch (error) {
      // So the client tells of a refused `spec`, and of nothing else.
      if (!(error instanceof TypeError)) throw error;
      refused.push({ schedule: one, detail: error.message });
    }
  }
  return refused;
}

async function ensure(client: Client, options: ReturnType<typeof optionsOf>): Promise<void> {
  const { scheduleId } = options;
  try {
    await client.schedule.getHandle(scheduleId).update(({ state }) => ({ ...options, state }));
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    await client.schedule.create(options).catch(async (created: unknown) => {
      // Another guardian starts at the same time.
      if (await isThere(client, scheduleId)) return;
      throw created;
    });
  }
}

/**
 * Takes away the schedules of accounts that are not configured any more: they would start what no worker knows an account for.
 * Only those that start something on this task queue are ours.
 * @param configured accounts, and `OF_NO_ACCOUNT` where a calendar is.
 */
export async function removeSchedules(
  client: Client,
  configured: readonly string[],
  taskQueue: string = TASK_QUEUES.guardian,
): Promise<void> {
  for await (const { scheduleId } of client.schedule.list()) {
    const [prefix, account] = scheduleId.split(':');
    if (!PREFIXES.some((one) => one === prefix) || account === undefined || configured.includes(account)) continue;
    const handle = client.schedule.getHandle(scheduleId);
    try {
      const { action } = await handle.describe();
      if (action.taskQueue === taskQueue) await handle.delete();
    } catch (error) {
      // Another guardian was faster.
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
  }
}

/** By the mark that was left with it: a build that knows of none, or of another declaration, leaves no mark or another. */
async function isAsDeclared(client: Client, { scheduleId, action }: ReturnType<typeof optionsOf>): Promise<boolean> {
  try {
    const there = await client.schedule.getHandle(scheduleId).describe();
    return there.action.memo?.[DECLARED] === action.memo[DECLARED];
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return false;
    throw error;
  }
}

async function isThere(client: Client, id: string): Promise<boolean> {
  try {
    await client.schedule.getHandle(id).describe();
    return true;
  } catch {
    return false;
  }
}

function optionsOf(declaredOne: DeclaredSchedule, taskQueue: string) {
  const { id, account, workflowType, args, workflowId, summary, spec, catchUp, beginsBeside = false } = declaredOne;
  const policies = { overlap: beginsBeside ? ScheduleOverlapPolicy.ALLOW_ALL : ScheduleOverlapPolicy.SKIP, catchupWindow: catchUp };
  const action = {
    type: 'startWorkflow' as const,
    workflowType,
    workflowId,
    taskQueue,
    args: [...args],
    searchAttributes: {
      ...(account === null ? {} : { [SEARCH_ATTRIBUTES.account]: [account] }),
      [SEARCH_ATTRIBUTES.status]: ['running'],
    },
    staticSummary: summary,
  };
  const declared = sha256(JSON.stringify({ spec, policies, action }));
  return { scheduleId: id, spec, policies, action: { ...action, memo: { [DECLARED]: declared } } } satisfies ScheduleOptions;
}
