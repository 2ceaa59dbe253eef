import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { ownerWorkflowId, type PositionKey } from '../../core/protection/position-key.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { EPOCH_HEADER, killWorkflowId, WORKFLOW_TYPES } from '../../workflows/names.js';
import { epochOf, FIRST_EPOCH } from './epoch.js';
import { runningRun } from './running-run.js';
import { CALL_MS } from './told.js';

/** Those whose ids are used again: a run of before would take what is meant for the one of now, and do nothing with it. */
const OF_KEPT_IDS = [WORKFLOW_TYPES.protectPosition, WORKFLOW_TYPES.killSwitch];

interface Run {
  readonly workflowId: string;
  readonly runId: string;
}

/**
 * P31 where Temporal lived on: ends what it still runs for an account under another epoch in the place of those that are to be woken now. Their
 * activities are refused, so that each would end by itself, but only once it has taken the call that wakes it. All others are left to that.
 *
 * @param held what has to have an owner: it is asked for by its id, since Temporal's list may be late
 * @param failed told where the list cannot be read
 * @returns the ids of what was ended
 */
export async function endFormerRuns(
  client: Client,
  {
    account,
    epoch,
    held,
    failed,
    clock,
  }: {
    readonly account: string;
    readonly epoch: number;
    readonly held: readonly PositionKey[];
    readonly failed: (error: unknown) => void;
    readonly clock: () => number;
  },
): Promise<readonly string[]> {
  // Nothing can have been begun before the first.
  if (epoch === FIRST_EPOCH) return [];
  const runs = new Map<string, Run>();
  const within = <T>(call: () => Promise<T>): Promise<T> => client.withDeadline(clock() + CALL_MS, call);
  const types = OF_KEPT_IDS.map((type) => `'${type}'`).join(', ');
  const query = `WorkflowType in (${types}) and ExecutionStatus = 'Running' and ${SEARCH_ATTRIBUTES.account} = '${account}'`;
  try {
    await within(async () => {
      for await (const { workflowId, runId } of client.workflow.list({ query })) runs.set(runId, { workflowId, runId });
    });
  } catch (error) {
    // A halt does not wait for the list: what has to run is asked for by its id.
    failed(error);
  }
  for (const workflowId of [...held.map(ownerWorkflowId), killWorkflowId(account)]) {
    const runId = (await within(() => runningRun(client, workflowId)))?.runId;
    if (runId !== undefined) runs.set(runId, { workflowId, runId });
  }
  const ended: string[] = [];
  for (const { workflowId, runId } of runs.values()) {
    try {
      const begunUnder = await within(() => epochBegunUnder(client, { workflowId, runId }));
      // What a newer guardian has begun is its own: this one will end.
      if (typeof begunUnder === 'number' && begunUnder >= epoch) continue;
      await within(() => client.workflow.getHandle(workflowId, runId).terminate(`it was begun under another epoch than ${epoch} (P31)`));
      ended.push(workflowId);
    } catch (error) {
      // It has ended by itself, or another guardian was faster.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
  return ended;
}

/** What the first event of its history says: a run that goes on from another has it from there. */
async function epochBegunUnder(client: Client, execution: Run): Promise<unknown> {
  const { namespace } = client.options;
  const { history } = await client.workflowService.getWorkflowExecutionHistory({ namespace, execution, maximumPageSize: 1 });
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  return epochOf(started?.header?.fields?.[EPOCH_HEADER] ?? undefined);
}
