import type { VenueReader, VenueStreams } from '../../activities/ports/venue.js';
import { isUnlisted } from '../../core/venue/unlisted.js';
import { ASKED_BARS } from '../../core/venue/wires.js';
import { pause } from './pause.js';
import { plainDetail } from './verdict.js';

export interface PollBarsOptions {
  readonly reader: Pick<VenueReader, 'bars'>;
  readonly instruments: readonly string[];
  readonly intervalMs: number;
  readonly handlers: Parameters<VenueStreams['watchBars']>[1];
  readonly clock: () => number;
  /** The venue's time, epoch ms. */
  readonly venueNow: () => number;
  readonly signal: AbortSignal;
}

/** A bar that is not there after so many questions is waited for no longer: the next close asks for it as well. */
const QUESTIONS = 5;
const BARS_A_QUESTION = 500;

/**
 * Bars of a venue whose streams do not say when a bar is closed: asked for when it should be, until it is there. The first
 * that is told is the one that is open now; after an outage the missed ones are told before the new one.
 */
export async function pollBars(options: PollBarsOptions): Promise<void> {
  const { instruments, intervalMs, venueNow, signal } = options;
  const openNow = (): number => Math.floor(venueNow() / intervalMs) * intervalMs;
  const begun = openNow();
  const next = new Map(instruments.map((instrument) => [instrument, begun]));
  let questions = 0;
  /** Those that failed when they were asked for last, and told so. */
  const lost = new Map<string, string>();
  /** Not listed when it was asked for up to that close: not asked for again before the next one. */
  const unlisted = new Map<string, number>();
  while (!signal.aborted) {
    const due = openNow();
    for (const [instrument, from] of next) {
      if (from >= due || unlisted.get(instrument) === due || signal.aborted) continue;
      // One that fails holds up no other.
      try {
        next.set(instrument, await tell(options, instrument, from));
        lost.delete(instrument);
      } catch (error) {
        const detail = plainDetail(error);
        // Whoever warms up tells of what is not listed.
        if (isUnlisted(error)) unlisted.set(instrument, due);
        else if (lost.get(instrument) !== detail) options.handlers.onGap(detail, instrument);
        lost.set(instrument, detail);
      }
    }
    const isMissing = [...next].some(([instrument, from]) => from < due && unlisted.get(instrument) !== due);
    questions = isMissing ? questions + 1 : 0;
    const untilClose = openNow() + intervalMs + ASKED_BARS.afterCloseMs - venueNow();
    const asksAgain = isMissing && questions < QUESTIONS;
    if (!asksAgain) questions = 0;
    await pause(asksAgain ? Math.min(ASKED_BARS.againMs, untilClose) : untilClose, signal);
  }
}

/** Tells the closed bars from `from` on. @returns the open time of the next one. */
async function tell(options: PollBarsOptions, instrument: string, from: number): Promise<number> {
  const { reader, intervalMs, handlers, clock, venueNow, signal } = options;
  const bars = await reader.bars(instrument, intervalMs, from, BARS_A_QUESTION);
  const now = clock();
  const aheadMs = venueNow() - now;
  let next = from;
  for (const bar of bars) {
    if (bar.openTime < next || signal.aborted) continue;
    if (bar.openTime > next) handlers.onGap(`${instrument}: bars are missing before ${bar.openTime}`, instrument);
    next = bar.openTime + intervalMs;
    // A close that is told late is no new price: it is as old as its bar, by our clock.
    const seenTime = Math.min(now, bar.closeTime - aheadMs);
    handlers.onPrice(instrument, bar.close, { seenTime });
    handlers.onBar({ bar, seenTime });
  }
  return next;
}
