import type { Difference, KnownDifference, Repair } from '../../core/reconcile/difference.js';
import type { Change } from '../../core/reconcile/judge.js';
import type { ReconcileScope } from '../../core/reconcile/rules.js';
import type { LedgerSight, VenueSight } from '../../core/reconcile/sight.js';
import type { PositionKey } from '../../core/protection/position-key.js';

/** One comparison of an account; its looks have the same id. */
export interface ReconcileRun {
  readonly runId: string;
  readonly account: string;
  readonly scope: ReconcileScope;
}

/** What a look begins with. Its owner alone may write, until its lease ends by itself. */
export interface BegunLook {
  readonly owner: string;
  /** When it began, by the database's clock, as the database writes it. */
  readonly began: string;
  /** Up to when fills are compared; undefined: never before. */
  readonly cursor: number | undefined;
  readonly onboardedTime: number;
  /** What the account trades, holds, has orders in, or has lately traded. */
  readonly instruments: readonly string[];
  /** What others may have traded there; where the venue does not list one of them, that is nobody's concern. */
  readonly besides: readonly string[];
  /** Whether a kill of the account is under way and needs what the venue allows our address. */
  readonly isKillAtWork: boolean;
}

/** What of the ledger a look asks for. */
export interface LedgerQuestion {
  readonly account: string;
  readonly fillsSince: number;
  readonly clientOrderIds: readonly string[];
  readonly venueOrders: readonly { readonly instrument: string; readonly venueOrderId: string }[];
  readonly workflows: readonly string[];
  /** What the venue has, by asset: where we have another amount, the books are asked whether they agree with themselves. */
  readonly balances: VenueSight['balances'];
  /** Whether the books are asked where they contradict themselves. */
  readonly isFull: boolean;
}

export interface LedgerAnswer extends Omit<LedgerSight, 'protected' | 'account'> {
  /** What is held, and what has a stop. */
  readonly keys: readonly (Omit<PositionKey, 'account'> & {
    readonly held: LedgerSight['balances'][string];
    readonly filled: LedgerSight['balances'][string];
    readonly unchangedMs: number;
  })[];
  /** Of the workflows that were asked for: those for which something is left to do. */
  readonly needed: readonly string[];
  readonly known: readonly KnownDifference[];
}

export interface LookRecord {
  readonly fillsSince: number;
  readonly cursor: number;
  readonly calls: number;
  readonly weight: number;
  readonly fillsRead: number;
  readonly rowsRead: number;
  readonly changes: readonly Change[];
  /** Both sides, for the incidents that it opens. */
  readonly snapshot: object;
}

export interface StandingDifference extends Pick<Difference, 'class' | 'subject'> {
  readonly id: string;
}

export interface WrittenLook {
  readonly standing: readonly StandingDifference[];
  /** A person has decided one of its rows meanwhile, which stays as that person left it: what the look saw is old. */
  readonly isOvertaken: boolean;
}

export type RunResult = 'clean' | 'differences' | 'postponed' | 'failed';

/** The rows of reconciliation. Every method is one statement. @throws KeelsonError INFRA_DATABASE, and RISK_EPOCH. */
export interface ReconcileStore {
  /** @throws KeelsonError INFRA_RECONCILING while another look at the account goes on. */
  begin(run: ReconcileRun, lease: { readonly owner: string; readonly forMs: number; readonly epoch: number }): Promise<BegunLook>;
  read(question: LedgerQuestion): Promise<LedgerAnswer>;
  /** @throws KeelsonError INFRA_RECONCILING when the lease has ended meanwhile: nothing is written. */
  write(run: ReconcileRun, owner: string, epoch: number, look: LookRecord): Promise<WrittenLook>;
  /** Books what a difference says is the venue's rounding. @throws Error when the books say otherwise by now */
  bookRounding(id: string, epoch: number): Promise<void>;
  /** `failed`: why it could not be done; null when it was. */
  noteRepair(id: string, repair: Repair, failed: string | null): Promise<void>;
  /**
   * Ends a look, and with a result its run. `lifts`: after which classes a pause ends by itself. Without a cursor the next
   * one reads from where this one began.
   */
  end(
    run: ReconcileRun,
    look: Pick<BegunLook, 'owner' | 'began'>,
    outcome: {
      readonly result: RunResult | null;
      readonly cursor: number | null;
      readonly detail?: string;
      readonly lifts: readonly string[];
      /** What was asked of the venue and is in no written look. */
      readonly calls?: number;
      readonly weight?: number;
    },
  ): Promise<void>;
  /** Drops old runs that nothing names, a part of them at a time. It holds no lock that anybody waits for. */
  prune(account: string): Promise<void>;
  /** When the comparison began that found the account clean last, epoch ms by the database's clock. */
  lastClean(account: string): Promise<number | undefined>;
  /** How long ago the last comparison that came to an end began, ms, if it found the account clean and the run has not begun; else undefined. */
  cleanFor(run: Pick<ReconcileRun, 'account' | 'runId'>): Promise<number | undefined>;
}

/** Starts comparisons, wherever they run. */
export interface Reconciliations {
  /** One for a cause is enough: where one runs, it is that one. @throws KeelsonError INFRA_TEMPORAL */
  start(account: string, scope: ReconcileScope): Promise<void>;
}

/** What runs in Temporal for an account. @throws KeelsonError INFRA_TEMPORAL */
export interface WorkflowRuns {
  /** Runs of signals and owners of positions, which end by themselves when nothing is left to do. */
  running(account: string): Promise<readonly { readonly workflowId: string; readonly startedMs: number }[]>;
  /** Which of these owners run. */
  owners(keys: readonly PositionKey[]): Promise<ReadonlySet<string>>;
  cancel(workflowId: string): Promise<void>;
}
