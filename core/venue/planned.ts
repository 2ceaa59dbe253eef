import { comparedEachMinutes } from '../reconcile/pace.js';
import { clockWeightAMinute } from './connections.js';
import { allowedAMinute, scantSnapshotMs, tendedAMinute, type PolledVenue } from './poll-plan.js';
import { RECONCILERS_SHARE_PERCENT } from './weight.js';

const MINUTE_MS = 60_000;

/** What processes ask of a venue by the minute for the accounts that it counts together, whoever trades. */
export interface Planned {
  /** Most that the watches of orders, fills and balances take, … */
  readonly watches: number;
  /** … and the workflows of entries that rest, of one account. */
  readonly tended: number;
  readonly comparisons: number;
  readonly clock: number;
  /** From here on what rests is not looked up, and nothing is compared or entered. */
  readonly held: number;
  /** What goes on by itself all the same: the clock, and balances. */
  readonly unheld: number;
  readonly limit: number;
}

/**
 * @param compared what a comparison of each account takes.
 * @param processes how many hold connections there: one that trades, and guardians.
 */
export function plannedAMinute(
  venue: PolledVenue & { readonly keepWarmMs: number },
  compared: readonly number[],
  processes: number,
): Planned {
  const { weight } = venue.rateBudget;
  const limit = (weight.limit * MINUTE_MS) / weight.windowMs;
  const clock = processes * clockWeightAMinute(compared.length, venue.keepWarmMs);
  const watches = compared.length * Math.max(1, processes - 1);
  const balances = (watches * venue.readWeights.balances * MINUTE_MS) / scantSnapshotMs(venue, watches);
  return {
    watches: allowedAMinute(venue),
    tended: tendedAMinute(venue),
    comparisons: compared.reduce((all, one) => all + one, 0) / comparedEachMinutes(weight, compared),
    clock,
    held: (limit * RECONCILERS_SHARE_PERCENT) / 100,
    unheld: clock + balances,
    limit,
  };
}

/** Whether all of it is asked for in each minute, and what is left over stays what a halt may need. */
export function fits({ watches, tended, comparisons, clock, held, unheld, limit }: Planned): boolean {
  return watches + tended + comparisons + clock <= held && held + unheld < limit;
}
