import type { StoredOrder } from '../../core/order/stored-order.js';
import type { ApprovedOrder } from '../../core/risk/approved-order.js';
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
  /** What `read` would give without asking anybody; undefined where it would have to ask, or wait. */
  heldView?(key: RiskKey): RiskView | undefined;
  /** This order was just authorised by us, over the version that its approval names: a view that is held follows it, before anybody can tell of it. */
  authorised?(order: StoredOrder, approved: Pick<ApprovedOrder, 'riskVersion' | 'overrides'>): void;
}
