/** How far a run is. */
export const RUN_STATUSES = [
  // Under way.
  'planning',
  'waitingForApproval',
  'running',
  'paused',
  'waitingForPerson',
  'undoing',
  // Over.
  'completed',
  'completedWithFailures',
  'aborted',
  'refused',
  'lapsed',
  'locked',
  'preempted',
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];
export type EndStatus = Extract<
  RunStatus,
  'completed' | 'completedWithFailures' | 'aborted' | 'refused' | 'lapsed' | 'locked' | 'preempted'
>;

/** What a person may tell a run. */
export const RUN_COMMANDS = ['pause', 'resume', 'retry', 'skip', 'sign', 'abort'] as const;
export type RunCommandKind = (typeof RUN_COMMANDS)[number];

/**
 * What a run waits for a person with: the failed step that is to be tried again, left out or given up, the signature, or something
 * that people do elsewhere and that the step looks for.
 */
export type Waiting = 'failed' | 'signature' | 'elsewhere';

export interface Progress {
  readonly status: RunStatus;
  /** The step that it is at, from 0. */
  readonly position: number;
  readonly waitingFor: Waiting | null;
  /** It stops, or has stopped, before its next step. */
  readonly isPaused: boolean;
}

/**
 * Whether a command may be given now, and if not, why: a retry, a skip or a signature is for the step that its person saw.
 * @returns null when it may
 */
export function refusalOf(
  kind: RunCommandKind,
  position: number | null,
  { status, position: at, waitingFor, isPaused }: Progress,
): string | null {
  if (status === 'undoing') return 'it is taking its steps back already';
  if (!['waitingForApproval', 'running', 'paused', 'waitingForPerson'].includes(status)) return `it is ${status}`;
  switch (kind) {
    case 'abort':
      return null;
    case 'pause':
      if (isPaused) return 'it is paused already';
      return status === 'waitingForApproval' ? 'it has not begun' : null;
    case 'resume':
      return isPaused ? null : 'it is not paused';
    case 'retry':
    case 'skip':
    case 'sign': {
      const needed: Waiting = kind === 'sign' ? 'signature' : 'failed';
      // A signature that nobody can give may be left out like a step that failed.
      const fits = waitingFor === needed || (kind === 'skip' && waitingFor === 'signature');
      if (status !== 'waitingForPerson' || !fits) return kind === 'sign' ? 'no signature is waited for' : 'no step of it has failed';
      return position === at ? null : `it waits at step ${at + 1}, not at ${position === null ? 'any' : position + 1}`;
    }
  }
}
