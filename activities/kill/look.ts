import type { DecimalText } from '../../core/money/index.js';
import { keysToFlatten } from '../../core/kill/flatten.js';
import type { KillSight, KillView } from '../../core/kill/view.js';
import { shownWithinMs } from '../../core/reconcile/rules.js';
import { heldOf } from '../../core/venue/held.js';
import { referencePrices } from '../order/reference-price.js';
import type { KillDependencies } from './dependencies.js';

/**
 * What the venue shows of balances and prices, for a ledger that was read before: all prices by one request, however many positions there are.
 * Open orders are asked for by who needs them.
 * @param known prices that were asked for just now
 */
export async function look(
  { venueOf, protection }: KillDependencies,
  account: string,
  view: KillView,
  known: KillSight['prices'] = {},
): Promise<KillSight> {
  const venue = venueOf(account);
  const instruments = [...new Set(keysToFlatten(view).map(({ instrument }) => instrument))];
  const isKnown = instruments.every((instrument) => instrument in known);
  const [balances, shown] = await Promise.all([venue.reader.balances(), isKnown ? known : referencePrices(venue, instruments)]);
  const marks = instruments.map(async (instrument): Promise<readonly [string, DecimalText | undefined]> => {
    // P19: without a fresh price the last mark serves.
    return [instrument, shown[instrument] ?? (await protection.lastMark({ account, strategy: '', instrument }))];
  });
  const prices = (await Promise.all(marks)).filter((one): one is readonly [string, DecimalText] => one[1] !== undefined);
  return {
    balances: heldOf(balances),
    openOrders: [],
    prices: Object.fromEntries(prices),
    shownMs: shownWithinMs(venue.profile.visibilityBoundMs),
  };
}
