import { keysToFlatten } from '../../core/kill/flatten.js';
import { restMs, spentBy, type Spent } from '../../core/kill/budget.js';
import { examine, latchName, type Finding, type Look } from '../../core/kill/verify.js';
import type { Venue } from '../ports/venue.js';
import type { KillDependencies } from './dependencies.js';
import { look } from './look.js';
import { ShownOrders } from './shown-orders.js';
import { missingStops } from './tend-stops.js';

export type Looked = Finding & Required<Pick<Finding, 'look'>>;

/** How often a round asks for balances and for what is open, at most. */
const LISTS_A_ROUND = 2;

/**
 * One look at ledger and venue: what of the halt is not verified yet, exactly. The ledger is read before the venue, so that
 * an order of which it says nothing more can only be seen there (P28). What the venue said is kept for the evidence.
 * @param shown hears what is open, for the round that comes next
 */
export function createKillVerify(
  dependencies: KillDependencies,
  shown: ShownOrders = new ShownOrders(),
): (account: string) => Promise<Looked> {
  const { kills, venueOf, clock } = dependencies;
  const spent = new Map<string, Spent>();
  /** How long the venue is to be left alone, by what the address has used of its window, whoever has used it. */
  const restAfter = (account: string, venue: Venue, venueTime: number): Pick<Look, 'restMs'> => {
    const { readWeights, rateBudget } = venue.profile;
    const ownWeight = LISTS_A_ROUND * (readWeights.openOrders + readWeights.balances);
    const end = { time: clock(), venueTime, windowMs: rateBudget.weight.windowMs, ownWeight };
    const weight = venue.weight();
    const now = spentBy(spent.get(account), weight, end);
    spent.delete(account);
    if (now === undefined) return {};
    spent.set(account, now);
    const rest = restMs(now, weight, end);
    return rest === 0 ? {} : { restMs: rest };
  };
  return async (account) => {
    const view = await kills.readKill(account);
    const stops = await missingStops(dependencies, view);
    const venue = venueOf(account);
    const { reader } = venue;
    const sight = await look(dependencies, account, view);
    const openOrders = await reader.openOrders();
    const { venueTime } = await reader.clock();
    shown.saw(account, view, openOrders, clock());
    const finding = examine(view, { ...sight, openOrders, venueTime }, stops);
    const held = keysToFlatten(view);
    await kills.observe(account, 'looked', { venueTime, balances: sight.balances, prices: sight.prices, openOrders, held, ...finding });
    const rest = restAfter(account, venue, venueTime);
    return { ...finding, look: { time: view.risk.databaseTime, under: view.latches.map(latchName), ...rest } };
  };
}
