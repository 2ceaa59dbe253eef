/** How one run of a child ended, as far as the decision to start it again needs it. */
export interface RunOutcome {
  /** When it ended, in ms of any clock that only goes forward. */
  readonly endedAt: number;
  /** How long it did its work: ms from ready to the end; 0 when it never got ready. */
  readonly readyForMs: number;
  /** Exit code 78: it says that what it was given is wrong. */
  readonly isConfiguration: boolean;
  /** It says that a server which it needs does not answer: by exit code 69, or it was waiting for that server. */
  readonly isUnavailable: boolean;
}

export interface RestartPolicy {
  /** Wait before the first restart; doubled for each further end in a row, in ms. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** Doing its work this long makes a child sound again: the wait starts small. */
  readonly soundAfterMs: number;
  /** So many ends in a row without once being ready, and it is not started again. */
  readonly maxUnready: number;
  /** So many ends within `windowMs`, however far it came, and it is not started again. */
  readonly maxEnds: number;
  readonly windowMs: number;
}

/**
 * A child killed from outside comes back every time (ten kills in two minutes are survived); one that cannot even start
 * is given up after about eight seconds of waiting. Not one that has worked before and waits for a server: the others would end with
 * it, and with them what cancels, watches and tells people while that server is away.
 */
export const RESTART_POLICY: RestartPolicy = {
  firstDelayMs: 250,
  maxDelayMs: 8000,
  soundAfterMs: 2000,
  maxUnready: 6,
  maxEnds: 20,
  windowMs: 120_000,
};

export type RestartDecision =
  | { readonly action: 'restart'; readonly afterMs: number }
  | { readonly action: 'giveUp'; readonly count: number; readonly withinMs: number };

/** Decides from all runs so far, oldest first, the last one being the end that just happened. */
export function decideRestart(runs: readonly RunOutcome[], policy: RestartPolicy = RESTART_POLICY): RestartDecision {
  const last = runs.at(-1);
  if (last === undefined) return { action: 'restart', afterMs: policy.firstDelayMs };
  // With what it was given it has worked before: then a server that it needs may only be slower to come back than it is.
  const hasWorked = runs.some((run) => run.readyForMs > 0);
  if (last.isConfiguration && !hasWorked) return { action: 'giveUp', count: 1, withinMs: 0 };

  const unready = trailing(runs, (run) => run.readyForMs === 0);
  const recent = runs.filter((run) => last.endedAt - run.endedAt <= policy.windowMs);
  const waitsForServer = hasWorked && (last.isConfiguration || last.isUnavailable);
  if (!waitsForServer) {
    if (unready.length >= policy.maxUnready) return giveUp(unready, last);
    if (recent.length >= policy.maxEnds) return giveUp(recent, last);
  }

  const unsound = trailing(runs, (run) => run.readyForMs < policy.soundAfterMs).length;
  const doublings = Math.max(0, unsound - 1);
  return { action: 'restart', afterMs: Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** Math.min(doublings, 30)) };
}

function trailing(runs: readonly RunOutcome[], holds: (run: RunOutcome) => boolean): readonly RunOutcome[] {
  let from = runs.length;
  while (from > 0 && holds(runs[from - 1] as RunOutcome)) from -= 1;
  return runs.slice(from);
}

const giveUp = (counted: readonly RunOutcome[], last: RunOutcome): RestartDecision => ({
  action: 'giveUp',
  count: counted.length,
  withinMs: last.endedAt - (counted[0]?.endedAt ?? last.endedAt),
});
