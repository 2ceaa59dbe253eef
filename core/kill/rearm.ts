import { rulesAt } from '../reconcile/rules.js';
import { VENUE_WIRES } from '../venue/wires.js';

/** What each look at a venue, of a kill or of a comparison, may take where the venue answers. */
const LOOK_MS = 2_000;
/** The kill's round that goes on when it is asked, two more with a pause, and its evidence, which may wait for the equity. */
const KILL_LOOKS_MS = 3 * LOOK_MS + 1_000 + 5_000;
/** A comparison takes two looks, with the pause of the venue that shows last what has happened. */
const slowest = Math.max(...Object.values(VENUE_WIRES).map(({ visibilityBoundMs }) => rulesAt(visibilityBoundMs).secondLookMs));
const COMPARISON_MS = 2 * LOOK_MS + slowest;
/** The second is made only where something has moved after the first, which was clean. */
export const MOST_COMPARISONS = 2;

/** How long the end of a halt may take where nothing is in its way. */
export const REARM_WAIT_MS = KILL_LOOKS_MS + MOST_COMPARISONS * COMPARISON_MS;
