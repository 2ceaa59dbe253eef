import { PROTOCOL } from '../risk/limits.js';

/** The numbers of reconciliation, ms. */
export const RECONCILE = {
  /** What is younger is most likely still on its way. */
  inFlightMs: 5_000,
  /** Between the two looks of one run. */
  secondLookMs: 3_000,
  /** A repair, or what a person decided, that has not helped by then is a person's. P23 gives an owner 15 s after a crash. */
  repairMs: 30_000,
  /** Nobody has looked for so long, although it is done each minute: neither was anything repaired meanwhile, so its time begins anew. */
  unseenMs: 180_000,
  /** A list may show a trade late: one that is booked and not listed is told only when it is older. */
  lateListMs: 60_000,
  /** A workflow that runs for nothing ends by itself within a minute. */
  idleWorkflowMs: 180_000,
  /** A workflow is a person's only when looks have seen it run for nothing for so long without a pause: after a sleep it has to be told first. */
  idleSeenMs: 90_000,
  /** … and such a pause is longer than from one minute's run to the next. */
  idleUnseenMs: 90_000,
  /**
   * What is another at every look, as where coins leave drop by drop, an order by another hand fills all the time, or one of ours of which a fill
   * is missing, is a person's when looks have seen it move for so long.
   */
  movingMs: 60_000,
  /** For so long an order of which nobody knows what became excuses an asset in which fees are paid, where no fill says how much that may be. */
  excusedMs: 600_000,
  /** A full comparison that could not be made is made so much later, and so often at most: it is due once a day. */
  againMs: 600_000,
  mostTries: 36,
  /** Looks of one run; what is not settled then is found where it is by the next. */
  mostLooks: 4,
  /**
   * Rows that one look begins or hands to a person: each costs an incident, and all are written in one statement, which may last
   * a second (P9). The next look takes the rest.
   */
  mostBegun: 50,
  /** What one look repairs: each asks the venue or the ledger, and a look has its time. The next takes the rest, and may follow at once. */
  mostRepairs: 20,
  /** Orders by another hand of which one look asks whose they are. */
  mostNamed: 5,
  /** How far the window of an ordinary comparison reaches behind the last one (P16). */
  overlapMs: PROTOCOL.fillCatchUpOverlapMs,
  /** … and that of a deep one, which looks at two hours anew. */
  deepMs: 7_200_000,
  /** … and of a full one, and of the first. */
  fullMs: 90_000_000,
} as const;

export type ReconcileRules = Readonly<Record<keyof typeof RECONCILE, number>>;

/**
 * The rules at a venue that shows what happened only after a while (`visibilityBoundMs` of its profile): what its lists do not agree
 * on within that time is on its way, and nobody's fault.
 */
export function rulesAt(visibilityBoundMs: number): ReconcileRules {
  const shownMs = shownWithinMs(visibilityBoundMs);
  return { ...RECONCILE, inFlightMs: Math.max(RECONCILE.inFlightMs, shownMs), secondLookMs: Math.max(RECONCILE.secondLookMs, shownMs) };
}

/** After so long a venue shows what has happened. */
export function shownWithinMs(visibilityBoundMs: number): number {
  return visibilityBoundMs + 1_000;
}

/** Why an account is compared. */
export const RECONCILE_SCOPES = ['start', 'reconnect', 'minute', 'hour', 'day', 'rearm', 'demand', 'deepDemand'] as const;
export type ReconcileScope = (typeof RECONCILE_SCOPES)[number];

/** Whether it can be left to the next one: nobody waits for its answer. */
export function canWait(scope: ReconcileScope): boolean {
  return scope !== 'rearm' && scope !== 'demand' && scope !== 'deepDemand';
}

/** How deep: an ordinary one reads only what is new. */
export function depthOf(scope: ReconcileScope): 'ordinary' | 'deep' | 'full' {
  if (scope === 'day' || scope === 'deepDemand') return 'full';
  return scope === 'hour' ? 'deep' : 'ordinary';
}

/**
 * From when on fills are read, in the venue's time: behind where the last comparison got to, however long nobody compared.
 * Nothing before the account was ours, but for the first overlap.
 */
export function fillsFrom(
  scope: ReconcileScope,
  { cursor, venueTime, onboardedTime }: { readonly cursor: number | undefined; readonly venueTime: number; readonly onboardedTime: number },
): number {
  const depth = depthOf(scope);
  const back = { ordinary: RECONCILE.overlapMs, deep: RECONCILE.deepMs, full: RECONCILE.fullMs }[depth];
  const from = Math.min(venueTime, cursor ?? venueTime - RECONCILE.fullMs) - back;
  return Math.max(from, onboardedTime - RECONCILE.overlapMs);
}

/**
 * Up to when fills are compared after a look, in the venue's time. Where it has left something out, that is so far back that an
 * ordinary look reads the same again.
 */
export function cursorAfter(
  { fillsSince, venueTime }: { readonly fillsSince: number; readonly venueTime: number },
  isWhole: boolean,
): number {
  return isWhole ? venueTime : Math.min(venueTime, fillsSince + RECONCILE.overlapMs);
}
