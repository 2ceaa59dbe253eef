import type { GivenUp } from './runbook.js';
import type { Execution } from '../../core/drawdown/losses.js';
import type { DrawdownReport } from '../../core/drawdown/report.js';
import type { ValuedFill } from '../../core/ledger/results.js';
import type { DecimalText } from '../../core/money/index.js';
import type { PlainObject } from '../../core/runbook/spec.js';
import type { EvidenceFile } from './kill.js';

/** A halt that a drawdown has caused, as its run sees it. Times are epoch ms by the database's clock. */
export interface DrawdownFacts {
  readonly account: string;
  readonly latchId: string;
  readonly reason: string;
  readonly now: number;
  readonly isStanding: boolean;
  readonly engagedTime: number;
  /** Since when the part that is at work has been, whoever began it. */
  readonly partTime: number | null;
  /** How far the halt of the account is, and whether its file is written. */
  readonly kill: {
    readonly phase: 'running' | 'verified' | 'released';
    readonly verifiedTime: number | null;
    readonly hasEvidence: boolean;
  } | null;
  readonly evidence: PlainObject | null;
  readonly incidentId: string | null;
  readonly totals: PlainObject | null;
  /** Null: nobody has given the run up. */
  readonly givenUp: GivenUp | null;
}

/** Sections of the evidence; what a report is reckoned from is named. */
export interface DrawdownEvidence {
  readonly halt: {
    readonly sinceTime: number;
    readonly peakTime: number | null;
    readonly dayTime: number;
  };
  readonly marks: Readonly<Record<string, DecimalText | null>>;
  readonly [section: string]: unknown;
}

/** The rows of a drawdown's halt, by the run that looks into it. @throws KeelsonError INFRA_DATABASE from every method. */
export interface DrawdownStore {
  /** A run that a person has asked for is of the halt that stands. */
  attach(runId: string): Promise<void>;
  /** Undefined: there is no halt of a drawdown that it could be of. */
  read(runId: string): Promise<DrawdownFacts | undefined>;
  evidence(runId: string): Promise<DrawdownEvidence>;
  keepEvidence(runId: string, evidence: EvidenceFile): Promise<void>;
  report(runId: string, report: DrawdownReport): Promise<void>;
  /** Every fill of the account, in the venue's order. */
  fills(account: string): AsyncIterable<ValuedFill>;
  /** Orders of ours that were filled since then. */
  executions(account: string, since: number): Promise<readonly Execution[]>;
  steps(account: string): Promise<Readonly<Record<string, DecimalText>>>;
}
