import type { FlattenPolicy, Latch } from '../../core/control/mode.js';

/** Who halts, and why; written with the latch and audited. */
export interface HaltCause {
  /** A person, or the part of ours that did it (`watch`). */
  readonly subject: string;
  /** The key under which a person did it; null for a part of ours, and where a person needs none. */
  readonly underKey: string | null;
  /** Where a person who needs no key called it: that is written down each time, too. */
  readonly by?: 'chat' | 'direct';
  readonly reason: string;
  /** What becomes of what is held: it stays with its stops, or leaves at once. */
  readonly policy: FlattenPolicy;
}

/** What a halt wrote. */
export interface Engaged {
  readonly latchId: string;
  readonly isNew: boolean;
  /** The one that stands: stricter than what was asked for, where a halt stood already. */
  readonly policy: FlattenPolicy;
  /** Those that it is about, whole or in part. Empty: nothing is halted by it. */
  readonly accounts: readonly string[];
  /** Null: some account trades or holds anything of this. Else none does, and these are the names of which one does. */
  readonly known: readonly string[] | null;
}

/** Writes halts straight to the ledger's database, without Temporal (protocol P25). */
export interface HaltPort {
  /**
   * Returns once the latch is committed: no order begins to be sent in its scope after that. A halt that stands in the same
   * scope already is kept and returned; its policy is only ever made stricter.
   * @throws KeelsonError INFRA_DATABASE.
   */
  latch(scope: Latch, cause: HaltCause): Promise<Engaged>;
}
