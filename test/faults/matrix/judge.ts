import { disagreements } from '../../support/witness.js';
import { VENUE_ACCOUNT } from '../../support/paper-account.js';
import { brokenRules, ordersPlaced } from './journal-rules.js';
import type { Lane } from './lane.js';
import { until } from './wait.js';

/** Brings the lane to rest: nothing held that could be sold, nothing open, nobody at work, and both books agree. */
export async function settle(lane: Lane): Promise<string[]> {
  let found: string[] = [];
  try {
    await lane.calm();
    await until('not at rest', async () => {
      const { sellable, open } = await lane.holding();
      if (!sellable.isZero()) await lane.close();
      found = [
        ...open.map((order) => `${order.purpose} ${order.intentId} is ${order.status}`),
        ...(sellable.isZero() ? [] : [`${sellable.toFixed()} is held`]),
      ];
      if (found.length > 0) return undefined;
      found = await disagreements(lane.ledger.database.pool, lane.name, lane.account.witness());
      if (found.length === 0 && !(await lane.ownerHasEnded()) && !(await lane.restsWithDust())) found = ['the owner of nothing goes on'];
      return found.length === 0;
    });
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error), ...found];
  }
}

/** What the venue's journal shows to have been wrong at any moment. */
export function judge(lane: Lane): string[] {
  return brokenRules(lane.account.journal(), VENUE_ACCOUNT, 'BTC');
}

export const placedSoFar = (lane: Lane): number => ordersPlaced(lane.account.journal(), VENUE_ACCOUNT);
