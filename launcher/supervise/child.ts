/** How a process ended. */
export interface RunEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why we ended it ourselves, when we did: its event loop was silent, or it never got ready. */
  readonly endedByUs?: string;
}

/** One process of a child: from its spawn to its end. A restarted child is a new run. */
export interface ChildRun {
  readonly pid: number;
  /** What the child said when it was ready (an address, say). Rejects when it ended before. */
  readonly ready: Promise<Readonly<Record<string, unknown>>>;
  readonly ended: Promise<RunEnd>;
  /** Whether it has said that it waits for a server, and was not ready since. */
  isWaiting?(): boolean;
  /** Asks it to end in order. Does not wait. */
  stop(): void;
  /** Ends it at once. */
  kill(): void;
}

/** What the supervisor has to know to start a child, start it again, and stop it. */
export interface ChildPlan {
  readonly name: string;
  /** File with what it writes. */
  readonly log: string;
  /** How long a stop in order may take before it is killed, in ms. */
  readonly stopLimitMs: number;
  readonly stopSignal: NodeJS.Signals;
  /** Whether it ends by itself when the supervisor is gone. */
  readonly endsAlone: boolean;
  /** Spawns it. Rejects when that is not possible; the signal is aborted when the whole is being stopped. */
  spawn(signal: AbortSignal): Promise<ChildRun>;
}

export const CONFIGURATION_EXIT = 78;
/** A server that it needs does not answer. */
export const UNAVAILABLE_EXIT = 69;

/** `killed by SIGKILL`, `killed` (a guarded server: by whom is not known), `exit code 1`, or why we ended it. */
export function describeEnd(end: RunEnd): string {
  if (end.endedByUs !== undefined) return end.endedByUs;
  if (end.signal !== null) return `killed by ${end.signal}`;
  return end.code === null ? 'killed' : `exit code ${end.code}`;
}
