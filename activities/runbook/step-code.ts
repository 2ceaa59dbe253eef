import type { PlainObject, RunbookSpec, StepSpec } from '../../core/runbook/spec.js';
import type { AskedRun, Reads, Writes } from '../ports/runbook.js';

/**
 * What a look found: all is as it must be, or what is not. `output` is kept for people; its `told`, lines of Markdown, is on the page of
 * the run.
 */
export type Look =
  | { readonly isFine: true; readonly output?: PlainObject }
  | { readonly isFine: false; readonly found: string }
  /** It is not over, and nothing has failed: it is looked at again when something has changed. People are called after so long, and hourly. */
  | {
      readonly isFine: false;
      readonly found: string;
      readonly isWaiting: true;
      readonly callAfterMs: number;
      readonly output?: PlainObject;
    };

/**
 * The code of one step. A process may die in any part, and another begins that part again: an action does again what it did, and
 * finds it done. `reads` is all that may be asked, `writes` all that may be changed; a plan runs the same action with writes that
 * note what is called instead, so an action asks nothing of what it has written itself.
 */
export interface StepCode<R extends Reads, W extends Writes> {
  readonly spec: StepSpec;
  readonly precondition?: (run: AskedRun, reads: R) => Promise<Look>;
  /** @returns what its undo needs, and what people are to see. @throws whatever keeps it from being done */
  readonly action?: (run: AskedRun, reads: R, writes: W) => Promise<PlainObject | null>;
  readonly verification?: (run: AskedRun, reads: R) => Promise<Look>;
  /** Takes back what `action` did, wholly, in part or not at all; `output` is what that returned, if it did. */
  readonly undo?: (run: AskedRun, reads: R, writes: W, output: PlainObject | null) => Promise<void>;
}

/** A runbook with its code. */
export interface RunbookCode<R extends Reads, W extends Writes> {
  /** Without its steps, which bring their own. */
  readonly spec: Omit<RunbookSpec, 'steps'>;
  readonly steps: readonly StepCode<R, W>[];
  readonly reads: R;
  readonly writes: W;
  /** What of the configuration its steps go by: a part of the plan, and what was planned is what runs. */
  readonly rules?: (account: string) => PlainObject;
}

/** One step as the frame sees it, whatever it reads and writes. */
export interface BoundStep {
  readonly spec: StepSpec;
  readonly precondition: ((run: AskedRun) => Promise<Look>) | undefined;
  readonly action: ((run: AskedRun, writes: Writes) => Promise<PlainObject | null>) | undefined;
  readonly verification: ((run: AskedRun) => Promise<Look>) | undefined;
  readonly undo: ((run: AskedRun, writes: Writes, output: PlainObject | null) => Promise<void>) | undefined;
}

export interface BoundRunbook {
  readonly spec: RunbookSpec;
  readonly steps: readonly BoundStep[];
  readonly writes: Writes;
  readonly rules: ((account: string) => PlainObject) | undefined;
}

/** Closes the types of a runbook's ports, so that runbooks with different ports stand in one list. */
export function bound<R extends Reads, W extends Writes>({ spec, steps, reads, writes, rules }: RunbookCode<R, W>): BoundRunbook {
  const bindStep = ({ spec: step, precondition, action, verification, undo }: StepCode<R, W>): BoundStep => ({
    spec: step,
    precondition: precondition && ((run) => precondition(run, reads)),
    // The frame gives back the writes that it found here, or notes in their place.
    action: action && ((run, given) => action(run, reads, given as W)),
    verification: verification && ((run) => verification(run, reads)),
    undo: undo && ((run, given, output) => undo(run, reads, given as W, output)),
  });
  return { spec: { ...spec, steps: steps.map((step) => step.spec) }, steps: steps.map(bindStep), writes, rules };
}
