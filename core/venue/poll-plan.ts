import { PROTOCOL } from '../risk/limits.js';
import type { Need } from './parts.js';

/** What of a venue's profile decides how often its account may be asked for. */
export interface PolledVenue {
  /** Whether orders and fills of the account are streamed. */
  readonly streams: { readonly account: boolean };
  /** How often the open orders are listed where they are not streamed, if the budget allows it, ms. */
  readonly pollMs: number;
  readonly rateBudget: { readonly weight: { readonly limit: number; readonly windowMs: number } };
  /** What each read costs of that budget. A look-up counts as one that finds the order. */
  readonly readWeights: { readonly openOrders: number; readonly lookUp: number; readonly fills: number; readonly balances: number };
  /** Whether fills are listed for the whole account, or for each instrument. */
  readonly fillLists: 'account' | 'instrument';
}

export interface PollPlan {
  /** Between two listings of all open orders; undefined where they are streamed. */
  readonly listMs: number | undefined;
  /** Between two look-ups of the same working order. */
  readonly lookUpMs: number;
  /** Between any two look-ups; 0: all that are due are made at once. */
  readonly lookUpGapMs: number;
  /** Between two listings of fills. */
  readonly catchUpMs: number;
  readonly snapshotMs: number;
}

/** Of what the venue allows, for all watches over all accounts that it counts together: the rest is for look-ups that cannot wait, for starts, and for trading. */
const WATCH_SHARE = 0.5;
/** And for the look-ups that the workflows of resting entries make beside them, where the watches' lists tell of fills, … */
const TENDED_SHARE = 0.25;
/** … and where they are streamed, and the watches look each of them up: beside those the share of trading has to last for entries. */
const TENDED_SHARE_STREAMED = 0.1;

/**
 * However many orders rest, balances are not slowed with them beyond this, as far as it takes no more than this part of what a watch may spend: what
 * another hand has taken is seen there alone, twice.
 */
const SLOWEST_SNAPSHOT_MS = 30_000;
const BALANCES_SHARE = 1 / 6;

const MINUTE_MS = 60_000;
const CATCH_UP_MS = 60_000;
const SNAPSHOT_MS = 5_000;
/** Where the open orders are listed, the listing shows what happens: these go beside it. */
const LISTED_LOOK_UP_GAP_MS = 15_000;
const LISTED_SNAPSHOT_MS = 15_000;

/**
 * How often the watch of an account asks the venue for what, so that it uses its share of the venue's budget and no more.
 * Where the budget is too small for what P16 wishes, everything is asked for less often, in proportion, but balances no less often than a part of it allows.
 * @param sharers how many of this size share the budget: the processes that watch the account, each by this plan (whatever one sees is booked for all), over
 *   the account's part among those whose requests the venue counts together
 */
export function pollPlan(venue: PolledVenue, workingOrders: number, instruments: number, sharers = 1): PollPlan {
  const wished = wishedPlan(venue, workingOrders);
  const allowed = allowedAMinute(venue, sharers);
  const others = weightAMinute(venue, { ...wished, snapshotMs: Number.POSITIVE_INFINITY }, workingOrders, instruments);
  const balancesEach = (ms: number): number => venue.readWeights.balances * (MINUTE_MS / ms);
  const ofBalances = balancesEach(wished.snapshotMs);
  const leastForBalances = Math.min(balancesEach(SLOWEST_SNAPSHOT_MS), allowed * BALANCES_SHARE);
  const forBalances = Math.max(ofBalances / Math.max(1, (others + ofBalances) / allowed), leastForBalances);
  // With nothing else to ask for, balances may have all of it.
  const slower = others === 0 ? 1 : Math.max(1, others / (allowed - forBalances));
  // What floats add to a whole number is none of the venue's.
  const times = (ms: number, factor: number): number => Math.max(0, Math.ceil(ms * factor - 1e-7));
  const stretched = (ms: number): number => times(ms, slower);
  return {
    listMs: wished.listMs === undefined ? undefined : stretched(wished.listMs),
    lookUpMs: stretched(wished.lookUpMs),
    lookUpGapMs: stretched(wished.lookUpGapMs),
    catchUpMs: stretched(wished.catchUpMs),
    snapshotMs: times(wished.snapshotMs, ofBalances / forBalances),
  };
}

/**
 * What the watch of an account would use of what all at its address may, if nothing limited it. One at which nothing is at stake can do with balances as often as
 * they are never slowed beyond, and with the rest in proportion, while others have orders at rest.
 */
export function needOf(venue: PolledVenue, workingOrders: number, instruments: number, isQuiet: boolean): Need {
  const plan = wishedPlan(venue, workingOrders);
  const wished = weightAMinute(venue, plan, workingOrders, instruments) / allowedAMinute(venue);
  return { least: isQuiet ? wished * (plan.snapshotMs / SLOWEST_SNAPSHOT_MS) : wished, wished };
}

/**
 * How long balances wait at least while the venue has counted all but a kill's part: those of all accounts together cost what those of one would, but each has its
 * turn once a window, as its worth has to be known.
 */
export function scantSnapshotMs(venue: PolledVenue, sharers: number): number {
  return Math.min(venue.rateBudget.weight.windowMs, Math.ceil(wishedPlan(venue, 0).snapshotMs * sharers - 1e-7));
}

/**
 * How often an entry that is known to rest is looked up by its own workflow, ms, beside the watches of its account.
 * @param entries how many of the account rest
 */
export function tendedLookUpMs({ streams, rateBudget, readWeights }: PolledVenue, entries: number): number {
  const { limit, windowMs } = rateBudget.weight;
  const share = streams.account ? TENDED_SHARE_STREAMED : TENDED_SHARE;
  return Math.max(PROTOCOL.workingOrderPollMs, Math.ceil((entries * readWeights.lookUp * windowMs) / (share * limit)));
}

/** What those of one account take of a minute at most. */
export function tendedAMinute({ streams, rateBudget: { weight } }: PolledVenue): number {
  return ((streams.account ? TENDED_SHARE_STREAMED : TENDED_SHARE) * weight.limit * MINUTE_MS) / weight.windowMs;
}

const wishedPlan = (venue: PolledVenue, workingOrders: number): PollPlan =>
  venue.streams.account ? WHERE_STREAMED : whereListed(venue, workingOrders);

const WHERE_STREAMED: PollPlan = {
  listMs: undefined,
  lookUpMs: PROTOCOL.workingOrderPollMs,
  lookUpGapMs: 0,
  catchUpMs: CATCH_UP_MS,
  snapshotMs: SNAPSHOT_MS,
};

/** One order after the other: how many there are makes none of the requests more frequent. */
const whereListed = ({ pollMs }: PolledVenue, workingOrders: number): PollPlan => ({
  listMs: pollMs,
  lookUpMs: LISTED_LOOK_UP_GAP_MS * Math.max(1, workingOrders),
  lookUpGapMs: LISTED_LOOK_UP_GAP_MS,
  catchUpMs: CATCH_UP_MS,
  snapshotMs: LISTED_SNAPSHOT_MS,
});

/** What one of so many of its size may spend in a minute. */
export function allowedAMinute({ rateBudget }: PolledVenue, sharers = 1): number {
  return (WATCH_SHARE * rateBudget.weight.limit * MINUTE_MS) / rateBudget.weight.windowMs / sharers;
}

/** What a plan spends in a minute. */
export function weightAMinute(venue: PolledVenue, plan: PollPlan, workingOrders: number, instruments: number): number {
  const { openOrders, lookUp, fills, balances } = venue.readWeights;
  const lists = venue.fillLists === 'account' ? Math.min(1, instruments) : instruments;
  return (
    (plan.listMs === undefined ? 0 : openOrders * (MINUTE_MS / plan.listMs)) +
    lookUp * workingOrders * (MINUTE_MS / plan.lookUpMs) +
    fills * lists * (MINUTE_MS / plan.catchUpMs) +
    balances * (MINUTE_MS / plan.snapshotMs)
  );
}
