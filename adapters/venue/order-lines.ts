import type { ClockReading } from '../../activities/ports/venue.js';
import { openConnections } from '../../core/venue/connections.js';
import { countConnections, destroyAgents, openAgents } from './agents.js';
import { CoarseSkew } from './coarse-skew.js';
import type { WireProfile } from './profiles/wire-profile.js';

/** An account that can read the venue's clock over these connections. */
export interface LineUser {
  readonly ask: () => Promise<ClockReading>;
  /** Whether the venue wants not to be asked by it yet. */
  readonly isBlocked: () => boolean;
}

/**
 * The connections over which the accounts of one process send their orders to one address, and the venue's clock as any of them read it last. Reading it again and again
 * keeps the connections open, so that an order needs no new one, and keeps the measured skew fresh: of the venue, which has one clock, and of ours. A venue counts each reading
 * against the address, so it is not read for each account.
 */
export class OrderLines {
  readonly agents = openAgents();
  /** Shared, since it narrows a coarse clock down by readings at different moments of its step. */
  readonly coarse: CoarseSkew | undefined;
  last: ClockReading | undefined;
  readonly #users = new Set<LineUser>();
  readonly #everyMs: number;
  readonly #sockets: ((accounts: number) => number) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOpen = false;
  #isBusy = false;

  /** @param more how often each connection is used, and how many there are, where not as the profile says and the number of accounts. */
  constructor(
    profile: Pick<WireProfile, 'keepWarmMs' | 'clockStepMs'>,
    more: { readonly everyMs?: number | undefined; readonly sockets?: number | undefined } = {},
  ) {
    this.coarse = profile.clockStepMs > 1 ? new CoarseSkew(profile.clockStepMs) : undefined;
    this.#everyMs = more.everyMs ?? profile.keepWarmMs;
    const { sockets } = more;
    this.#sockets = sockets === undefined ? undefined : () => sockets;
  }

  /** From here on the connections stand until it leaves. */
  join(user: LineUser): void {
    this.#users.add(user);
  }

  /**
   * Opens what is missing by reading the clock over all connections at once. Afterwards one reading after another uses each of them in turn; one at a time, so that an
   * order always finds a free one. Lost ones are opened again.
   */
  async open(): Promise<void> {
    this.#isOpen = true;
    this.#pace();
    await this.#touch();
  }

  leave(user: LineUser): void {
    this.#users.delete(user);
    this.#isOpen &&= this.#users.size > 0;
    this.#pace();
    // They serve again where an account is opened anew.
    if (this.#users.size === 0) destroyAgents(this.agents);
  }

  get #count(): number {
    return (this.#sockets ?? openConnections)(this.#users.size);
  }

  #pace(): void {
    clearInterval(this.#timer);
    if (!this.#isOpen) return;
    this.#timer = setInterval(() => {
      if (this.#isBusy) return;
      this.#isBusy = true;
      void this.#touch().finally(() => (this.#isBusy = false));
    }, this.#everyMs / this.#count);
    this.#timer.unref();
  }

  async #touch(): Promise<void> {
    const users = [...this.#users];
    const user = users.find((one) => !one.isBlocked()) ?? users[0];
    if (user === undefined) return;
    const count = countConnections(this.agents) < this.#count ? this.#count : 1;
    const asked = await Promise.allSettled(Array.from({ length: count }, () => user.ask()));
    const readings = asked.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    // The fastest round trip bounds the error of the skew most closely.
    const best = readings.toSorted((first, second) => first.roundTripMs - second.roundTripMs)[0];
    if (best !== undefined) this.last = best;
  }
}
