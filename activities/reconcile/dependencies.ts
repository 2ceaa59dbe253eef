import type { Books } from '../order/evidence.js';
import type { Owners } from '../ports/owners.js';
import type { ReconcileStore, WorkflowRuns } from '../ports/reconcile.js';
import type { ProtectionStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import type { ComparedPace } from '../../core/reconcile/pace.js';
import type { ReconcileRules } from '../../core/reconcile/rules.js';

/** What a reconciliation works with. */
export interface ReconcileDependencies {
  readonly books: Books;
  readonly reconciliations: ReconcileStore;
  readonly venueOf: (account: string) => Venue;
  readonly protection: Pick<ProtectionStore, 'readProtection'>;
  readonly owners: Pick<Owners, 'revive'>;
  readonly runs: WorkflowRuns;
  /** After which classes of differences an account goes on by itself. */
  readonly liftsOf: (account: string) => readonly string[];
  /** At a venue that shows what happened after so long, ms. */
  readonly rulesAt: (visibilityBoundMs: number) => ReconcileRules;
  /** How often an account is compared by the minute. */
  readonly paceOf: (account: string) => ComparedPace;
  /** Epoch ms. */
  readonly clock: () => number;
  readonly newId: () => string;
  /** Waits so many ms. */
  readonly pause: (ms: number) => Promise<void>;
  readonly log: { warn(data: object, message: string): void };
}
