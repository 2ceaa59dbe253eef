import type { DecimalText } from '../../core/money/index.js';
import { keysToFlatten } from '../../core/kill/flatten.js';
import type { KillSight, KillView } from '../../core/kill/view.js';
import { shownWithinMs } from '../../core/reconcile/rules.js';
import { heldOf } from '../../core/venue/held.js';
import { referencePrice } from '../order/reference-price.js';
import type { KillDependencies } from './dependencies.js';

/** What the venue shows of balances and prices, for a ledger that was read before. Open orders are asked for by who needs them. */
export async function look({ venueOf, protection }: KillDependencies, account: string, view: KillView): Promise<KillSight> {
  const venue = venueOf(account);
  const instruments = new Set(keysToFlatten(view).map(({ instrument }) => instrument));
  const prices: Record<string, DecimalText> = {};
  const [balances] = await Promise.all([
    venue.reader.balances(),
    ...[...instruments].map(async (instrument) => {
      // P19: without a fresh price the last mark serves.
      const price = (await referencePrice(venue, instrument)) ?? (await protection.lastMark({ account, strategy: '', instrument }));
      if (price !== undefined) prices[instrument] = price;
    }),
  ]);
  return {
    balances: heldOf(balances),
    openOrders: [],
    prices,
    shownMs: shownWithinMs(venue.profile.visibilityBoundMs),
  };
}
