import type { OrderDependencies } from '../order/dependencies.js';
import type { EvidenceFiles, KillStore } from '../ports/kill.js';
import type { ProtectionStore } from '../ports/store.js';

/** What the steps of a kill work with, in a guardian or in the direct command. */
export interface KillDependencies extends Pick<OrderDependencies, 'store' | 'venueOf' | 'live' | 'epoch' | 'instanceId'> {
  readonly kills: KillStore;
  readonly protection: Pick<ProtectionStore, 'readProtection' | 'lastMark'>;
  readonly files: EvidenceFiles;
  readonly newId: () => string;
  /** Our clock, epoch ms. */
  readonly clock: () => number;
  /** Waits so many ms. */
  readonly pause: (ms: number) => Promise<void>;
}

/** Venues as a halt reads them: behind nothing that others ask. */
export function haltVenues(venueOf: OrderDependencies['venueOf']): OrderDependencies['venueOf'] {
  return (account) => {
    const venue = venueOf(account);
    return { ...venue, reader: venue.haltReader };
  };
}
