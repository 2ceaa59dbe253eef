import { invariant } from '../../core/errors.js';
import type { ClockReading } from '../../activities/ports/venue.js';
import type { CcxtRest } from './ccxt-classes.js';
import type { KeepAliveTransport } from './keep-alive-transport.js';
import type { LineUser, OrderLines } from './order-lines.js';
import type { WireProfile } from './profiles/wire-profile.js';
import type { ReadCall } from './read-call.js';

/** The venue's clock as an account reads it over the connections that its orders take, and as others have read it over those. */
export class VenueClock {
  readonly #client: CcxtRest;
  readonly #transport: KeepAliveTransport;
  readonly #lines: OrderLines;
  readonly #profile: WireProfile;
  readonly #call: ReadCall;
  readonly #now: () => number;
  readonly #monotonic: () => number;
  readonly #user: LineUser;

  constructor(parts: {
    readonly client: CcxtRest;
    readonly transport: KeepAliveTransport;
    /** Those of the transport. */
    readonly lines: OrderLines;
    readonly profile: WireProfile;
    readonly call: ReadCall;
    readonly isBlocked: () => boolean;
    readonly now: () => number;
    /** Its times of a call are those of the transport. */
    readonly monotonic: () => number;
  }) {
    this.#client = parts.client;
    this.#transport = parts.transport;
    this.#lines = parts.lines;
    this.#profile = parts.profile;
    this.#call = parts.call;
    this.#now = parts.now;
    this.#monotonic = parts.monotonic;
    this.#user = { ask: () => this.#ask(), isBlocked: parts.isBlocked };
    this.#lines.join(this.#user);
  }

  /**
   * The venue's time, epoch ms: as it was last read, and what has passed since. Our own clock may be set, and what has once been said of a time
   * to come (the number of a request, above which those that follow have to be) holds up all that share a key until then. It stands in only
   * for what was never read.
   */
  readonly venueNow = (): number => {
    const { last } = this.#lines;
    return Math.round(last === undefined ? this.#now() : this.#monotonic() + last.aheadOfMonotonicMs);
  };

  /** @throws KeelsonError as every read of the venue. */
  async read(): Promise<ClockReading> {
    const reading = await this.#ask();
    this.#lines.last = reading;
    return reading;
  }

  last(): ClockReading {
    const { last } = this.#lines;
    invariant(last !== undefined, "the venue's clock is read before anything else is asked");
    return last;
  }

  /** From here on the connections are kept open, also for this account. */
  keepWarm(): Promise<void> {
    return this.#lines.open();
  }

  stop(): void {
    this.#lines.leave(this.#user);
  }

  async #ask(): Promise<ClockReading> {
    const { value: venueTime, seen } = await this.#call(this.#transport, 'time', () => this.#profile.calls.serverTime(this.#client));
    const sentTime = seen.sentTime ?? this.#monotonic();
    const receivedTime = seen.receivedTime ?? this.#monotonic();
    const aheadOfMonotonicMs = this.#lines.coarse?.see(venueTime, sentTime, receivedTime) ?? venueTime - (sentTime + receivedTime) / 2;
    return {
      venueTime,
      // Of our clock as it stands now: it may have been set while the answer was on its way.
      skewMs: Math.round(this.#monotonic() + aheadOfMonotonicMs - this.#now()),
      aheadOfMonotonicMs,
      roundTripMs: Math.round(receivedTime - sentTime),
    };
  }
}
