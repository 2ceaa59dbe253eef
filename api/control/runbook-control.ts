import { randomUUID } from 'node:crypto';
import { WorkflowFailedError, WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import type { AskedPlan, MadePlan } from '../../activities/ports/runbook.js';
import { KeelsonError } from '../../core/errors.js';
import { runbookWorkflowId } from '../../core/runbook/spec.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { WORKFLOW_TYPES } from '../../workflows/names.js';
import type { ControlPort } from './control-port.js';

/** Starts runs of runbooks, and tells them what people want. */
export function runbookControl(
  client: Client,
  { taskQueue, answerLimitMs }: { readonly taskQueue: string; readonly answerLimitMs: number },
): Pick<ControlPort, 'planRunbook' | 'startRunbook' | 'tellRunbook' | 'runbookDecided'> {
  const withinLimit = <T>(call: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + answerLimitMs, call);
  const unanswered = (what: string, cause: unknown): KeelsonError =>
    new KeelsonError('INFRA_TEMPORAL', { detail: `${what} within ${answerLimitMs / 1_000} s` }, { cause });
  return {
    async planRunbook(asked) {
      const { runbook, account } = asked;
      try {
        return await withinLimit(() =>
          client.workflow.execute<(asked: AskedPlan) => Promise<MadePlan>>(WORKFLOW_TYPES.planRunbook, {
            taskQueue,
            workflowId: `plan:${randomUUID()}`,
            args: [asked],
            workflowExecutionTimeout: answerLimitMs,
            searchAttributes: { [SEARCH_ATTRIBUTES.account]: [account], [SEARCH_ATTRIBUTES.status]: ['running'] },
            staticSummary: `plan of ${runbook} of ${account}`,
          }),
        );
      } catch (error) {
        const cause = error instanceof WorkflowFailedError && error.cause instanceof ActivityFailure ? error.cause.cause : undefined;
        if (cause instanceof ApplicationFailure) throw new KeelsonError('INPUT_RUNBOOK_PLAN', { runbook, account, why: cause.message });
        throw unanswered(`the plan of ${runbook} of ${account} was not made`, error);
      }
    },
    async startRunbook({ runId, runbook, account }) {
      try {
        await withinLimit(() =>
          client.workflow.start(WORKFLOW_TYPES.runbook, {
            taskQueue,
            workflowId: runbookWorkflowId(runId),
            args: [runId],
            // Asked for again: its run goes on, or has ended, and begins no second time.
            workflowIdConflictPolicy: 'USE_EXISTING',
            searchAttributes: { [SEARCH_ATTRIBUTES.account]: [account], [SEARCH_ATTRIBUTES.status]: ['running'] },
            staticSummary: `${runbook} of ${account}`,
          }),
        );
      } catch (error) {
        throw unanswered(`the run ${runId} is recorded but was not started; ask for it again under this id. It had no answer`, error);
      }
    },
    async tellRunbook({ runId, commandId, kind }) {
      try {
        const handle = client.workflow.getHandle(runbookWorkflowId(runId));
        await withinLimit(() => handle.executeUpdate('command', { args: [{ commandId }] }));
      } catch (error) {
        const refused = (why: string): KeelsonError =>
          new KeelsonError('INPUT_RUNBOOK_COMMAND', { run: runId, what: kind, why }, { cause: error });
        if (error instanceof WorkflowNotFoundError) throw refused('it is not under way');
        if (error instanceof WorkflowUpdateFailedError) {
          const { cause } = error;
          throw refused(
            cause instanceof ApplicationFailure && cause.type === 'INPUT_RUNBOOK_COMMAND'
              ? String(cause.details?.[0])
              : String(cause?.message),
          );
        }
        throw unanswered(`the command ${commandId} is recorded but was not carried out; repeat it under this id. It had no answer`, error);
      }
    },
    async runbookDecided(runId) {
      // The decision is a row: a run that does not hear of it at once finds it within half a minute.
      await withinLimit(() => client.workflow.getHandle(runbookWorkflowId(runId)).signal('decided')).catch(() => undefined);
    },
  };
}
