import type { RunbookStore } from '../../activities/ports/runbook.js';
import type { OrderStore } from '../../activities/ports/store.js';
import type { Venue } from '../../activities/ports/venue.js';

/** Puts something between a role and what is outside of it; a product process takes them as they are. */
export interface PortWraps {
  readonly store: (store: OrderStore) => OrderStore;
  readonly venue: (venue: Venue) => Venue;
  readonly runbooks: (store: RunbookStore) => RunbookStore;
}

export const AS_THEY_ARE: PortWraps = { store: (store) => store, venue: (venue) => venue, runbooks: (store) => store };
