import type { UnusableState } from '../../core/people/approvals.js';
import { Context } from '@temporalio/activity';
import { BEGUN_FORM } from '../../core/runbook/before.js';
import { resourceOf, runbookWorkflowId, type PlainObject, type RunbookName, type StepSpec } from '../../core/runbook/spec.js';
import type { EndStatus, RunStatus } from '../../core/runbook/status.js';
import { KeelsonError } from '../../core/errors.js';
import { beating } from '../beating.js';
import { mapped } from '../failures.js';
import type { AskedPlan, Begun, MadePlan, PartEnd, PartKey, RunCommand, RunbookStore } from '../ports/runbook.js';
import { HeldUp, type Task } from './held-up.js';
import { createRunPart } from './part.js';
import { planOf } from './plan.js';
import type { BoundRunbook } from './step-code.js';

/** What a schedule starts. */
export interface ScheduledRun {
  readonly runbook: RunbookName;
  readonly account: string;
  readonly inputs: PlainObject;
}

/** What the workflow needs to know of the runbook that it carries out. */
export interface PlannedRun {
  readonly runbook: RunbookName;
  readonly title: string;
  readonly account: string;
  readonly steps: readonly StepSpec[];
  readonly approval: 'free' | 'approved' | UnusableState | EndStatus;
}

/** The steps of the frame; what a runbook itself does is behind `runbookPart`. */
export interface RunbookActivities {
  /** Writes a scheduled run down. */
  runbookOpen(runId: string, run: ScheduledRun): Promise<void>;
  /** Plans, and writes nothing down. */
  runbookPreview(asked: AskedPlan): Promise<MadePlan>;
  /** Plans, stores the plan and asks for the second person; again: how that stands. */
  runbookPlan(runId: string): Promise<PlannedRun>;
  /** Plans anew; begins only what was planned, and approved. @param form of the answer that the workflow knows (`BEGUN_FORM`) */
  runbookBegin(runId: string, form?: number): Promise<Begun>;
  runbookPart(key: PartKey, output: PlainObject | null): Promise<PartEnd>;
  runbookTell(runId: string, status: RunStatus, detail: string | null): Promise<void>;
  runbookCall(runId: string, about: string, severity: 'warning' | 'error', detail: string): Promise<void>;
  runbookCommand(commandId: string, runId: string): Promise<RunCommand | null>;
  runbookRefused(commandId: string): Promise<void>;
  runbookApplied(commandId: string, step: { readonly attempt: number; readonly name: string }): Promise<void>;
  runbookEnd(runId: string, status: EndStatus, detail: string | null): Promise<void>;
}

export interface RunbookDependencies {
  readonly store: RunbookStore;
  readonly runbooks: Partial<Readonly<Record<RunbookName, BoundRunbook>>>;
  /** Those that need a second person when a person asks for them, beside what a runbook itself says. */
  readonly approvalFor?: readonly RunbookName[];
  /** The process that runs the steps, for their records. */
  readonly actor: string;
  /** Aborted when this process stops: what it is at is begun again by another. */
  readonly stopping: AbortSignal;
  /** Whether the workflow of a run goes on; true where that cannot be told. */
  readonly isUnderWay: (runId: string) => Promise<boolean>;
  /** Counts on whoever sets the clock. */
  readonly monotonic?: () => number;
}

export function createRunbookActivities(dependencies: RunbookDependencies): RunbookActivities {
  const { store, isUnderWay, approvalFor = [], monotonic = () => performance.now() } = dependencies;
  const codeOf = (name: RunbookName): BoundRunbook => {
    const code = dependencies.runbooks[name];
    if (code === undefined) throw new KeelsonError('INPUT_UNKNOWN_RUNBOOK', { runbook: name });
    return code;
  };
  const untilDone = <Values extends unknown[], Result>(
    step: (...values: Values) => Promise<Result>,
  ): ((...values: Values) => Promise<Result>) => mapped(beating(step), 'untilDone');
  const once = <Values extends unknown[], Result>(step: (...values: Values) => Promise<Result>): ((...values: Values) => Promise<Result>) =>
    mapped(beating(step));
  // What Keelson begins itself has no first person: a second one would keep it from its work for ever.
  const needsApproval = ({ spec }: BoundRunbook, subject: string | null): boolean =>
    spec.needsApproval || (subject !== null && approvalFor.includes(spec.name));
  const part = createRunPart(dependencies, codeOf);
  const heldUp = new HeldUp(store, monotonic);
  return {
    runbookOpen: once(async (runId, { runbook, account, inputs }) => {
      const { spec } = codeOf(runbook);
      if (!spec.isScheduled) throw new KeelsonError('INPUT_UNKNOWN_RUNBOOK', { runbook: `${runbook} (scheduled)` });
      await store.ask({ runId, runbook, account, inputs, subject: null, resource: resourceOf(spec, account), reason: 'its time has come' });
    }),
    runbookPreview: once(async (asked) => {
      const code = codeOf(asked.runbook);
      const plan = await planOf(code, { ...asked, inputs: {} });
      return { plan, planSha256: await store.hashOf(plan), needsApproval: needsApproval(code, asked.subject) };
    }),
    runbookPlan: once(async (runId) => {
      assertOwnWorkflow(runId);
      const run = await store.read(runId);
      const code = codeOf(run.runbook);
      const plan = run.plan ?? (await planOf(code, run));
      const approval = await store.plan(runId, plan, needsApproval(code, run.subject));
      // Of two builds at once the other may have been first: what it stored is what is approved, and what is run.
      const { steps } = (await store.read(runId)).plan ?? plan;
      return { runbook: run.runbook, title: code.spec.title, account: run.account, steps, approval };
    }),
    runbookBegin: once(async (runId, form = 0) => {
      assertOwnWorkflow(runId);
      const run = await store.read(runId);
      const code = codeOf(run.runbook);
      const begin = async (): Promise<Begun> => {
        const { before, ...begun } = await store.begin(runId, await planOf(code, run), code.spec.runsUnderHalt);
        // A workflow that knows nothing of it does not do what it says, and would not replay where another does.
        return before === undefined || form < BEGUN_FORM ? begun : { ...begun, before };
      };
      const begun = await begin();
      const { holder } = begun;
      // Who was terminated, or lost with the server, lets nothing go by itself.
      if (begun.result !== 'locked' || holder === undefined || (await isUnderWay(holder))) return begun;
      await store.end(holder, 'preempted', 'its workflow is gone; what it did is in its records');
      return begin();
    }),
    runbookPart: untilDone(async (key, output) => {
      assertOwnWorkflow(key.runId);
      const { cancellationSignal } = Context.current();
      return heldUp.over(key, thisTask(), () => part(key, output, cancellationSignal));
    }),
    runbookTell: untilDone((...values) => store.tell(...values)),
    runbookCall: untilDone((...values) => store.call(...values)),
    runbookCommand: untilDone((...values) => store.command(...values)),
    runbookRefused: untilDone((...values) => store.refused(...values)),
    runbookApplied: untilDone((...values) => store.applied(...values)),
    runbookEnd: untilDone((...values) => store.end(...values)),
  };
}

function thisTask(): Task {
  const { activityId, attempt, scheduledTimestampMs, workflowExecution } = Context.current().info;
  return { id: `${workflowExecution?.runId} ${activityId}`, begunTime: scheduledTimestampMs, attempt };
}

/** Of two workflows with the same run only one may work on it: the one of its name, of which the server keeps one. */
function assertOwnWorkflow(runId: string): void {
  if (Context.current().info.workflowExecution?.workflowId !== runbookWorkflowId(runId))
    throw new KeelsonError('INPUT_UNKNOWN_RUN', { run: runId });
}
