import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Part, PartEnd, PartKey } from '../../../activities/ports/runbook.js';
import type { PlannedRun, RunbookActivities } from '../../../activities/runbook/index.js';
import { answerOf, BEGUN_FORM, isBeyond, STEP_PARTS, type BeforeRun, type StepPart } from '../../../core/runbook/before.js';
import type { PlainObject, StepSpec } from '../../../core/runbook/spec.js';
import { SEARCH_ATTRIBUTES } from '../../../core/search-attributes.js';
import { RECORD, RUNBOOK_PART, RUNBOOK_PLAN, told } from '../../activity-options.js';
import { isStepFailure } from '../../order/at-once.js';
import { HISTORY_LIMIT } from '../../order/settle.js';
import { receive, validateMessage, type Told } from './commands.js';
import { describeRun } from './details.js';
import {
  runbookChangedSignal,
  runbookCommandUpdate,
  runbookDecidedSignal,
  runbookStateQuery,
  type CarriedRun,
  type RunbookEnd,
  type RunbookState,
  type StepState,
} from './messages.js';

const { runbookPlan } = proxyActivities<RunbookActivities>(told(RUNBOOK_PLAN, 'plans: the steps, with writes that change nothing'));
const { runbookBegin } = proxyActivities<RunbookActivities>(
  told(RUNBOOK_PLAN, 'plans anew; takes the resource if that is what was approved'),
);
const { runbookTell, runbookCall } = proxyActivities<RunbookActivities>(told(RECORD, 'writes down how far it is'));
const { runbookEnd } = proxyActivities<RunbookActivities>(told(RECORD, 'ends the run, lets its resource go'));

/** Beyond the step's own time-out, of which the step itself tells. */
const partOf = (spec: StepSpec, part: Part): RunbookActivities['runbookPart'] =>
  proxyActivities<RunbookActivities>(told({ ...RUNBOOK_PART, startToCloseTimeout: spec.timeoutMs + 30_000 }, `${part} of ${spec.name}`))
    .runbookPart;

/** A decision is told by a signal; where that was lost it is found after this long. */
const LOOK_FOR_APPROVAL_MS = 30_000;
/** The same of what a step waits for. */
const LOOK_AGAIN_MS = 300_000;
/** While it waits for what people do elsewhere they are called so often. */
const CALL_AGAIN_MS = 3_600_000;

/** How a part has ended that a person has not ended with its run. */
type EndedPart = Exclude<PartEnd, { outcome: 'waits' | 'aborted' }>;

/** What the parts of a step have left, together. */
const merged = (one: PlainObject | null, other: PlainObject | null): PlainObject | null =>
  one === null || other === null ? (one ?? other) : { ...one, ...other };

/** When people are called. */
interface Call {
  isDue: boolean;
}
function callIn(ms: number): Call {
  const call: Call = { isDue: ms <= 0 };
  if (!call.isDue) void sleep(ms, { summary: 'until people are called' }).then(() => (call.isDue = true));
  return call;
}

/** One run, from its plan to its end. */
export class Run {
  private state: RunbookState = {
    ...{ runbook: null, account: '', steps: [], detail: null },
    ...{ status: 'planning', position: 0, waitingFor: null, isPaused: false },
  };
  private title = 'runbook';
  private isAborted = false;
  private isDecided = false;
  private isOurs = true;
  private isChanged = false;
  private answer: Told | null = null;
  private steps: readonly StepSpec[] = [];
  private calls = 0;
  /** While it waits for what people do elsewhere. */
  private call: Call | null = null;
  /** How it stood when its workflow was lost, as long as it goes through what is recorded. */
  private before: BeforeRun = { isPaused: false, answers: [], reached: null };

  private readonly runId: string;
  private readonly isCarried: boolean;

  constructor(runId: string, carried?: CarriedRun) {
    this.runId = runId;
    this.isCarried = carried !== undefined;
    if (carried !== undefined) ({ title: this.title, steps: this.steps, state: this.state, calls: this.calls } = carried);
    setHandler(runbookChangedSignal, () => {
      this.isChanged = true;
    });
    setHandler(runbookStateQuery, () => this.state);
    setHandler(runbookDecidedSignal, () => {
      this.isDecided = true;
    });
    const receiver = {
      progress: () => this.state,
      step: () => ({ attempt: this.current().attempt, name: this.current().name }),
      take: (what: Told) => this.take(what),
    };
    setHandler(runbookCommandUpdate, (message) => receive(runId, message, receiver), { validator: validateMessage });
  }

  async toItsEnd(): Promise<RunbookEnd> {
    const end = await this.work();
    this.show({ ...end, waitingFor: null });
    if (this.isOurs) await runbookEnd(this.runId, end.status, end.detail);
    upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [end.status] });
    await condition(allHandlersFinished);
    return end;
  }

  private async work(): Promise<RunbookEnd> {
    if (!this.isCarried) {
      const planned = await this.plan();
      if ('status' in planned) return planned;
      const begun = await this.begin();
      if (begun !== null) return begun;
      this.steps = planned.steps;
      this.show({ status: 'running', isPaused: this.before.isPaused, detail: null });
    }
    for (const [position, spec] of this.steps.entries()) {
      if (position < this.state.position) continue;
      this.show({ position });
      const stopped = await this.step(position, spec);
      if (stopped === 'aborted' || (stopped === null && this.isAborted)) return this.takeBack(this.steps, position);
      if (stopped !== null) return { status: 'preempted', detail: stopped.detail };
    }
    const failed = this.state.steps.filter(({ state }) => state === 'failed' || state === 'skipped');
    if (failed.length === 0) return { status: 'completed', detail: null };
    return { status: 'completedWithFailures', detail: failed.map(({ title, failure }) => `${title}: ${failure ?? 'left out'}`).join('; ') };
  }

  /** @returns the run's end where nobody lets it begin. */
  private async plan(): Promise<PlannedRun | RunbookEnd> {
    let planned = await this.planNow();
    if ('status' in planned) return planned;
    this.title = planned.title;
    const steps = planned.steps.map(({ name, title }): StepState => ({
      name,
      title,
      state: 'waiting',
      attempt: 1,
      output: null,
      failure: null,
      signedBy: null,
    }));
    this.show({ runbook: planned.runbook, account: planned.account, steps });
    for (;;) {
      const { approval } = planned;
      if (this.isAborted) return { status: 'aborted', detail: this.abortedBy() };
      if (approval === 'free' || approval === 'approved') return planned;
      if (approval !== 'pending') return { status: 'refused', detail: `its approval is ${approval}` };
      if (this.state.status !== 'waitingForApproval')
        await this.enter({ status: 'waitingForApproval', detail: 'another person approves its plan' });
      await condition(() => this.isDecided || this.isAborted, LOOK_FOR_APPROVAL_MS);
      // Before the look: what is decided while it is on its way is looked for again.
      this.isDecided = false;
      planned = await this.planNow();
      if ('status' in planned) return planned;
    }
  }

  private async planNow(): Promise<PlannedRun | RunbookEnd> {
    try {
      return await runbookPlan(this.runId);
    } catch (error) {
      if (!isStepFailure(error)) throw error;
      // Nobody has asked for it, or another workflow has it: nothing of it is ours to end.
      if (error.cause instanceof ApplicationFailure && error.cause.type === 'INPUT_UNKNOWN_RUN') this.isOurs = false;
      return { status: 'refused', detail: `it could not be planned: ${error.cause?.message ?? error.message}` };
    }
  }

  /** @returns the run's end where it does not begin. */
  private async begin(): Promise<RunbookEnd | null> {
    try {
      const { result, detail, before } = await runbookBegin(this.runId, BEGUN_FORM);
      if (before !== undefined) this.before = before;
      return result === 'begun' ? null : { status: result, detail };
    } catch (error) {
      if (!isStepFailure(error)) throw error;
      return { status: 'lapsed', detail: `it could not begin: ${error.cause?.message ?? error.message}` };
    }
  }

  /** @returns null when the run goes on. */
  private async step(position: number, spec: StepSpec): Promise<'aborted' | { readonly detail: string } | null> {
    for (;;) {
      if (this.isAnew(position)) await this.unlessPaused();
      if (this.isAborted) return 'aborted';
      this.mark(position, { state: 'doing', failure: null });
      const end = await this.parts(position, spec);
      if (end === 'aborted') return 'aborted';
      if (this.state.waitingFor === 'elsewhere') await this.enter({ status: 'running', waitingFor: null, detail: null });
      this.call = null;
      if (end.outcome === 'preempted') return { detail: end.detail };
      if (end.outcome === 'failed') {
        this.mark(position, { state: 'failed', failure: end.detail });
        if (!spec.isCritical) return null;
        const answer = await this.askPerson('failed', end.detail);
        if (answer === 'aborted' || answer === 'nobody') return 'aborted';
        if (answer.kind === 'skip') {
          this.mark(position, { state: 'skipped', failure: `${end.detail} (left out by ${answer.subject}: ${answer.reason})` });
          return null;
        }
        this.mark(position, { attempt: this.current().attempt + 1 });
        continue;
      }
      if (spec.signedWithinMs !== null) {
        const answer = await this.askPerson('signature', `${spec.title}: somebody looks and signs`, spec.signedWithinMs);
        if (answer === 'aborted') return 'aborted';
        if (answer === 'nobody') {
          this.mark(position, { state: 'failed', failure: 'nobody has signed' });
          return null;
        }
        if (answer.kind === 'skip') {
          this.mark(position, { state: 'skipped', failure: `not signed (left out by ${answer.subject}: ${answer.reason})` });
          return null;
        }
        this.mark(position, { signedBy: answer.subject });
      }
      this.mark(position, { state: 'done' });
      return null;
    }
  }

  private async parts(position: number, spec: StepSpec): Promise<EndedPart | 'aborted'> {
    // Also of earlier tries: what is to be undone may have been done in one of them.
    let left = this.current().output;
    for (const part of STEP_PARTS) {
      const end = await this.untilOver(position, part, spec, left);
      if (end === 'aborted' || end.outcome !== 'done') return end;
      left = merged(left, end.output);
      this.mark(position, { output: left });
    }
    return { outcome: 'done', output: left };
  }

  /** What waits is looked at again: at each change that is told, and now and then. */
  private async untilOver(position: number, part: StepPart, spec: StepSpec, left: PlainObject | null): Promise<EndedPart | 'aborted'> {
    // A step that is begun goes on to its end while it is paused, but not one whose workflow was lost meanwhile.
    if (this.before.reached !== null && this.isAnew(position, part)) {
      await this.unlessPaused();
      if (this.isAborted) return 'aborted';
    }
    for (;;) {
      // Before the look: what changes while it is on its way is looked for again.
      this.isChanged = false;
      const end = await this.part({ position, part }, spec, null);
      if (end.outcome === 'aborted') {
        // Also where this workflow never heard of it, as one that was begun anew.
        this.take({ ...end, kind: 'abort' });
        return 'aborted';
      }
      if (end.outcome !== 'waits') return end;
      // Beside what the action left: its undo may be next.
      this.mark(position, { output: merged(left, end.output) });
      await this.waitElsewhere(end);
      if (this.isAborted) return 'aborted';
    }
  }

  /** Whether what comes next is not recorded, so that a pause holds it up; from there on nothing is. */
  private isAnew(position: number, part?: StepPart): boolean {
    const { reached } = this.before;
    if (reached !== null && !isBeyond(reached, position, this.current().attempt, part)) return false;
    this.before = { ...this.before, reached: null };
    return true;
  }

  /** Until something has changed; people are called when it has lasted for so long, and hourly. */
  private async waitElsewhere({ detail, callAfterMs }: Extract<PartEnd, { outcome: 'waits' }>): Promise<void> {
    const { waitingFor, position } = this.state;
    if (waitingFor !== 'elsewhere' || this.state.detail !== detail)
      await this.enter({ status: 'waitingForPerson', waitingFor: 'elsewhere', detail });
    this.call ??= callIn(callAfterMs);
    if (this.call.isDue) {
      await runbookCall(this.runId, `${position}:${this.current().attempt}:elsewhere:${this.calls}`, 'error', detail);
      this.calls += 1;
      this.call = callIn(CALL_AGAIN_MS);
    }
    const isOver = (): boolean => this.isChanged || this.isAborted || this.state.isPaused || this.call?.isDue === true;
    await condition(isOver, LOOK_AGAIN_MS);
    await this.unlessPaused();
    if (this.isAborted || workflowInfo().historyLength < HISTORY_LIMIT) return;
    await condition(allHandlersFinished);
    // What was told meanwhile is in the state, but for this: the next run would not know of it.
    if (this.isAborted) return;
    const { title, steps, state, calls } = this;
    await continueAsNew<(runId: string, carried: CarriedRun) => Promise<RunbookEnd>>(this.runId, { title, steps, state, calls });
  }

  private part({ position, part }: Pick<PartKey, 'position' | 'part'>, spec: StepSpec, output: PlainObject | null): Promise<PartEnd> {
    const attempt = this.state.steps[position]?.attempt ?? 1;
    return partOf(spec, part)({ runId: this.runId, position, attempt, part }, output);
  }

  /** Undoes what was done, the last first. What cannot be taken back is told; it keeps nothing else from being taken back. */
  private async takeBack(specs: readonly StepSpec[], reached: number): Promise<RunbookEnd> {
    await this.enter({ status: 'undoing', waitingFor: null, detail: this.abortedBy() });
    const stays: string[] = [];
    for (let position = reached; position >= 0; position -= 1) {
      const [spec, step] = [specs[position], this.state.steps[position]];
      // A step that failed, or was broken off, may have been done in part.
      if (spec === undefined || step === undefined || step.state === 'waiting') continue;
      const end = spec.hasUndo ? await this.part({ position, part: 'undo' }, spec, step.output) : null;
      if (end?.outcome === 'preempted') return { status: 'preempted', detail: end.detail };
      this.mark(position, {
        state: end?.outcome === 'done' ? 'undone' : 'notUndone',
        ...(end?.outcome === 'failed' ? { failure: end.detail } : {}),
      });
      if (end?.outcome === 'failed') stays.push(`${spec.title}: ${end.detail}`);
    }
    return { status: 'aborted', detail: [this.abortedBy(), ...stays.map((one) => `not taken back: ${one}`)].join('; ') };
  }

  /** @param withinMs without it there is no end to the wait: a step that failed is not left out by time alone. */
  private async askPerson(waitingFor: 'failed' | 'signature', detail: string, withinMs?: number): Promise<Told | 'aborted' | 'nobody'> {
    const { position } = this.state;
    const said = answerOf(this.before.answers, position, waitingFor);
    if (said !== undefined && !this.isAborted) {
      this.before = { ...this.before, answers: said.rest };
      return said.answer;
    }
    // Steps have begun that come after it: its time was over.
    if (waitingFor === 'signature' && this.before.reached !== null && position < this.before.reached.position) return 'nobody';
    if (!this.isAborted) this.answer = null;
    await this.enter({ status: 'waitingForPerson', waitingFor, detail });
    await runbookCall(
      this.runId,
      `${position}:${this.current().attempt}:${waitingFor}`,
      waitingFor === 'failed' ? 'error' : 'warning',
      detail,
    );
    const isAnswered = (): boolean => this.answer !== null || this.isAborted;
    if (withinMs === undefined) await condition(isAnswered);
    else await condition(isAnswered, withinMs);
    const answer = this.answer;
    await this.enter({ status: 'running', waitingFor: null, detail: null });
    await this.unlessPaused();
    if (this.isAborted) return 'aborted';
    return answer ?? 'nobody';
  }

  private async unlessPaused(): Promise<void> {
    if (!this.state.isPaused || this.isAborted) return;
    const { status, waitingFor, detail } = this.state;
    await this.enter({ status: 'paused', detail: 'a person has paused it' });
    await condition(() => !this.state.isPaused || this.isAborted);
    if (!this.isAborted) await this.enter({ status, waitingFor, detail });
  }

  private take({ kind, subject, reason }: Told): void {
    if (kind === 'pause' || kind === 'resume') this.show({ isPaused: kind === 'pause' });
    else if (kind === 'abort') [this.isAborted, this.answer] = [true, { kind, subject, reason }];
    else {
      this.answer = { kind, subject, reason };
      // What a second person tells of the same wait is refused.
      this.show({ waitingFor: null });
    }
  }

  private abortedBy(): string {
    return this.answer === null ? 'aborted' : `aborted by ${this.answer.subject}: ${this.answer.reason}`;
  }

  private current(): StepState {
    const step = this.state.steps[this.state.position];
    return step ?? { name: '', title: '', state: 'waiting', attempt: 1, output: null, failure: null, signedBy: null };
  }

  private mark(position: number, change: Partial<StepState>): void {
    this.show({ steps: this.state.steps.map((step, index) => (index === position ? { ...step, ...change } : step)) });
  }

  private async enter(change: Partial<RunbookState>): Promise<void> {
    this.show(change);
    await runbookTell(this.runId, this.state.status, this.state.detail);
  }

  private show(change: Partial<RunbookState>): void {
    this.state = { ...this.state, ...change };
    setCurrentDetails(describeRun(this.title, this.state));
  }
}
