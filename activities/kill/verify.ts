import { keysToFlatten } from '../../core/kill/flatten.js';
import { examine, latchName, type Finding } from '../../core/kill/verify.js';
import type { KillDependencies } from './dependencies.js';
import { look } from './look.js';
import { missingStops } from './tend-stops.js';

export type Looked = Finding & Required<Pick<Finding, 'look'>>;

/**
 * One look at ledger and venue: what of the halt is not verified yet, exactly. The ledger is read before the venue, so that
 * an order of which it says nothing more can only be seen there (P28). What the venue said is kept for the evidence.
 */
export function createKillVerify(dependencies: KillDependencies): (account: string) => Promise<Looked> {
  const { kills, venueOf } = dependencies;
  return async (account) => {
    const view = await kills.readKill(account);
    const stops = await missingStops(dependencies, view);
    const { reader } = venueOf(account);
    const sight = await look(dependencies, account, view);
    const openOrders = await reader.openOrders();
    const { venueTime } = await reader.clock();
    const finding = examine(view, { ...sight, openOrders }, stops);
    const held = keysToFlatten(view);
    await kills.observe(account, 'looked', { venueTime, balances: sight.balances, prices: sight.prices, openOrders, held, ...finding });
    return { ...finding, look: { time: view.risk.databaseTime, under: view.latches.map(latchName) } };
  };
}
