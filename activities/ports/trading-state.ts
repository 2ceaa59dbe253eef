import type { Mode } from '../../core/control/mode.js';
import type { StoredStream } from '../../core/start-up/bars.js';

/** That a runbook holds an account in a stricter mode (`control.runbook_hold`). */
export interface RunbookHold {
  readonly runId: string;
  readonly runbook: string;
  readonly mode: Mode;
  /** What its run found. */
  readonly from: Mode;
  /** What a start-up may bring back. */
  readonly was: Mode;
}

/** How an account stands, for a run that may hold it. */
export interface Standing {
  readonly mode: Mode;
  /** In words: the mode, who set it and why. */
  readonly told: string;
  /** A halt over all of it, in words. */
  readonly halt: string | null;
  /** A person has given the run up, or it has ended: whatever it waits for, it waits no longer, and it does nothing more. */
  readonly isAborted: boolean;
  readonly hold: RunbookHold | null;
  readonly isOurs: boolean;
}

/**
 * `hold`: as strict as `mode`, where nobody else has made it so; `ease`: from the pause of a shutdown to `mode`; `release`: to what was
 * before the first runbook; `undo`: to what this run found.
 */
export type HoldChange = { readonly what: 'hold' | 'ease'; readonly mode: Mode } | { readonly what: 'release' | 'undo' };

export interface WorkingOrder {
  readonly intentId: string;
  readonly clientOrderId: string;
  readonly instrument: string;
  readonly purpose: string;
  readonly status: string;
  /** Of a stop. */
  readonly stopPrice: string | null;
}

/** What is on its way, and what is held. */
export interface Left {
  /** Every order that is not over, stops too. */
  readonly working: readonly WorkingOrder[];
  readonly positions: readonly { readonly strategy: string; readonly instrument: string; readonly quantity: string }[];
  /** Positions without exactly the stop that can be, dust left out. */
  readonly unprotected: readonly { readonly strategy: string; readonly instrument: string }[];
  /** What of positions no stop can be for; people are told by `positionUncovered`. */
  readonly uncovered: readonly { readonly strategy: string; readonly instrument: string; readonly quantity: string }[];
  /** What waits to be told to a workflow of the account. */
  readonly outbox: number;
}

/** What start-up and shutdown read and change in the ledger. Every change is audited with it. @throws KeelsonError INFRA_DATABASE */
export interface TradingStateStore {
  standing(account: string, runId: string): Promise<Standing>;
  /** @throws KeelsonError RISK_MODE_NOT_OURS with what is in the way. */
  change(account: string, runId: string, change: HoldChange, reason: string): Promise<void>;
  /** The newest bars of each, newest first. */
  bars(
    venue: string,
    streams: readonly { readonly instrument: string; readonly intervalMs: number; readonly count: number }[],
  ): Promise<{ readonly databaseTime: number; readonly streams: readonly StoredStream[] }>;
  left(account: string): Promise<Left>;
  /** How long ago the action of a step was begun that has not ended, ms, whoever has begun it; 0 where there is none. */
  begunMsAgo(runId: string, step: string): Promise<number>;
}

/** The start of the whole system that this process belongs to, for one account. */
export interface BegunStart {
  readonly runId: string;
  readonly isEnded: boolean;
  /** Runs of the start before, which nobody carries out any more. */
  readonly superseded: readonly string[];
}
