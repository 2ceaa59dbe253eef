import type { OutboxStore } from '../../activities/ports/outbox.js';
import type { Owners } from '../../activities/ports/owners.js';
import type { RunbookStore } from '../../activities/ports/runbook.js';
import type { MarketStore, OrderStore } from '../../activities/ports/store.js';
import type { Venue } from '../../activities/ports/venue.js';

/** Puts something between a role and what is outside of it; a product process takes them as they are. */
export interface PortWraps {
  readonly store: (store: OrderStore) => OrderStore;
  readonly venue: (venue: Venue) => Venue;
  readonly market: (store: MarketStore) => MarketStore;
  readonly outbox: (store: OutboxStore) => OutboxStore;
  readonly owners: (owners: Owners) => Owners;
  readonly runbooks: (store: RunbookStore) => RunbookStore;
}

const asItIs = <Port>(port: Port): Port => port;

export const AS_THEY_ARE: PortWraps = {
  store: asItIs,
  venue: asItIs,
  market: asItIs,
  outbox: asItIs,
  owners: asItIs,
  runbooks: asItIs,
};
