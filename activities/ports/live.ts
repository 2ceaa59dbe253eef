import type { LiveView } from '../../core/risk/view.js';

/** What this process sees of the venue right now: last prices by stream, the measured clock. */
export interface LiveMarket {
  view(instrument: string): LiveView;
  /** Theirs minus ours in ms, as last measured; undefined until it was. */
  clockSkewMs(): number | undefined;
}
