import { ScheduleNotFoundError, ScheduleOverlapPolicy, type Client, type ScheduleOptions } from '@temporalio/client';
import type { ReconcileScope } from '../../core/reconcile/rules.js';
import type { RunbookName } from '../../core/runbook/spec.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { reconcileWorkflowId, TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';

/** What is done by the clock. Every schedule of Keelson is declared here, and made or changed at the start of a guardian. */
export interface DeclaredSchedule {
  readonly id: string;
  readonly account: string;
  readonly workflowType: string;
  readonly args: readonly unknown[];
  readonly workflowId: string;
  readonly summary: string;
  readonly spec: ScheduleOptions['spec'];
}

/** Whatever was away, nothing that was due before is done late by more than this: never a burst after an outage. */
const CATCH_UP = '1 minute';
const RECONCILIATIONS: readonly { readonly scope: ReconcileScope; readonly spec: ScheduleOptions['spec'] }[] = [
  { scope: 'minute', spec: { intervals: [{ every: '1 minute' }], jitter: '5s' } },
  { scope: 'hour', spec: { intervals: [{ every: '1 hour', offset: '7 minutes' }], jitter: '1 minute' } },
  // In the quiet after midnight UTC, by a zone that is named and knows no summer time.
  { scope: 'day', spec: { calendars: [{ hour: 0, minute: 20 }], timezone: 'UTC', jitter: '1 minute' } },
];

/** When an account is checked each day: times such as `08:00`, in its own zone. */
export interface CheckTimes {
  readonly timeZone: string;
  readonly morning: string;
  readonly evening: string;
}

export function declaredSchedules(accounts: Readonly<Record<string, CheckTimes>>): DeclaredSchedule[] {
  return Object.entries(accounts).flatMap(([account, times]) => [...reconciliations(account), ...checks(account, times)]);
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
      spec: { calendars: [{ hour: hour ?? 0, minute: minute ?? 0 }], timezone: timeZone },
    };
  });
}

function reconciliations(account: string): DeclaredSchedule[] {
  return RECONCILIATIONS.map(({ scope, spec }) => ({
    id: `reconcile:${account}:${scope}`,
    account,
    workflowType: WORKFLOW_TYPES.reconcileAccount,
    args: [{ account, scope }],
    workflowId: reconcileWorkflowId(account, scope),
    summary: `reconciliation of ${account}, each ${scope}`,
    spec,
  }));
}

/**
 * Makes the schedules as they are declared, and changes those that are otherwise; who does it twice, or beside another, changes
 * nothing. A pause that a person has set stays.
 */
export async function ensureSchedules(
  client: Client,
  schedules: readonly DeclaredSchedule[],
  taskQueue: string = TASK_QUEUES.guardian,
): Promise<void> {
  for (const one of schedules) {
    const options = optionsOf(one, taskQueue);
    const handle = client.schedule.getHandle(one.id);
    try {
      await handle.update(({ state }) => ({ ...options, state }));
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
      await client.schedule.create(options).catch(async (created: unknown) => {
        // Another guardian starts at the same time.
        if (await isThere(client, one.id)) return;
        throw created;
      });
    }
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

function optionsOf({ id, account, workflowType, args, workflowId, summary, spec }: DeclaredSchedule, taskQueue: string) {
  return {
    scheduleId: id,
    spec,
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCH_UP },
    action: {
      type: 'startWorkflow' as const,
      workflowType,
      workflowId,
      taskQueue,
      args: [...args],
      searchAttributes: { [SEARCH_ATTRIBUTES.account]: [account], [SEARCH_ATTRIBUTES.status]: ['running'] },
      staticSummary: summary,
    },
  } satisfies ScheduleOptions;
}
