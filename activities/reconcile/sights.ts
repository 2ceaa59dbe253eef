import { text } from '../../core/money/index.js';
import { unfilledOf } from '../../core/order/stored-order.js';
import { planProtection } from '../../core/protection/plan.js';
import type { LedgerSight, Protected, SeenFill, VenueSight, WorkflowSight } from '../../core/reconcile/sight.js';
import { heldOf } from '../../core/venue/held.js';
import { isUnlisted } from '../../core/venue/unlisted.js';
import type { LedgerAnswer, WorkflowRuns } from '../ports/reconcile.js';
import type { VenueReader } from '../ports/venue.js';
import type { ReconcileDependencies } from './dependencies.js';

/**
 * What the venue shows. Its lists are no snapshot of one moment: what moves between two of them is a difference of time, which
 * a second look tells from others. Fills are read after the balances, so that each fill that those lack is in the list or comes later.
 * @param from from when on fills are read, once the venue's own time is known.
 * @param lists the instruments whose fills are listed one by one; undefined: the venue lists those of the account.
 * @param besides asked for as well, where the venue lists them one by one; nothing is told of one that it does not list.
 * @returns beside it those that the venue does not list any more, and of which nothing was seen.
 */
export async function seeVenue(
  reader: VenueReader,
  from: (venueTime: number) => number,
  lists: readonly string[] | undefined,
  besides: readonly string[] = [],
): Promise<{ readonly venue: VenueSight; readonly unlisted: readonly string[] }> {
  const { venueTime } = await reader.clock();
  const fillsSince = from(venueTime);
  const openOrders = await reader.openOrders();
  const balances = heldOf(await reader.balances());
  const seen = { venueTime, openOrders, fillsSince, balances };
  if (lists === undefined) return { venue: { ...seen, fills: await reader.fills(undefined, fillsSince) }, unlisted: [] };
  const [fills, listed, unlisted]: [SeenFill[], Set<string>, string[]] = [[], new Set(), []];
  const concerned = new Set([...lists, ...openOrders.map((order) => order.instrument)]);
  for (const instrument of new Set([...concerned, ...besides])) {
    try {
      fills.push(...(await reader.fills(instrument, fillsSince)));
      listed.add(instrument);
    } catch (error) {
      // Dust of one that has left the venue keeps nobody from comparing the rest.
      if (!isUnlisted(error)) throw error;
      if (concerned.has(instrument)) unlisted.push(instrument);
    }
  }
  return { venue: { ...seen, fills, listed }, unlisted };
}

/** What the ledger answers, with the plan of each position's owner: what its stop should be is not said in two places. */
export async function seeLedger(
  { protection }: Pick<ReconcileDependencies, 'protection'>,
  account: string,
  { keys, ...answer }: LedgerAnswer,
): Promise<LedgerSight> {
  const found: Protected[] = [];
  for (const { strategy, instrument, held, filled, unchangedMs } of keys) {
    const key = { account, strategy, instrument };
    const view = await protection.readProtection(key);
    const stops = view.working
      .filter(({ purpose }) => purpose === 'stop')
      .map((stop) => ({ intentId: stop.intentId, leaves: text(unfilledOf(stop)) }));
    found.push({ key, held, filled, step: planProtection(key, view), stops, unchangedMs });
  }
  return { ...answer, account, protected: found };
}

/** Which workflows run; undefined where Temporal does not answer. */
export async function listWorkflows(
  { runs, log }: Pick<ReconcileDependencies, 'runs' | 'log'>,
  account: string,
): Promise<Awaited<ReturnType<WorkflowRuns['running']>> | undefined> {
  try {
    return await runs.running(account);
  } catch (error) {
    log.warn({ account, error: String(error) }, 'the workflows that run could not be listed; nothing is said of them');
    return undefined;
  }
}

export async function seeWorkflows(
  { runs, log }: Pick<ReconcileDependencies, 'runs' | 'log'>,
  ledger: LedgerSight,
  listed: Awaited<ReturnType<typeof listWorkflows>>,
  needed: readonly string[],
): Promise<WorkflowSight | undefined> {
  if (listed === undefined) return undefined;
  try {
    const owners = await runs.owners(ledger.protected.map(({ key }) => key));
    const isNeeded = new Set(needed);
    return { owners, running: listed.map((one) => ({ ...one, isNeeded: isNeeded.has(one.workflowId) })) };
  } catch (error) {
    log.warn({ account: ledger.account, error: String(error) }, 'the owners that run are not known; nothing is said of workflows');
    return undefined;
  }
}
