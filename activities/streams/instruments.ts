import type { StoredOrder } from '../../core/order/stored-order.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import { isOnGrid } from '../../core/risk/filters.js';
import { tellListed } from '../not-listed.js';
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
 * Whatever the configuration says now, what is held and what rests is looked after: an instrument may have been taken out of it while a
 * position rests on its stop.
 */
export async function concerned(
  { books, protection }: Pick<RefreshDependencies, 'books' | 'protection'>,
  account: string,
  traded: readonly string[],
): Promise<ReadonlySet<string>> {
  const [held, watched] = await Promise.all([protection.held(account), books.store.watchedOrders(account)]);
  return new Set([...traded, ...[...held, ...watched].map(({ instrument }) => instrument)]);
}

/**
 * Reads the venue's filters and statuses anew, of what the account trades or holds. Where one has changed, or is listed no more, it is
 * audited, people are told of what is listed no more, the owners of positions look at their stops again, and entries that rest beside the new grid, or in an instrument that does not
 * trade any more, are canceled.
 * @returns whether every instrument trades.
 */
export async function refreshInstruments(
  { books, bars, protection, owners }: RefreshDependencies,
  at: { readonly account: string; readonly venueName: string; readonly venue: Venue; readonly traded: readonly string[] },
): Promise<boolean> {
  const { account, venueName, venue } = at;
  const wanted = [...(await concerned({ books, protection }, account, at.traded))];
  const rules = await venue.reader.instruments(wanted);
  const { listed, unlisted, changed } = await saveListed({ store: books.store, bars }, { account, venueName, wanted, rules });
  // Read after the venue's answer: what was opened meanwhile was opened by the old filters.
  if (changed.size > 0) for (const key of await protection.held(account)) if (changed.has(key.instrument)) await owners.wake(key);
  await tellListed(books.store, account, { unlisted, listed, isRead: true });
  // Whoever stores a change first has seen it as one; what rests is held to the filters of now by every account.
  const byName = new Map<string, InstrumentRules | undefined>(rules.map((one) => [one.instrument, one]));
  for (const instrument of unlisted) byName.set(instrument, undefined);
  // Read anew as well, for the same reason.
  for (const order of await books.store.watchedOrders(account)) {
    if (byName.has(order.instrument) && isMisplaced(order, byName.get(order.instrument)))
      await applyEvent(books, order.intentId, { kind: 'requestCancel' });
  }
  return unlisted.length === 0 && rules.every((one) => one.trading);
}

/**
 * Stores what a venue has told of its instruments: of those that were asked for and are not among them, that they are listed no more, so that
 * the gate denies their entries. A change is audited.
 */
export async function saveListed(
  { store, bars }: { readonly store: Pick<Books['store'], 'openIncident'>; readonly bars: RefreshDependencies['bars'] },
  of: {
    readonly account: string;
    readonly venueName: string;
    readonly wanted: readonly string[];
    readonly rules: readonly InstrumentRules[];
  },
): Promise<{ readonly listed: readonly string[]; readonly unlisted: readonly string[]; readonly changed: ReadonlySet<string> }> {
  const { account, venueName, wanted, rules } = of;
  const listed = rules.map(({ instrument }) => instrument);
  const unlisted = wanted.filter((instrument) => !listed.includes(instrument));
  const changed = new Set(await bars.saveInstruments(venueName, rules, unlisted));
  if (changed.size > 0) {
    const now = [...rules, ...unlisted.map((instrument) => ({ instrument, trading: false, status: 'notListed' }))];
    const audit = now.filter((one) => changed.has(one.instrument)).map((data) => ({ kind: 'instrument.changed', account, data }));
    await store.openIncident({ audit });
  }
  return { listed, unlisted, changed };
}

/** Stops are their owners' business. */
function isMisplaced(order: StoredOrder, rules: InstrumentRules | undefined): boolean {
  const rests = order.status === 'accepted' || order.status === 'partiallyFilled';
  return rests && order.purpose === 'entry' && !(rules?.trading && isOnGrid(order, rules));
}
