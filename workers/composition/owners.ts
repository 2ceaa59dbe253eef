import { ApplicationFailure } from '@temporalio/common';
import { WithStartWorkflowOperation, WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import type { Owners } from '../../activities/ports/owners.js';
import { KeelsonError, type ErrorCode } from '../../core/errors.js';
import { ownerWorkflowId, type PositionKey } from '../../core/protection/position-key.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';
import { exitUpdate, positionChangedSignal } from '../../workflows/protect-position/messages.js';
import { endIfStuck } from './stuck-runs.js';

/** A call that waits for an exit is made again after this long, with the same id. */
const EXIT_CALL_MS = 20_000;
const WAKE_CALL_MS = 5_000;
/** Of an owner's answer to a signal that is not its own. */
const REFUSED = 'INPUT_INVALID' satisfies ErrorCode;

/** The owners of positions, as workflows on the guardian's queue; whoever asks first starts one. */
export function createOwners(client: Client, clock: () => number, taskQueue: string = TASK_QUEUES.guardian): Owners {
  const told = async <T>(limitMs: number, work: () => Promise<T>): Promise<T> => {
    try {
      return await client.withDeadline(clock() + limitMs, work);
    } catch (error) {
      // What an owner refuses for good stays refused; everything else is asked again.
      if (isRefusal(error)) throw new KeelsonError('INPUT_INVALID', { problems: detailOf(error) }, { cause: error });
      throw new KeelsonError('INFRA_TEMPORAL', { detail: detailOf(error) }, { cause: error });
    }
  };
  const wake: Owners['wake'] = async (key) => {
    await told(WAKE_CALL_MS, () =>
      client.workflow.signalWithStart(WORKFLOW_TYPES.protectPosition, { ...startOf(key, taskQueue), signal: positionChangedSignal }),
    );
  };
  const endStuck = (key: PositionKey): Promise<boolean> => told(WAKE_CALL_MS, () => endIfStuck(client, ownerWorkflowId(key), clock()));
  return {
    exit: (signal) =>
      told(EXIT_CALL_MS, () =>
        client.workflow.executeUpdateWithStart(exitUpdate, {
          args: [signal],
          updateId: intentIdOf(signal),
          startWorkflowOperation: new WithStartWorkflowOperation(WORKFLOW_TYPES.protectPosition, {
            ...startOf(signal, taskQueue),
            workflowIdConflictPolicy: 'USE_EXISTING',
          }),
        }),
      ).catch(async (error: unknown) => {
        // Asked again it finds one that answers.
        if (error instanceof KeelsonError && error.failure.code === 'INFRA_TEMPORAL') await endStuck(signal).catch(() => false);
        throw error;
      }),
    wake,
    revive: async (key) => {
      const wasStuck = await endStuck(key);
      await wake(key);
      return wasStuck;
    },
    tell: (key) =>
      told(WAKE_CALL_MS, async () => {
        try {
          await client.workflow.getHandle(ownerWorkflowId(key)).signal(positionChangedSignal);
        } catch (error) {
          if (!(error instanceof WorkflowNotFoundError)) throw error;
        }
      }),
  };
}

function startOf({ account, strategy, instrument }: PositionKey, taskQueue: string) {
  const key: PositionKey = { account, strategy, instrument };
  return {
    taskQueue,
    workflowId: ownerWorkflowId(key),
    args: [key],
    // A guardian that dies inside a task is replaced after this long.
    workflowTaskTimeout: '5s' as const,
    searchAttributes: {
      [SEARCH_ATTRIBUTES.account]: [account],
      [SEARCH_ATTRIBUTES.instrument]: [instrument],
      [SEARCH_ATTRIBUTES.strategy]: [strategy],
      [SEARCH_ATTRIBUTES.status]: ['initialized'],
    },
    staticSummary: `owner of ${strategy}’s position in ${instrument} (${account})`,
  };
}

/** By its type: that its run has ended under a call is told as a failure which is not to be asked again, too, and the next run answers it. */
function isRefusal(error: unknown): boolean {
  return error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure && error.cause.type === REFUSED;
}

function detailOf(error: unknown): string {
  if (error instanceof WorkflowUpdateFailedError) return `the owner failed: ${error.cause?.message ?? error.message}`;
  return error instanceof Error ? error.message : String(error);
}
