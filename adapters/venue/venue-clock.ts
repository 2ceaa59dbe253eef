import { invariant } from '../../core/errors.js';
import type { ClockReading } from '../../activities/ports/venue.js';
import type { CcxtRest } from './ccxt-classes.js';
import type { KeepAliveTransport } from './keep-alive-transport.js';
import type { WireProfile } from './profiles/wire-profile.js';
import type { ReadCall } from './read-call.js';
import { CoarseSkew } from './coarse-skew.js';

/**
 * The venue's clock, read over the connections that orders take. Reading it again and again keeps them open, so that
 * an order needs no new one, and keeps the measured skew fresh.
 */
export class VenueClock {
  readonly #client: CcxtRest;
  readonly #transport: KeepAliveTransport;
  readonly #profile: WireProfile;
  readonly #call: ReadCall;
  readonly #now: () => number;
  readonly #monotonic: () => number;
  readonly #coarse: CoarseSkew | undefined;
  #last: ClockReading | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: {
    readonly client: CcxtRest;
    readonly transport: KeepAliveTransport;
    readonly profile: WireProfile;
    readonly call: ReadCall;
    readonly now: () => number;
    /** Its times of a call are those of the transport. */
    readonly monotonic: () => number;
  }) {
    this.#client = parts.client;
    this.#transport = parts.transport;
    this.#profile = parts.profile;
    this.#call = parts.call;
    this.#now = parts.now;
    this.#monotonic = parts.monotonic;
    this.#coarse = parts.profile.clockStepMs > 1 ? new CoarseSkew(parts.profile.clockStepMs) : undefined;
  }

  /**
   * The venue's time, epoch ms: as it was last read, and what has passed since. Our own clock may be set, and what has once been said of a time
   * to come (the number of a request, above which those that follow have to be) holds up all that share a key until then. It stands in only
   * for what was never read.
   */
  readonly venueNow = (): number => Math.round(this.#last === undefined ? this.#now() : this.#monotonic() + this.#last.aheadOfMonotonicMs);

  /** @throws KeelsonError as every read of the venue. */
  async read(): Promise<ClockReading> {
    const reading = await this.#ask();
    this.#last = reading;
    return reading;
  }

  last(): ClockReading {
    invariant(this.#last !== undefined, "the venue's clock is read before anything else is asked");
    return this.#last;
  }

  async #ask(): Promise<ClockReading> {
    const { value: venueTime, seen } = await this.#call(this.#transport, 'time', () => this.#profile.calls.serverTime(this.#client));
    const sentTime = seen.sentTime ?? this.#monotonic();
    const receivedTime = seen.receivedTime ?? this.#monotonic();
    const aheadOfMonotonicMs = this.#coarse?.see(venueTime, sentTime, receivedTime) ?? venueTime - (sentTime + receivedTime) / 2;
    return {
      venueTime,
      // Of our clock as it stands now: it may have been set while the answer was on its way.
      skewMs: Math.round(this.#monotonic() + aheadOfMonotonicMs - this.#now()),
      aheadOfMonotonicMs,
      roundTripMs: Math.round(receivedTime - sentTime),
    };
  }

  /**
   * Opens `sockets` connections by reading the clock over all of them at once. Afterwards one reading after another uses
   * each of them once in `everyMs`; one at a time, so that an order always finds a free one. Lost ones are opened again.
   */
  async keepWarm(sockets: number, everyMs: number): Promise<void> {
    const touch = async (): Promise<void> => {
      const count = this.#transport.connections < sockets ? sockets : 1;
      const asked = await Promise.allSettled(Array.from({ length: count }, () => this.#ask()));
      const readings = asked.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      // The fastest round trip bounds the error of the skew most closely.
      const best = readings.toSorted((first, second) => first.roundTripMs - second.roundTripMs)[0];
      if (best !== undefined) this.#last = best;
    };
    await touch();
    let busy = false;
    this.#timer = setInterval(() => {
      if (busy) return;
      busy = true;
      void touch().finally(() => (busy = false));
    }, everyMs / sockets);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
