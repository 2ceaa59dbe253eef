import type { VenueWeight } from '../venue/weight.js';

/** What a venue had counted against our address when a round of a halt was over. */
export interface Spent {
  /** Which of the venue's windows that was in, counted from its epoch. */
  readonly window: number;
  /** By our clock, epoch ms. */
  readonly time: number;
  readonly used: number;
  /** What others have asked for while a round and its wait went on: halts of other accounts, and of this one by another process, too. */
  readonly others: number;
}

/** When a round was over, and what it asks of the venue by itself. */
export interface RoundEnd {
  readonly time: number;
  readonly venueTime: number;
  readonly windowMs: number;
  readonly ownWeight: number;
}

/** Of what the venue allows, in hundredths: the rest is for exits and stops. Who asks for more is sent away, and nothing of the address is sold then. */
const ROUNDS_SHARE_PERCENT = 90;
/** As long as a wait between two rounds, and the round after it, mostly take: so much time others have until this one has room for the next. */
const ROUND_MS = 4_000;
/** What was seen in less time says little of it: what somebody asks for at his start he does not ask for again and again. */
const SEEN_MS = 3_000;

/** How much the address has used by the end of a round; undefined where the venue does not tell. Pure. */
export function spentBy(before: Spent | undefined, weight: VenueWeight, end: RoundEnd): Spent | undefined {
  if (weight.kind !== 'used') return undefined;
  const { time, ownWeight, windowMs } = end;
  const { used } = weight;
  const window = windowOf(end);
  const othersWithin = (spent: number, ms: number): number => (Math.max(0, spent - ownWeight) * ROUND_MS) / Math.max(SEEN_MS, ms);
  const others = (): number => {
    if (before?.window === window) return othersWithin(used - before.used, Math.abs(time - before.time));
    // The window before tells more than this one, which has only begun; where nothing is known of it, this one has to.
    return before?.window === window - 1 ? before.others : othersWithin(used, end.venueTime % windowMs);
  };
  return { window, time, used, others: others() };
}

/** How long a halt leaves the venue alone, so that its next round does not close the address: to the end of the window, or 0. Pure. */
export function restMs({ used, others }: Spent, weight: VenueWeight, { venueTime, windowMs, ownWeight }: RoundEnd): number {
  const isRoom = weight.kind !== 'used' || (used + ownWeight + others) * 100 <= weight.limit * ROUNDS_SHARE_PERCENT;
  return isRoom ? 0 : windowMs - (venueTime % windowMs);
}

function windowOf({ venueTime, windowMs }: RoundEnd): number {
  return Math.floor(venueTime / windowMs);
}
