import { decisionLines, modeLines, openLines, snapshotLines, waitingOf, type Episode } from '../../../core/reconcile/episode.js';
import { RUNBOOK_SPECS } from '../../../core/runbook/registry.js';
import type { Plain, StepSpec } from '../../../core/runbook/spec.js';
import { bound, type BoundRunbook, type Look, type StepCode } from '../step-code.js';

export interface DiscrepancyReads {
  /** What a run carries, as it is now. */
  episode(runId: string): Promise<Episode>;
}
export interface DiscrepancyWrites {
  /** Has the account compared anew, where no such comparison goes on. */
  readonly compare: (account: string) => Promise<void>;
  readonly [name: string]: (...values: never[]) => Promise<void>;
}
type Step = StepCode<DiscrepancyReads, DiscrepancyWrites>;

const MINUTE_MS = 60_000;
/** Their incidents call people at once, and again until somebody has acknowledged them. */
const CALL_FOR_DECISION_MS = 60 * MINUTE_MS;
const CALL_FOR_COMPARISON_MS = 5 * MINUTE_MS;
const CALL_FOR_RESUME_MS = 0;

const common = { isCritical: false, timeoutMs: 20_000, hasUndo: false, signedWithinMs: null } satisfies Partial<StepSpec>;
const told = (text: string, more: Readonly<Record<string, Plain>> = {}): Look => ({ isFine: true, output: { told: text, ...more } });
const waits = (found: string, text: string, callAfterMs: number): Look => ({
  ...{ isFine: false, isWaiting: true, found, callAfterMs },
  output: { told: text },
});

const SNAPSHOTS: Step = {
  spec: { ...common, name: 'snapshots', title: 'Both sides of every difference are kept' },
  verification: async ({ runId }, reads) => {
    const episode = await reads.episode(runId);
    const kept = episode.differences.map(({ differenceId, incidentId = null, sha256 = null }) => ({ differenceId, incidentId, sha256 }));
    return told(snapshotLines(episode), { kept });
  },
};

/** That it is not would be a fault of ours, and somebody has to see to it. */
const PAUSED: Step = {
  spec: { ...common, isCritical: true, name: 'paused', title: 'The account enters nothing any more' },
  verification: async ({ runId }, reads) => {
    const { mode, halt, isHeld } = await reads.episode(runId);
    if (isHeld && mode !== 'paused' && halt === null) return { isFine: false, found: `it is held, and in mode ${mode}` };
    return told(halt ?? `mode ${mode}`);
  },
};

const DECISIONS: Step = {
  spec: { ...common, name: 'decisions', title: 'A person has decided about each difference' },
  verification: async ({ runId }, reads) => {
    const episode = await reads.episode(runId);
    const open = waitingOf(episode);
    return open === undefined ? told(decisionLines(episode)) : waits(open, openLines(episode), CALL_FOR_DECISION_MS);
  },
};

const CLEAN: Step = {
  spec: { ...common, name: 'clean', title: 'A new comparison is clean' },
  action: async ({ account }, _reads, { compare }) => {
    await compare(account);
    return null;
  },
  verification: async ({ runId }, reads) => {
    const episode = await reads.episode(runId);
    if (episode.isClean) return { isFine: true };
    const open = waitingOf(episode);
    if (open !== undefined) return waits(open, openLines(episode), CALL_FOR_DECISION_MS);
    return waits('no comparison has found it clean since: it is compared each minute', '', CALL_FOR_COMPARISON_MS);
  },
};

const RESUMED: Step = {
  spec: { ...common, name: 'resumed', title: 'The account goes on' },
  verification: async ({ runId }, reads) => {
    const episode = await reads.episode(runId);
    if (!episode.isHeld) return told(modeLines(episode));
    const open = waitingOf(episode);
    if (open !== undefined) return waits(open, openLines(episode), CALL_FOR_DECISION_MS);
    if (!episode.isClean) return waits('something new was found: no comparison has found it clean since', '', CALL_FOR_COMPARISON_MS);
    return waits('venue and ledger agree: keelson resume', '', CALL_FOR_RESUME_MS);
  },
};

const REPORT: Step = {
  spec: { ...common, name: 'report', title: 'What it was, who decided, and where it goes on' },
  verification: async ({ runId }, reads) => {
    const episode = await reads.episode(runId);
    const differences = episode.differences.map(({ ...one }): Plain => one);
    const modes = episode.modes.map(({ ...one }): Plain => one);
    return told([decisionLines(episode), modeLines(episode)].filter((part) => part !== '').join('\n'), { differences, modes });
  },
};

/**
 * Carries what an account is paused for, until it goes on: nothing of it is decided here. What is open, whether a comparison is clean and
 * whether the account may go on are rows, and every refusal stands in the statements that write them; the run shows them, calls people
 * and keeps the record. Steps that wait look again at each change; what comes up meanwhile joins it.
 */
export function discrepancy(reads: DiscrepancyReads, writes: DiscrepancyWrites): BoundRunbook {
  const steps = [SNAPSHOTS, PAUSED, DECISIONS, CLEAN, RESUMED, REPORT];
  return bound({ spec: RUNBOOK_SPECS.reconciliationDiscrepancy, steps, reads, writes });
}
