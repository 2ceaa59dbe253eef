import type { SeenAt, VenueReader, VenueStreams, Watch } from '../../activities/ports/venue.js';
import { pollPlan } from '../../core/venue/poll-plan.js';
import type { CcxtStreams } from './ccxt-classes.js';
import type { Listing } from './listing.js';
import { followListed } from './listed-stream.js';
import type { Frame, WireProfile } from './profiles/wire-profile.js';
import { pollAccount, type Pace } from './poll-account.js';
import { pollBars } from './poll-bars.js';
import { runStream } from './stream-session.js';

/** No frame of the market for three intervals, or for this long where that is shorter, is a dead stream. */
const LONGEST_SILENCE_MS = 5_000;

/** The venue's clock is known to within this. */
const SKEW_ERROR_MS = 500;

/** Who watches an account without a ledger. */
const ALONE: Watch = { watchers: () => 1, resting: () => [] };

/** When a frame's word was so. What comes from further in the future than the clocks can differ by keeps its time: nobody knows how old it is. */
function seenAt(eventTime: number, now: number, venueNow: number): SeenAt {
  const seenTime = eventTime - (venueNow - now);
  return seenTime > now + SKEW_ERROR_MS
    ? { seenTime, lateMs: 0 }
    : { seenTime: Math.min(now, seenTime), lateMs: Math.max(0, now - seenTime) };
}

/** The streams of one venue, or what stands in for them. Every stream has a connection of its own; `closed` ends them all. */
export function venueStreams(parts: {
  readonly open: () => CcxtStreams;
  readonly profile: WireProfile;
  readonly listing: Listing;
  /** What is not streamed is read through it. */
  readonly reader: VenueReader;
  readonly clock: () => number;
  /** The venue's time as far as it is known, epoch ms. */
  readonly venueNow: () => number;
  readonly closed: AbortSignal;
}): VenueStreams {
  const { profile, listing, clock, reader } = parts;
  const { frames } = profile;
  const open = (): CcxtStreams => {
    const client = parts.open();
    listing.share(client);
    return client;
  };
  const until = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, parts.closed]);

  return {
    async watchBars({ instruments, intervalMs }, handlers, signal) {
      const timeframe = profile.timeframe(intervalMs);
      if (timeframe === undefined) throw new RangeError(`${profile.id} has no bars of ${intervalMs} ms`);
      if (frames === undefined || !profile.streams.bars) {
        const { venueNow } = parts;
        return pollBars({ reader, instruments, intervalMs, handlers, clock, venueNow, signal: until(signal) });
      }
      const lastClosed = new Map<string, number>();
      const onFrame = (frame: Exclude<Frame, undefined>): boolean => {
        if (frame.kind !== 'bar' || frame.bar.intervalMs !== intervalMs) return false;
        const { bar } = frame;
        const seen = seenAt(frame.eventTime, clock(), parts.venueNow());
        handlers.onPrice(bar.instrument, frame.price, seen);
        const last = lastClosed.get(bar.instrument);
        if (!frame.closed || (last !== undefined && bar.openTime <= last)) return true;
        lastClosed.set(bar.instrument, bar.openTime);
        if (last !== undefined && bar.openTime > last + intervalMs)
          handlers.onGap(`${bar.instrument}: bars are missing before ${bar.openTime}`, bar.instrument);
        handlers.onBar({ bar, ...seen });
        return true;
      };
      await followListed({
        listing,
        instruments,
        signal: until(signal),
        onGap: (reason) => handlers.onGap(reason),
        run: (listed, running) =>
          runStream({
            open,
            read: (message) => frames.frame(message, listing.instrumentOf),
            subscribe(client) {
              const now = listed();
              return now.length === 0 ? new Promise<never>(() => undefined) : frames.subscribeBars(client, now, timeframe);
            },
            silenceMs: Math.min(3 * intervalMs, LONGEST_SILENCE_MS),
            signal: running,
            onLost: (reason) => handlers.onGap(reason),
            onFrame,
          }),
      });
    },

    async watchAccount(onEvent, signal, { watchers, resting } = ALONE) {
      if (frames === undefined || !profile.streams.account) {
        // Of a listed account the number of orders and instruments changes neither.
        const pace = (): Pace => {
          const { listMs: pollMs = profile.pollMs, catchUpMs } = pollPlan(profile, 1, 1, watchers());
          return { pollMs, catchUpMs };
        };
        return pollAccount({ reader, pace, resting, onEvent, clock, signal: until(signal) });
      }
      await runStream({
        open,
        read: (message) => frames.frame(message, listing.instrumentOf),
        subscribe: (client) => frames.subscribeAccount(client),
        signal: until(signal),
        onLost: (reason) => onEvent({ kind: 'gap', reason }),
        onFrame(frame) {
          if (frame.kind === 'subscribed') onEvent({ kind: 'gap', reason: 'subscribed: what happened before is not in the stream' });
          if (frame.kind === 'order') {
            if (frame.fill !== undefined) onEvent({ kind: 'fill', fill: frame.fill, orderCreatedTime: frame.order.createdTime });
            onEvent({ kind: 'order', order: frame.order });
          }
          return true;
        },
      });
    },
  };
}
