import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { PlainObject, RunbookName, StepSpec } from '../../../core/runbook/spec.js';
import type { EndStatus, Progress, RunStatus } from '../../../core/runbook/status.js';

/** Names the row in `runbook_commands` that a person's own credential made; nothing else in the message is believed. */
export interface RunbookMessage {
  readonly commandId: string;
}

/** How one step stands. `failure`: what was found, where its last try failed. */
export interface StepState {
  readonly name: string;
  readonly title: string;
  readonly state: 'waiting' | 'doing' | 'done' | 'failed' | 'skipped' | 'undone' | 'notUndone';
  readonly attempt: number;
  readonly output: PlainObject | null;
  readonly failure: string | null;
  readonly signedBy: string | null;
}

export interface RunbookState extends Progress {
  readonly runbook: RunbookName | null;
  readonly account: string;
  readonly steps: readonly StepState[];
  readonly detail: string | null;
}

/** What one run of the workflow hands to the next, where a wait is long. */
export interface CarriedRun {
  readonly title: string;
  readonly steps: readonly StepSpec[];
  readonly state: RunbookState;
  /** How often people were called because of what they do elsewhere. */
  readonly calls: number;
}

export interface RunbookEnd {
  readonly status: EndStatus;
  readonly detail: string | null;
}

export const runbookCommandUpdate = defineUpdate<RunStatus, [RunbookMessage]>('command');
/** Somebody has decided about the plan: it is looked up at once. */
export const runbookDecidedSignal = defineSignal('decided');
/** Something has changed that a step waits for: it is looked at again. */
export const runbookChangedSignal = defineSignal('changed');
export const runbookStateQuery = defineQuery<RunbookState>('state');
