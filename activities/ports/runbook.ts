import type { Episode } from '../../core/reconcile/episode.js';
import type { UnusableState } from '../../core/people/approvals.js';
import { STEP_PARTS, type BeforeRun } from '../../core/runbook/before.js';
import type { PlainObject, Plan, RunbookName } from '../../core/runbook/spec.js';
import type { EndStatus, RunCommandKind, RunStatus } from '../../core/runbook/status.js';

export const PARTS = [...STEP_PARTS, 'undo'] as const;
export type Part = (typeof PARTS)[number];

/** What was asked for; `subject` null: by a schedule. */
export interface AskedRun {
  readonly runId: string;
  readonly runbook: RunbookName;
  readonly account: string;
  readonly inputs: PlainObject;
  readonly subject: string | null;
}

/** What a run would do if it were asked for, under this id and by this person. */
export interface AskedPlan {
  readonly runId: string;
  readonly runbook: RunbookName;
  readonly account: string;
  readonly subject: string;
}
export interface MadePlan {
  readonly plan: Plan;
  readonly planSha256: string;
  readonly needsApproval: boolean;
}

/** Which part of which try of which step. */
export interface PartKey {
  readonly runId: string;
  readonly position: number;
  readonly attempt: number;
  readonly part: Part;
}

/** How a part of a step ended. `output`: what an action leaves for its undo and for people. */
export type PartEnd =
  | { readonly outcome: 'done'; readonly output: PlainObject | null }
  | { readonly outcome: 'failed'; readonly detail: string }
  /** It is begun, and over when a later look finds it so. */
  | { readonly outcome: 'waits'; readonly detail: string; readonly callAfterMs: number; readonly output: PlainObject | null }
  /** A halt, or a restore, has taken the run its resource: it ends. */
  | { readonly outcome: 'preempted'; readonly detail: string }
  /** A person has given the run up: what was done is taken back. */
  | ({ readonly outcome: 'aborted' } & GivenUp);

/** Who has given a run up, and why. */
export interface GivenUp {
  readonly subject: string;
  readonly reason: string;
}

export interface RunCommand {
  readonly kind: RunCommandKind;
  readonly position: number | null;
  readonly subject: string;
  readonly reason: string;
  /** It was carried out before: told again it changes nothing. */
  readonly isApplied: boolean;
}

/** How a run begins. `holder`: of a resource that is taken, the run that has it. */
export interface Begun {
  readonly result: 'begun' | EndStatus;
  readonly detail: string;
  readonly holder?: string;
  /** Of a run that was begun before. Absent also where the workflow has not asked for it (`BEGUN_FORM`). */
  readonly before?: BeforeRun;
}

/** Runs of runbooks in Postgres: every change is audited with it. */
export interface RunbookStore {
  /** A run that a schedule starts; the same id again changes nothing. */
  ask(run: AskedRun & { readonly resource: string; readonly reason: string }): Promise<void>;
  /** What is under way for an account, of this ledger: their workflows may have been lost. */
  underWay(account: string): Promise<readonly RunToWake[]>;
  /** @throws KeelsonError INPUT_UNKNOWN_RUN: a message alone starts none. */
  read(runId: string): Promise<AskedRun & { readonly plan: Plan | null }>;
  /** Stores the plan, once. `free`: nobody has to approve it. */
  plan(runId: string, plan: Plan, needsApproval: boolean): Promise<'free' | 'approved' | UnusableState | EndStatus>;
  /** The hash by which this plan is approved and run; nothing is written. */
  hashOf(plan: Plan): Promise<string>;
  /** Takes the resource and uses the approval up, if the plan is still what was approved. */
  begin(runId: string, plan: Plan, runsUnderHalt: boolean): Promise<Begun>;
  /** `null`: it is to be done now; else how it ended before. */
  beginPart(
    key: PartKey,
    what: { readonly name: string; readonly actor: string; readonly runsUnderHalt: boolean },
  ): Promise<PartEnd | null>;
  /** @returns who has given the run up meanwhile; null: nobody */
  endPart(key: PartKey, end: Extract<PartEnd, { outcome: 'done' | 'failed' }>): Promise<GivenUp | null>;
  /** The database has refused a part for long: raises an alert, once for each time that it was begun. */
  heldUp(key: PartKey, begunTime: number, detail: string): Promise<void>;
  /** It goes on: what people were told of that is over. */
  wentOn(key: PartKey): Promise<void>;
  tell(runId: string, status: RunStatus, detail: string | null): Promise<void>;
  end(runId: string, status: EndStatus, detail: string | null): Promise<void>;
  /** Raises an alert, once for each `about`: the run waits for a person. */
  call(runId: string, about: string, severity: 'warning' | 'error', detail: string): Promise<void>;
  /** `null`: no such row, or its person is not one of us any more. */
  command(commandId: string, runId: string): Promise<RunCommand | null>;
  /** It may not be carried out now, and so never. */
  refused(commandId: string): Promise<void>;
  applied(commandId: string, step: { readonly attempt: number; readonly name: string }): Promise<void>;
}

/** What an account is paused for by a reconciliation, and the run that carries it. */
export interface DiscrepancyStore {
  /** What a run carries, as it is now. @throws KeelsonError INPUT_UNKNOWN_RUN */
  episode(runId: string): Promise<Episode>;
  /** Sees to it that a run carries what the account is paused for, as after a restart; where nothing is, nothing is done. */
  carryOn(account: string): Promise<void>;
}

export interface RunToWake {
  readonly runId: string;
  readonly runbook: RunbookName;
  readonly account: string;
}

/** Runs that a part of ours starts, or tells that something has changed. */
export interface RunbookRuns {
  /** A run that is over stays so; one whose workflow is gone goes on where its records end. @throws KeelsonError INFRA_TEMPORAL */
  wake(run: RunToWake): Promise<void>;
  /** Of a run whose row has ended: its workflow may wait for a person, who would never come. @throws KeelsonError INFRA_TEMPORAL */
  end(run: RunToWake): Promise<void>;
}

/** What a step may read. It is the same in a plan and in a run. */
export type Reads = object;
/**
 * What a step may change, each call by one function that answers nothing: so a plan can write down the call instead. The frame
 * hands on, behind what the action gives, the signal of its part's end: a write that goes on for long looks at it in each round.
 */
export type Writes = Readonly<Record<string, (...values: never[]) => Promise<void>>>;
