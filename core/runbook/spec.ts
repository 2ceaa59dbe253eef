import type { Role } from '../people/roles.js';

/** The runbooks that there are; each has its code in `activities/runbook`. */
export const RUNBOOKS = [
  'startUp',
  'gracefulShutdown',
  'morningChecks',
  'eveningChecks',
  'venueDisconnected',
  'drawdown',
  'reconciliationDiscrepancy',
] as const;
export type RunbookName = (typeof RUNBOOKS)[number];

/** Inputs and outputs, as they stand in rows and histories: plain, and small. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };
export type PlainObject = Readonly<Record<string, Plain>>;

/** One named step, without its code. */
export interface StepSpec {
  readonly name: string;
  /** For people, as a short sentence without its full stop. */
  readonly title: string;
  /** A failure of it stops the run until a person decides; else it is noted, and the run goes on. */
  readonly isCritical: boolean;
  /** How long each of its parts may take, ms. */
  readonly timeoutMs: number;
  /** It can be taken back; what cannot stays when a run is aborted, and is listed. */
  readonly hasUndo: boolean;
  /** A person looks too, and signs for it within this long, ms; null: nobody has to. Not signed is a failure that is noted. */
  readonly signedWithinMs: number | null;
  /** Only people with one of these roles may sign; left out: whoever may sign at all. */
  readonly signedBy?: readonly Role[];
}

/** One runbook, without its code. A change of what a step does raises the version: what was approved before has lapsed then. */
export interface RunbookSpec {
  readonly name: RunbookName;
  readonly version: number;
  readonly title: string;
  /** Another person than who asks for it has to approve its plan. */
  readonly needsApproval: boolean;
  /** A schedule may start it, in nobody's name. */
  readonly isScheduled: boolean;
  /** Only a part of ours starts it, where it finds the cause, in nobody's name: a person has no cause to give it. */
  readonly needsCause?: true;
  /** It goes on while a halt stands; else a halt ends it at the next step. */
  readonly runsUnderHalt: boolean;
  /** What it works on: of two runs with the same resource of an account, the second does not begin. */
  readonly resource: string;
  readonly steps: readonly StepSpec[];
}

/** Something that a step would change, told by the step's own code. */
export interface PlannedWrite {
  readonly step: string;
  readonly write: string;
  readonly with: readonly Plain[];
}

/** What a run will do. Two plans are the same when nothing in them differs: that is what a second person approves. */
export interface Plan {
  readonly runbook: RunbookName;
  readonly version: number;
  readonly account: string;
  readonly inputs: PlainObject;
  readonly steps: readonly StepSpec[];
  readonly writes: readonly PlannedWrite[];
}

export const resourceOf = (spec: RunbookSpec, account: string): string => `${spec.resource}:${account}`;

/** The one workflow that may carry a run out, however its id is written. */
export const runbookWorkflowId = (runId: string): string => `runbook:${runId.toLowerCase()}`;
