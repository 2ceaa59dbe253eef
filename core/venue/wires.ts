const MINUTE_MS = 60_000;
const inMinutes = (minutes: readonly number[]): readonly number[] => minutes.map((one) => one * MINUTE_MS);

interface VenueWire {
  /**
   * True once the conformance cards have passed with an account of ours on the venue's own sandbox; until then real money
   * is traded over it only by an account that accepts that.
   */
  readonly isProven: boolean;
  /** How long after its admission an order, a fill or a balance may still be missing in what the venue shows, ms. */
  readonly visibilityBoundMs: number;
  /** Lengths of the bars that the venue has, ms. */
  readonly barIntervalsMs: readonly number[];
  /** Whether they are streamed; else each is asked for after its close (`ASKED_BARS`). */
  readonly streamsBars: boolean;
}

/** When a bar that is not streamed is asked for. */
export const ASKED_BARS = {
  /** After its close: the venue's clock is known to within this. */
  afterCloseMs: 300,
  /** Where the venue did not show it yet. */
  againMs: 1_000,
} as const;

/** A signal of such a bar that is valid for less has expired where the venue does not show its bar at the first question. */
export const ASKED_SIGNAL_VALID_MS = ASKED_BARS.afterCloseMs + ASKED_BARS.againMs;

/** The venues whose wire is spoken, by the name that the configuration gives them. */
export const VENUE_WIRES: Readonly<Record<'binance' | 'kraken', VenueWire>> = {
  binance: {
    isProven: false,
    visibilityBoundMs: 2_000,
    barIntervalsMs: [1_000, ...inMinutes([1, 3, 5, 15, 30, 60, 120, 240, 360, 480, 720, 1_440])],
    streamsBars: true,
  },
  kraken: { isProven: false, visibilityBoundMs: 5_000, barIntervalsMs: inMinutes([1, 5, 15, 30, 60, 240, 1_440]), streamsBars: false },
};
