import { randomUUID } from 'node:crypto';
import {
  Client,
  Connection,
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type ConnectionOptions,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { KeelsonError } from '../../core/errors.js';
import { REARM_WAIT_MS } from '../../core/kill/rearm.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { TASK_QUEUES, tradingControlWorkflowId, WORKFLOW_TYPES, killWorkflowId, reconcileWorkflowId } from '../../workflows/names.js';
import type { RearmAnswer, RearmRequest } from '../../workflows/kill-switch/messages.js';
import type { ModeChange, ModeCommand } from '../../workflows/trading-control/messages.js';
import type { ControlPort } from './control-port.js';
import { scheduleControl } from './schedule-control.js';
import { runbookControl } from './runbook-control.js';

/** The control workflow's shape, for the types of the call. */
type TradingControl = (account: string) => Promise<void>;

const USUAL_ANSWER_LIMIT_MS = 8_000;
const CHECK_LIMIT_MS = 2_000;
/** A command that lets an account do more may wait for that as well. */
const COMPARED_LIMIT_MS = 12_000;

export interface TemporalControlOptions {
  readonly connection: ConnectionOptions;
  readonly namespace: string;
  /** The queue of the workers that carry commands out. Default: the guardian's. */
  readonly taskQueue?: string;
  /** How long a command may take before its caller is told that it is still under way, in ms. */
  readonly answerLimitMs?: number;
}

/** Carries commands out through the account's control workflow; the connection is made at the first call. */
export function temporalControl(options: TemporalControlOptions): ControlPort {
  const { namespace, taskQueue = TASK_QUEUES.guardian, answerLimitMs = USUAL_ANSWER_LIMIT_MS } = options;
  const connection = Connection.lazy(options.connection);
  const client = new Client({ connection, namespace });
  return {
    execute: async ({ account, kind, commandId }) => {
      const limitMs = answerLimitMs + (kind === 'pause' ? 0 : COMPARED_LIMIT_MS);
      try {
        await client.withDeadline(Date.now() + limitMs, () =>
          client.workflow.executeUpdateWithStart<TradingControl, ModeChange, [ModeCommand]>(kind, {
            // Not the command's id: Temporal answers an id that was refused once (before its approval, by whoever sent it) with
            // that refusal for ever. That a command works once is the row's doing.
            updateId: randomUUID(),
            args: [{ commandId }],
            startWorkflowOperation: new WithStartWorkflowOperation(WORKFLOW_TYPES.tradingControl, {
              workflowId: tradingControlWorkflowId(account),
              taskQueue,
              args: [account],
              workflowIdConflictPolicy: 'USE_EXISTING',
            }),
          }),
        );
      } catch (error) {
        throw explained(error, account, commandId, limitMs);
      }
    },
    rearm: async (request, account) => {
      try {
        return await client.withDeadline(Date.now() + REARM_WAIT_MS, () =>
          client.workflow.getHandle(killWorkflowId(account)).executeUpdate<RearmAnswer, [RearmRequest]>('rearm', { args: [request] }),
        );
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return { kind: 'notClean', found: `nothing looks after the halt of ${account}` };
        const detail = `whether ${account} is clean was not told within ${REARM_WAIT_MS / 1_000} s`;
        throw new KeelsonError('INFRA_TEMPORAL', { detail }, { cause: error });
      }
    },
    ...scheduleControl(client, answerLimitMs),
    ...runbookControl(client, { taskQueue, answerLimitMs }),
    reconcile: async (request) => {
      const { account, scope, runId = randomUUID() } = request;
      try {
        await client.withDeadline(Date.now() + answerLimitMs, () =>
          client.workflow.start(WORKFLOW_TYPES.reconcileAccount, {
            workflowId: reconcileWorkflowId(account, runId),
            taskQueue,
            args: [request],
            workflowIdConflictPolicy: 'USE_EXISTING',
            workflowIdReusePolicy: 'REJECT_DUPLICATE',
            searchAttributes: { [SEARCH_ATTRIBUTES.account]: [account], [SEARCH_ATTRIBUTES.status]: ['running'] },
            staticSummary: `reconciliation of ${account} (${scope})`,
          }),
        );
      } catch (error) {
        // It has run under this name, and is over.
        if (error instanceof WorkflowExecutionAlreadyStartedError) return;
        const detail = `the reconciliation ${runId} of ${account} is recorded but could not be started: ${error instanceof Error ? error.message : String(error)}`;
        throw new KeelsonError('INFRA_TEMPORAL', { detail }, { cause: error });
      }
    },
    check: async () => {
      await connection.withDeadline(Date.now() + CHECK_LIMIT_MS, () => connection.workflowService.describeNamespace({ namespace }));
    },
    close: () => connection.close(),
  };
}

function explained(error: unknown, account: string, commandId: string, answerLimitMs: number): Error {
  if (error instanceof WorkflowUpdateFailedError) {
    if (error.cause instanceof ApplicationFailure && error.cause.type === 'AUTH_APPROVAL_CLOSED') {
      return new KeelsonError('AUTH_APPROVAL_CLOSED', { request: commandId, state: String(error.cause.details?.[0]) }, { cause: error });
    }
    for (const code of ['RISK_NOT_RECONCILED', 'RISK_DAILY_LOSS'] as const) {
      if (error.cause instanceof ApplicationFailure && error.cause.type === code) {
        return new KeelsonError(code, { account, found: String(error.cause.details?.[0]) }, { cause: error });
      }
    }
    if (error.cause instanceof ApplicationFailure && error.cause.type === 'RISK_KEY_WITHDRAWS') {
      return new KeelsonError('RISK_KEY_WITHDRAWS', { account, venue: String(error.cause.details?.[0]) }, { cause: error });
    }
    if (error.cause instanceof ApplicationFailure && error.cause.type === 'INPUT_MODE_MOVED') {
      const [mode, version] = (error.cause.details ?? []) as string[];
      return new KeelsonError('INPUT_MODE_MOVED', { account, mode: mode ?? '?', version: version ?? '?', expected: 'what was seen' });
    }
    const refusal = error.cause instanceof ApplicationFailure ? error.cause.message : 'the workflow refused';
    return new Error(`command ${commandId}: ${refusal}`, { cause: error });
  }
  const detail = `the command ${commandId} is recorded but was not carried out within ${answerLimitMs / 1_000} s; repeat it under this id. What stops all sending now, without Temporal, is \`keelson kill --account ${account}\``;
  return new KeelsonError('INFRA_TEMPORAL', { detail }, { cause: error });
}
