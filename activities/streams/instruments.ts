import type { StoredOrder } from '../../core/order/stored-order.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import { isOnGrid } from '../../core/risk/filters.js';
import { applyEvent, type Books } from '../order/evidence.js';
import type { Owners } from '../ports/owners.js';
import type { MarketStore, ProtectionStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';

export interface RefreshDependencies {
  readonly books: Books;
  readonly bars: Pick<MarketStore, 'saveInstruments'>;
  readonly protection: Pick<ProtectionStore, 'held'>;
  readonly owners: Pick<Owners, 'wake'>;
}

/**
 * Reads the venue's filters and statuses anew. Where one has changed it is audited, the owners of positions look at their
 * stops again, and entries that rest beside the new grid, or in an instrument that does not trade any more, are canceled.
 * @returns whether every instrument trades.
 */
export async function refreshInstruments(
  { books, bars, protection, owners }: RefreshDependencies,
  { account, venueName, venue }: { readonly account: string; readonly venueName: string; readonly venue: Venue },
): Promise<boolean> {
  const rules = await venue.reader.instruments();
  const changed = new Set(await bars.saveInstruments(venueName, rules));
  const everyOneTrades = rules.every((one) => one.trading);
  if (changed.size > 0) {
    const audit = rules.filter((one) => changed.has(one.instrument)).map((data) => ({ kind: 'instrument.changed', account, data }));
    await books.store.openIncident({ audit });
    for (const key of await protection.held(account)) if (changed.has(key.instrument)) await owners.wake(key);
  }
  // Whoever stores a change first has seen it as one; what rests is held to the filters of now by every account.
  const byName = new Map(rules.map((one) => [one.instrument, one]));
  for (const order of await books.store.watchedOrders(account)) {
    const now = byName.get(order.instrument);
    if (now !== undefined && isMisplaced(order, now)) await applyEvent(books, order.intentId, { kind: 'requestCancel' });
  }
  return everyOneTrades;
}

/** Stops are their owners' business. */
function isMisplaced(order: StoredOrder, rules: InstrumentRules): boolean {
  const rests = order.status === 'accepted' || order.status === 'partiallyFilled';
  return rests && order.purpose === 'entry' && !(rules.trading && isOnGrid(order, rules));
}
