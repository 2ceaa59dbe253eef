import type { LiveView } from '../../core/risk/view.js';

/** What this process sees of an account's venue right now: last prices by stream, the measured clock. */
export interface LiveMarket {
  view(account: string, instrument: string): LiveView;
  /** Theirs minus ours in ms, as last measured, however long ago; undefined until it was. */
  clockSkewMs(account: string): number | undefined;
}
