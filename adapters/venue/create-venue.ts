import type { IncomingHttpHeaders } from 'node:http';
import type { Venue, VenueReader } from '../../activities/ports/venue.js';
import { Closure, WeightMeter } from '../../core/venue/weight.js';
import { assertAddresses, redirect } from './addresses.js';
import { ccxtClasses, type CcxtRest, type CcxtStreams } from './ccxt-classes.js';
import { restClient, streamsClient } from './ccxt-client.js';
import { KeepAliveTransport } from './keep-alive-transport.js';
import { Listing } from './listing.js';
import { growing } from './nonce.js';
import { OrderLines } from './order-lines.js';
import type { VenueAddresses, WireProfile } from './profiles/wire-profile.js';
import { parsed, patientReadCall, type Door } from './read-call.js';
import { venueReader } from './reader.js';
import { orderSender } from './sender.js';
import { venueStreams } from './streams.js';
import { VenueClock } from './venue-clock.js';

export interface VenueOptions {
  readonly profile: WireProfile;
  readonly urls: VenueAddresses;
  readonly apiKey: string;
  readonly secret: string;
  /** Our clock, epoch ms. */
  readonly clock: () => number;
  /** A clock of this process that goes on evenly and that nobody sets, ms. Default: the process's own. */
  readonly monotonic?: () => number;
  /** Our name of the venue, for messages; several may speak the same wire. Default: the profile's. */
  readonly name?: string;
  /** Our name of the account, for messages. */
  readonly account?: string;
  /** The instruments that are traded: `instruments()` tells only of them and of those it is asked for, as far as they are listed. Default: all. */
  readonly instruments?: readonly string[];
  /** Shared by all that call the venue from this address; one of its own where there is only this one. */
  readonly meter?: WeightMeter;
  /** Until when the account is not to ask; shared by all its openings. */
  readonly closure?: Closure;
  /** Told of what is not answered and is done without. */
  readonly log?: { warn(data: object, message: string): void };
  /** Real money: only then may an address be that of a live venue. */
  readonly live?: boolean;
  /** How long one read may take from its first byte to the last of the answer. Default 5,000. */
  readonly readLimitMs?: number;
  /** The connections for orders, shared by the accounts of a process at this address; some of its own where there is only this one. */
  readonly lines?: OrderLines;
  /** How many of its own are held open. Default 2. */
  readonly warmSockets?: number;
  /** How often those are used when there is nothing to send. Default: the profile's. */
  readonly keepWarmMs?: number;
  /** How often a stream is pinged; a dead socket is found within three pings. Default 5,000. */
  readonly pingMs?: number;
}

/**
 * A venue over the library: one client that sends, one that reads, and one for each stream. Loads the instruments and
 * opens the connections of orders before it returns.
 * @throws KeelsonError CONFIG_VENUE_ADDRESS when an address leads elsewhere, VENUE_UNAVAILABLE, VENUE_RATE_LIMITED or VENUE_AUTH.
 */
export async function createVenue(options: VenueOptions): Promise<Venue> {
  const { urls, clock, monotonic = () => performance.now(), live = false, account = 'this account' } = options;
  // Whoever reads of it knows it by its name in the configuration.
  const profile = options.name === undefined ? options.profile : { ...options.profile, id: options.name };
  const closed = new AbortController();
  const answerLimitMs = options.readLimitMs ?? 5_000;
  const { usage } = profile;
  const meter = options.meter ?? new WeightMeter(profile.rateBudget.weight);
  const { closure = new Closure() } = options;
  const onHeaders = (headers: IncomingHttpHeaders): void => {
    const used = usage?.used(headers);
    if (used !== undefined) meter.see(used, venueNow());
  };
  const { lines = new OrderLines(profile, { everyMs: options.keepWarmMs, sockets: options.warmSockets }) } = options;
  const orderTransport = new KeepAliveTransport({ clock: monotonic, answerLimitMs, onHeaders, agents: lines.agents });
  const readTransport = new KeepAliveTransport({ clock: monotonic, answerLimitMs, onHeaders });
  const door: Door = {
    blockedMs: () => Math.max(meter.blockedMs(venueNow()), closure.blockedMs(venueNow())),
    block: ({ countedBy, forMs }) => (countedBy === 'address' ? meter : closure).block(forMs, venueNow()),
  };
  const call = patientReadCall(profile, account, door, closed.signal);

  // The clients sign with the venue's time, which is measured through one of them: the clock is filled in below.
  const venueNow = (): number => venueClock.venueNow();
  const settings = {
    classes: await ccxtClasses(profile.ccxtId),
    apiKey: options.apiKey,
    secret: options.secret,
    options: profile.options,
    unasked: profile.unasked,
    ...(profile.limiter === undefined ? {} : { limiter: profile.limiter }),
    // One for all clients of the key: the venue refuses a number that is not above the last one it saw.
    nonce: profile.nonce === 'growing' ? growing(venueNow) : venueNow,
  };
  const confined = <T extends CcxtRest>(client: T): T => {
    redirect(client, profile, urls);
    assertAddresses(client, profile.id, urls, live);
    return client;
  };
  const orderClient = confined(restClient(settings, orderTransport, false));
  const readClient = confined(restClient(settings, readTransport, true));
  const openStreams = (): CcxtStreams => confined(streamsClient(settings, options.pingMs ?? 5_000));
  // Streams are opened later, each by a client of its own; one is made now so that a wrong address shows at once.
  openStreams();
  const venueClock = new VenueClock({
    ...{ client: orderClient, transport: orderTransport, lines, profile, call, now: clock, monotonic },
    isBlocked: () => door.blockedMs() > 0,
  });
  const listing = new Listing({
    ...{ source: readClient, followers: [orderClient], profile },
    ...{ only: options.instruments, log: options.log },
  });

  const close = async (): Promise<void> => {
    closed.abort();
    venueClock.stop();
    orderTransport.close();
    readTransport.close();
  };

  try {
    await venueClock.read();
    const { seen } = await call(readTransport, 'instruments', () => listing.reload());
    const allowed = usage?.limit(parsed(seen.body));
    if (allowed !== undefined) meter.allow(allowed);
    await venueClock.keepWarm();
  } catch (error) {
    await close();
    throw error;
  }

  const parts = { orderClient, orderTransport, profile, listing, clock: venueClock, call };
  const reader = venueReader({ ...parts, client: readClient, transport: readTransport });
  // A venue with a limit of its own, which is small, would refuse what does not queue.
  const atOnce = venueReader({ ...parts, client: orderClient, transport: orderTransport });
  // But prices: they are public, and count for nothing of it. In the queue each would wait behind the reads of the account, and when nobody waits
  // for it any more still hold up the look-ups behind it.
  const pricesAtOnce = (): VenueReader => ({
    ...reader,
    lastPrice: (instrument) => atOnce.lastPrice(instrument),
    lastPrices: (instruments) => atOnce.lastPrices(instruments),
  });
  return {
    profile,
    address: new URL(urls.rest).host,
    sender: orderSender({ client: orderClient, transport: orderTransport, profile, account, names: listing, door }),
    reader,
    haltReader: profile.limiter === undefined ? atOnce : pricesAtOnce(),
    streams: venueStreams({ open: openStreams, profile, reader, listing, clock, venueNow, closed: closed.signal }),
    lastClock: () => venueClock.last(),
    weight() {
      const forMs = door.blockedMs();
      if (forMs > 0) return { kind: 'closed', forMs };
      const weight = meter.at(venueNow());
      return usage === undefined ? { kind: 'untold' } : weight;
    },
    claimWeight: () => (usage === undefined ? { kind: 'taken', free: () => undefined } : meter.claim(venueNow())),
    close,
  };
}
