import type { AskedPlan, MadePlan } from '../../activities/ports/runbook.js';
import type { Mode } from '../../core/control/mode.js';
import type { RunbookName } from '../../core/runbook/spec.js';
import type { RunCommandKind } from '../../core/runbook/status.js';
import type { ReconcileRequest } from '../../workflows/reconcile/reconcile-account.js';
import type { RearmAnswer, RearmRequest } from '../../workflows/kill-switch/messages.js';

/** What a person asks of an account's trading mode. */
export interface ControlCommand {
  readonly commandId: string;
  readonly account: string;
  readonly kind: 'pause' | 'resume' | 'mode';
}

/** The same as its row says it: who asked, under which key of that person, and why. */
export interface AskedCommand extends ControlCommand {
  readonly subject: string;
  readonly keyId: string;
  readonly reason: string;
  /** Whether ending it takes two people. */
  readonly holds: boolean;
  /** For kind `mode`: which. */
  readonly mode?: Mode;
  /** On which version of the control row it was decided; a pause may have none. */
  readonly expectedVersion?: number;
}

/** `trigger`: once, now, beside its times. */
export type ScheduleCommand = 'pause' | 'resume' | 'trigger';

export interface Schedule {
  readonly id: string;
  readonly workflow: string;
  readonly isPaused: boolean;
  /** What the person who paused or resumed it has said. */
  readonly note: string;
  /** Epoch ms; none while it is paused. */
  readonly nextTime: number | null;
  readonly lastTime: number | null;
  /** So many times it was due while nothing could start it, for longer than it is done late, since it was made. */
  readonly missed: number;
  /** So many times it was due while the one before was at work. */
  readonly skipped: number;
}

export interface RunToStart {
  readonly runId: string;
  readonly runbook: RunbookName;
  readonly account: string;
}

export interface RunbookTold {
  readonly runId: string;
  readonly commandId: string;
  readonly kind: RunCommandKind;
}

/** Has a recorded command carried out. */
export interface ControlPort {
  /**
   * Returns when the command is in force. Asking again with the same command id changes nothing and returns the same.
   * @throws KeelsonError INFRA_TEMPORAL when no answer came in time: the command stays recorded and may be repeated.
   * @throws KeelsonError INPUT_MODE_MOVED when the control row is not what the person saw.
   * @throws KeelsonError AUTH_APPROVAL_CLOSED when a second person is needed and has not approved it.
   */
  execute(command: ControlCommand): Promise<void>;
  /**
   * Has an account looked at anew, and then the latch ended if the rows of two people say so.
   * @throws KeelsonError INFRA_TEMPORAL when no answer came in time: it may be asked again.
   */
  rearm(request: RearmRequest, account: string): Promise<RearmAnswer>;
  /** What a run would do now; nothing is written. @throws KeelsonError INPUT_RUNBOOK_PLAN, INFRA_TEMPORAL */
  planRunbook(asked: AskedPlan): Promise<MadePlan>;
  /** Starts the workflow of a run that was asked for; again: changes nothing. @throws KeelsonError INFRA_TEMPORAL */
  startRunbook(run: RunToStart): Promise<void>;
  /** Has a person's recorded command to a run carried out. @throws KeelsonError INPUT_RUNBOOK_COMMAND, INFRA_TEMPORAL */
  tellRunbook(command: RunbookTold): Promise<void>;
  /** Tells a run that another person has decided about it; it looks for itself. */
  runbookDecided(runId: string): Promise<void>;
  /** Everything that is done by the clock. @throws KeelsonError INFRA_TEMPORAL */
  schedules(): Promise<Schedule[]>;
  /** @throws KeelsonError INPUT_UNKNOWN_SCHEDULE, INFRA_TEMPORAL */
  controlSchedule(id: string, kind: ScheduleCommand, note: string): Promise<void>;
  /**
   * Has an account compared with its venue; the run that somebody asked for has a row already.
   * @throws KeelsonError INFRA_TEMPORAL
   */
  reconcile(request: ReconcileRequest): Promise<void>;
  /** Whether Temporal answers. @throws when it does not. */
  check(): Promise<void>;
  close(): Promise<void>;
}
