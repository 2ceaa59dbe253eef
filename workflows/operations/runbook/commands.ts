import { ApplicationFailure, proxyActivities } from '@temporalio/workflow';
import type { RunbookActivities } from '../../../activities/runbook/index.js';
import { refusalOf, type Progress, type RunCommandKind, type RunStatus } from '../../../core/runbook/status.js';
import { RECORD, told } from '../../activity-options.js';
import type { RunbookMessage } from './messages.js';

const { runbookCommand, runbookApplied, runbookRefused } = proxyActivities<RunbookActivities>(
  told(RECORD, 'reads what a person has told the run'),
);

export interface Told {
  readonly kind: RunCommandKind;
  readonly subject: string;
  readonly reason: string;
}

/** What a command does to the run that it is given to. */
export interface Receiver {
  progress(): Progress;
  step(): { readonly attempt: number; readonly name: string };
  take(told: Told): void;
}

/** The handler of the update: reads the row that the message names, and hands it on if it may be given now. */
export async function receive(runId: string, { commandId }: RunbookMessage, receiver: Receiver): Promise<RunStatus> {
  const command = await runbookCommand(commandId, runId);
  if (command === null)
    throw ApplicationFailure.nonRetryable(
      `no command ${commandId} was made for this run under the credential of a person who may still tell it`,
      'AUTH_FORBIDDEN',
    );
  const { kind, position, subject, reason, isApplied } = command;
  if (isApplied) return receiver.progress().status;
  // Between this look and what it allows nothing is awaited: a second command finds the run as the first has left it.
  const refusal = refusalOf(kind, position, receiver.progress());
  if (refusal !== null) {
    await runbookRefused(commandId);
    throw ApplicationFailure.create({
      nonRetryable: true,
      type: 'INPUT_RUNBOOK_COMMAND',
      message: `the run cannot ${kind} now: ${refusal}`,
      details: [refusal],
    });
  }
  const step = receiver.step();
  receiver.take({ kind, subject, reason });
  await runbookApplied(commandId, step);
  return receiver.progress().status;
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A validator is synchronous and read-only: an asynchronous one accepts everything. */
export function validateMessage(message: RunbookMessage): void {
  // Typed as it should be, but it comes from outside.
  const id: unknown = message?.commandId;
  if (typeof id !== 'string' || !ID.test(id)) throw ApplicationFailure.nonRetryable('commandId must be a UUID', 'INPUT_INVALID');
}
