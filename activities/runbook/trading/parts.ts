import type { CheckFacts } from '../../../core/checks/facts.js';
import { CHECKS, type Findings } from '../../../core/checks/judge.js';
import type { Mode } from '../../../core/control/mode.js';
import { KeelsonError } from '../../../core/errors.js';
import type { ReconcileScope } from '../../../core/reconcile/rules.js';
import type { PlainObject, StepSpec } from '../../../core/runbook/spec.js';
import { WaitedTime } from '../../../core/runbook/waited-time.js';
import type { AskedRun, Writes } from '../../ports/runbook.js';
import type { TradingStateStore } from '../../ports/trading-state.js';
import type { Venue } from '../../ports/venue.js';
import type { Look } from '../step-code.js';

/** What start-up and shutdown of an account go by, as the configuration says it. */
export interface TradingRules {
  readonly venue: string;
  readonly observeBars: number;
  readonly observeAtMostMs: number;
  readonly afterwards: 'asBefore' | 'observation';
  readonly workingEntries: 'wait' | 'cancel';
  readonly waitAtMostMs: number;
  /** What is traded, with how many bars its strategies decide on. */
  readonly streams: readonly { readonly instrument: string; readonly intervalMs: number; readonly lookbackBars: number }[];
}

/** What both runbooks ask. */
export interface TradingReads {
  readonly state: Omit<TradingStateStore, 'change'>;
  readonly venueOf: (account: string) => Venue;
  readonly rulesOf: (account: string) => TradingRules;
  readonly facts: (account: string) => Promise<CheckFacts>;
  /** What keeps the database from keeping its promises. */
  readonly ledger: () => Promise<Findings>;
  /** Migrations of this build that the database does not have. */
  readonly schema: () => Promise<Findings>;
  /** Compares the account with its venue now; repairs what is safe to repair. */
  readonly isReconciled: (account: string, scope: ReconcileScope) => Promise<boolean>;
  /** How long what is away may stay so before people are called, ms. */
  readonly patienceMs: number;
  /** … and a venue, before the first step that needs it. */
  readonly venuePatienceMs: number;
  readonly clock: () => number;
  /** Waits so many ms. @throws when the process stops. */
  readonly pause: (ms: number) => Promise<void>;
}

/** The rules of an account as a plan has them, and as they come back from its row. */
export function rulesIn({ rulesOf }: Pick<TradingReads, 'rulesOf'>): (account: string) => PlainObject {
  return (account) => {
    const { venue, observeBars, observeAtMostMs, afterwards, workingEntries, waitAtMostMs, streams } = rulesOf(account);
    const traded = streams.map(({ instrument, intervalMs, lookbackBars }) => ({ instrument, intervalMs, lookbackBars }));
    return { venue, observeBars, observeAtMostMs, afterwards, workingEntries, waitAtMostMs, streams: traded };
  };
}

/** What both runbooks change. */
export interface TradingWrites extends Writes {
  readonly holdMode: (account: string, runId: string, mode: Mode) => Promise<void>;
  // What the run does not hold, because anybody else has decided about the mode, these leave as it is.
  /** From the pause of a shutdown. */
  readonly easeMode: (account: string, runId: string, mode: Mode) => Promise<void>;
  readonly releaseMode: (account: string, runId: string, over?: AbortSignal) => Promise<void>;
  readonly undoMode: (account: string, runId: string) => Promise<void>;
  /**
   * Waits until no order of ours but the stops is working, for so long; then has entries canceled, until none is left.
   * @throws KeelsonError RISK_MODE_NOT_OURS where somebody has let the account go on meanwhile
   */
  readonly settleEntries: (
    account: string,
    runId: string,
    how: 'wait' | 'cancel',
    waitAtMostMs: number,
    over?: AbortSignal,
  ) => Promise<void>;
}

/** The step of a shutdown that settles entries: since when it does so is read under its name. */
export const ENTRIES_STEP = 'entries';

export const FINE: Look = { isFine: true };
const AGAIN_MS = 500;
/** The longest that a step may look for what is there soon, which time-outs leave room for. */
export const MOST_PATIENCE_MS = 60_000;
/** A venue that is away when a machine comes up is most often there soon. */
export const MOST_VENUE_PATIENCE_MS = 300_000;

export const stepOf = (name: string, title: string, change: Partial<StepSpec> = {}): StepSpec => ({
  ...{ name, title, isCritical: true, timeoutMs: 2 * MOST_PATIENCE_MS, hasUndo: false, signedWithinMs: null },
  ...change,
});

export const lookOf = (found: Findings, output?: PlainObject): Look =>
  found.length === 0 ? { isFine: true, ...(output === undefined ? {} : { output }) } : { isFine: false, found: found.join('; ') };

/**
 * Looks again and again until nothing is found, for at most so long (`WaitedTime`). What cannot be asked is found, too. A halt ends the
 * wait, and who gives the run up: the frame ends it before its next part.
 */
export async function until(
  { state, clock, pause }: Pick<TradingReads, 'state' | 'clock' | 'pause'>,
  { account, runId }: Pick<AskedRun, 'account' | 'runId'>,
  limitMs: number,
  look: () => Promise<Findings>,
): Promise<Findings> {
  const waited = new WaitedTime(clock());
  for (;;) {
    const found = await look().catch((error: unknown) => {
      if (error instanceof KeelsonError) return [error.message];
      throw error;
    });
    if (found.length === 0 || waited.at(clock(), AGAIN_MS) >= limitMs) return found;
    const { halt, isAborted } = await state.standing(account, runId);
    if (halt !== null || isAborted) return [];
    await pause(AGAIN_MS);
  }
}

/** Compares until the account is found clean, for a while. */
export function reconciled(reads: TradingReads, run: AskedRun, scope: ReconcileScope): Promise<Findings> {
  return until(reads, run, reads.patienceMs, async () => {
    if (await reads.isReconciled(run.account, scope)) return [];
    return [...CHECKS.reconciliation(await reads.facts(run.account)), 'no comparison has found the account clean since this step began'];
  });
}
