import { Client, Connection, WithStartWorkflowOperation, WorkflowUpdateFailedError, type ConnectionOptions } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { KeelsonError } from '../../core/errors.js';
import { TASK_QUEUES, tradingControlWorkflowId, WORKFLOW_TYPES } from '../../workflows/names.js';
import type { ModeChange, ModeCommand } from '../../workflows/trading-control/messages.js';
import type { ControlPort } from './control-port.js';

/** The control workflow's shape, for the types of the call. */
type TradingControl = (account: string) => Promise<void>;

const ANSWER_LIMIT_MS = 8_000;
const CHECK_LIMIT_MS = 2_000;

/** Carries commands out through the account's control workflow; the connection is made at the first call. */
export function temporalControl(options: ConnectionOptions, namespace: string): ControlPort {
  const connection = Connection.lazy(options);
  const client = new Client({ connection, namespace });
  return {
    execute: async ({ account, kind, commandId }) => {
      try {
        await client.withDeadline(Date.now() + ANSWER_LIMIT_MS, () =>
          client.workflow.executeUpdateWithStart<TradingControl, ModeChange, [ModeCommand]>(kind, {
            updateId: commandId,
            args: [{ commandId }],
            startWorkflowOperation: new WithStartWorkflowOperation(WORKFLOW_TYPES.tradingControl, {
              workflowId: tradingControlWorkflowId(account),
              taskQueue: TASK_QUEUES.guardian,
              args: [account],
              workflowIdConflictPolicy: 'USE_EXISTING',
            }),
          }),
        );
      } catch (error) {
        throw explained(error, commandId);
      }
    },
    check: async () => {
      await connection.withDeadline(Date.now() + CHECK_LIMIT_MS, () => connection.workflowService.describeNamespace({ namespace }));
    },
    close: () => connection.close(),
  };
}

function explained(error: unknown, commandId: string): Error {
  if (error instanceof WorkflowUpdateFailedError) {
    const refusal = error.cause instanceof ApplicationFailure ? error.cause.message : 'the workflow refused';
    return new Error(`command ${commandId}: ${refusal}`, { cause: error });
  }
  const detail = `the command ${commandId} is recorded but was not carried out within ${ANSWER_LIMIT_MS / 1_000} s; repeat it under this id`;
  return new KeelsonError('INFRA_TEMPORAL', { detail }, { cause: error });
}
