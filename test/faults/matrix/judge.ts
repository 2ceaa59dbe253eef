import { disagreements } from '../../support/witness.js';
import { VENUE_ACCOUNT } from '../../support/paper-account.js';
import { brokenRules, ordersPlaced, stopsPlaced } from '../journal-rules.js';
import type { Lane } from './lane.js';
import type { Plan } from './plan.js';
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

/** As the venue names the types of stops. */
const STOP_TYPES = { stopMarket: 'STOP_LOSS', stopLimit: 'STOP_LOSS_LIMIT' } as const;

/** What was wrong at any moment, by the venue's journal, and what nobody was told of. `stops`: the types of those that the story had. */
export async function judge(lane: Lane, plan: Plan): Promise<{ readonly wrong: string[]; readonly stops: readonly string[] }> {
  const lines = lane.account.journal();
  const stops = stopsPlaced(lines, VENUE_ACCOUNT, lane.firstLine);
  const others = stops.filter((type) => type !== STOP_TYPES[plan.stop]).map((type) => `a stop is ${type}, not ${STOP_TYPES[plan.stop]}`);
  return { wrong: [...brokenRules(lines, VENUE_ACCOUNT, 'BTC'), ...others, ...(await untold(lane))], stops };
}

/** P13: an order that was called not placed, and is at the venue after all, is an incident. */
async function untold({ ledger, name, account }: Lane): Promise<string[]> {
  const { rows } = await ledger.database.pool.query<{ id: string; intent: string }>(
    `select a.data->>'clientOrderId' as id, a.data->>'intentId' as intent from audit_events a
     where a.account = $1 and a.kind = 'order.notPlaced' and not exists (
       select from incidents i where i.account = $1 and i.kind like '%evidenceAfterFinal%' and i.data->>'intentId' = a.data->>'intentId')`,
    [name],
  );
  const { orders } = account.witness();
  return rows.filter(({ id }) => orders.has(id)).map(({ intent }) => `no incident: ${intent} was called not placed, and was placed`);
}

export const placedSoFar = (lane: Lane): number => ordersPlaced(lane.account.journal(), VENUE_ACCOUNT);
