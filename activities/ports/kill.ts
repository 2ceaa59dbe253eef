import type { Finding } from '../../core/kill/verify.js';
import type { UnusableState } from '../../core/people/approvals.js';
import type { KillView } from '../../core/kill/view.js';
import type { OrderStore } from './store.js';

/** Whose lease an account has; it ends by itself (P27). */
export interface Lease {
  readonly isMine: boolean;
  readonly owner: string;
  readonly remainingMs: number;
}

export type KillPhase = 'running' | 'verified' | 'released';

/** A file that tells all about a halt. */
export interface EvidenceFile {
  readonly path: string;
  readonly sha256: string;
  /** The halts that it tells of. */
  readonly latchIds?: readonly string[];
  /** All that it tells of: each halt and how strict it was, how many orders have sold, runs without Temporal. */
  readonly of?: readonly string[];
}

/** What became of a request to end a latch; `found`: what is in the way, for people. */
export type Released =
  | { readonly kind: 'released' }
  | { readonly kind: 'notApproved'; readonly state: UnusableState }
  /** `unreconciled`: accounts that no reconciliation has found clean within the last minute. */
  | { readonly kind: 'notClean'; readonly found: string; readonly unreconciled?: readonly string[] };

/** Sections of the evidence of a halt; what is waited for is named. */
export interface KillEvidence {
  readonly latches: readonly object[];
  readonly equity: {
    /** Null as long as nothing that was read after the last fill is known. */
    readonly after: object | null;
    /** Whether the account watch is at work. */
    readonly isWatched: boolean;
  };
  readonly [section: string]: unknown;
}

/** What a kill reads and writes. Throws as OrderStore does. */
export interface KillStore {
  /** @throws KeelsonError INPUT_UNKNOWN_ACCOUNT too. */
  readKill(account: string): Promise<KillView>;
  takeLease(account: string, owner: string, forMs: number): Promise<Lease>;
  dropLease(account: string, owner: string): Promise<void>;
  /** The ledger for whoever holds the lease: its authorise and its submit have lease and latch as conditions. */
  ordersAs(leaseOwner: string): OrderStore;
  /** How far the kill is; a change is audited. */
  /** `isDirect`: not the workflow says so, but what carries the halt out without it. */
  writeKill(account: string, phase: KillPhase, state: Finding, evidence: EvidenceFile | null, isDirect?: boolean): Promise<void>;
  /** Somebody is at it: whoever watches has not to take it over (P26). */
  touchKill(account: string): Promise<void>;
  /** What the venue said, for the evidence. */
  observe(account: string, kind: string, data: object): Promise<void>;
  /**
   * Ends a latch in one statement, with the rows of two people and only when every account under it is verified and nothing is
   * in the way (P30).
   */
  release(latchId: string, requestId: string): Promise<Released>;
  evidence(account: string): Promise<KillEvidence>;
  /** The incident of that key, where its file was written after these latches were called last; undefined: there is none such. */
  writtenBefore(
    incidentKey: string,
    latchIds: readonly string[],
  ): Promise<{ readonly file: EvidenceFile; readonly time: number } | undefined>;
  /** The file that was told of last, where that was after these latches were called last, with all that it tells of. */
  writtenLast(
    account: string,
    latchIds: readonly string[],
  ): Promise<{ readonly file: EvidenceFile; readonly of: readonly string[] } | undefined>;
}

/** The kills of accounts, wherever they run. */
export interface Kills {
  /** Lets the kill of an account look at its latches, and starts one where there is none. @throws KeelsonError INFRA_TEMPORAL */
  wake(account: string): Promise<void>;
}

/** A file that a halt without Temporal has left; `unread`: why it could not be read, which the evidence then says. */
export type DirectRun =
  | { readonly name: string; readonly sha256: string; readonly content: unknown }
  | { readonly name: string; readonly unread: string };

/** Where evidence is kept: files that people can hand on. */
export interface EvidenceFiles {
  /** Writes a file, whole or not at all. */
  write(name: string, content: string): Promise<EvidenceFile>;
  /** What halts without Temporal have left of an account since then (epoch ms, our clock). It fails for no file and for no disk. */
  readDirect(account: string, sinceTime: number): Promise<readonly DirectRun[]>;
}
