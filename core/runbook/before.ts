import type { RunCommandKind, Waiting } from './status.js';

/**
 * The form of what a workflow of this build is told when its run begins: since 1 how the run stood before. It is recorded with the answer, and
 * says how that was gone on from (P32).
 */
export const BEGUN_FORM = 1;

/** What a step consists of, in order. */
export const STEP_PARTS = ['precondition', 'action', 'verification'] as const;
export type StepPart = (typeof STEP_PARTS)[number];

/** How a run stood whose workflow is gone, or has not heard that it had begun. */
export interface BeforeRun {
  /** A person has paused it, and nobody has given it up. */
  readonly isPaused: boolean;
  /** What people have decided about its steps, the first one first. */
  readonly answers: readonly StepAnswer[];
  /** The last try that was begun, and the last part of it that has ended; null: none. */
  readonly reached: Reached | null;
}

export interface StepAnswer {
  readonly kind: Extract<RunCommandKind, 'retry' | 'skip' | 'sign'>;
  readonly position: number;
  readonly subject: string;
  readonly reason: string;
}

export interface Reached {
  readonly position: number;
  readonly attempt: number;
  readonly ended: StepPart | null;
}

/** Whether a try of a step, or a part of it, comes after all that is recorded: nothing is known of it, and it would be done anew. */
export function isBeyond(reached: Reached, position: number, attempt: number, part?: StepPart): boolean {
  if (position !== reached.position) return position > reached.position;
  if (attempt !== reached.attempt) return attempt > reached.attempt;
  if (part === undefined) return false;
  return reached.ended === null || STEP_PARTS.indexOf(part) > STEP_PARTS.indexOf(reached.ended);
}

const ANSWERS: Readonly<Record<Exclude<Waiting, 'elsewhere'>, readonly StepAnswer['kind'][]>> = {
  failed: ['retry', 'skip'],
  signature: ['sign', 'skip'],
};

/** What people have said to a wait of a step, and what is left of what they have said; undefined: nothing. */
export function answerOf(
  answers: readonly StepAnswer[],
  position: number,
  waitingFor: keyof typeof ANSWERS,
): { readonly answer: StepAnswer; readonly rest: readonly StepAnswer[] } | undefined {
  const answer = answers.find((one) => one.position === position && ANSWERS[waitingFor].includes(one.kind));
  return answer && { answer, rest: answers.filter((one) => one !== answer) };
}
