import type { LiveView } from '../../core/risk/view.js';

/** What this process sees of an account's venue right now: last prices by stream, the measured clock. */
export interface LiveMarket {
  view(account: string, instrument: string): LiveView;
  /**
   * Now in the venue's time, epoch ms: bars are stamped in it, and so is how long a signal is valid. Our own clock as long
   * as the venue's was never read. Where ours was set since, the later of what it can be: nothing is valid for longer by that.
   */
  venueNow(account: string): number;
  /** The same, by which an order is signed: the earlier of what it can be, so that none is admitted later than its window says (P6). */
  signingTime(account: string): number;
  /** Theirs minus ours in ms, as last measured, however long ago; undefined until it was. */
  clockSkewMs(account: string): number | undefined;
  /** How long the reading took that this was measured by, ms: it may be off by half of it. */
  clockRoundTripMs(account: string): number | undefined;
}
