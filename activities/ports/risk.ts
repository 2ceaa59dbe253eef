import type { RiskView } from '../../core/risk/view.js';

/** Whose risk: the account's, with what is particular to one strategy and instrument. */
export interface RiskKey {
  readonly account: string;
  readonly strategy: string;
  readonly instrument: string;
}

/** Where the gate gets its view of the ledger. */
export interface RiskSource {
  /**
   * A held view where one is kept up to date, else one read now; `fresh` always reads. A verdict on a view that has passed
   * is refused when it is written (P4), so a held one can cost a second try, never a wrong order.
   * @throws KeelsonError INFRA_DATABASE, INPUT_UNKNOWN_ACCOUNT
   */
  read(key: RiskKey, options?: { readonly fresh?: boolean }): Promise<RiskView>;
  /** A verdict was written over the account's state: a view that is held has passed, before anybody can tell of it. */
  written?(account: string): void;
}
