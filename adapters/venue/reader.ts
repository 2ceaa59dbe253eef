import type { LookUp, VenueFill, VenueReader } from '../../activities/ports/venue.js';
import type { Bar } from '../../core/bars/bar.js';
import type { DecimalText } from '../../core/money/index.js';
import { KeelsonError } from '../../core/errors.js';
import type { CcxtRest } from './ccxt-classes.js';
import type { KeepAliveTransport } from './keep-alive-transport.js';
import type { Listing } from './listing.js';
import type { Ask, WireProfile } from './profiles/wire-profile.js';
import { saidBy, saysUnlisted, type ReadCall } from './read-call.js';
import type { VenueClock } from './venue-clock.js';
import { plainDetail } from './verdict.js';
import { WireError } from './wire-row.js';

export interface ReaderParts {
  /** The client with the library's limiter on, and the connections it uses. */
  readonly client: CcxtRest;
  readonly transport: KeepAliveTransport;
  /** The client and connections of orders: a cancel never waits behind a long read. */
  readonly orderClient: CcxtRest;
  readonly orderTransport: KeepAliveTransport;
  readonly profile: WireProfile;
  readonly listing: Listing;
  readonly clock: VenueClock;
  readonly call: ReadCall;
}

/** Reads of the venue and cancels, all from the venue's own rows. */
export function venueReader(parts: ReaderParts): VenueReader {
  const { client, transport, profile, listing, clock } = parts;
  const { calls } = profile;

  const ask: Ask = async (call, work) => {
    const { value } = await parts.call(transport, call, () => work(client));
    return value;
  };
  const askAtOnce: Ask = async (call, work) => {
    const { value } = await parts.call(parts.orderTransport, call, () => work(parts.orderClient));
    return value;
  };
  /** What came and cannot be understood is as little known as what did not come. */
  async function understood<T>(call: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      throw new KeelsonError('VENUE_UNAVAILABLE', { venue: profile.id, call, detail: plainDetail(error) }, { cause: error });
    }
  }
  /** What the venue itself says not to list is no outage: our list of its instruments may be older. */
  async function listed<T>(instrument: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!saysUnlisted(error)) throw error;
      throw new KeelsonError('RISK_INSTRUMENT_UNKNOWN', { venue: profile.id, instrument }, { cause: error });
    }
  }
  const find = (instrument: string, clientOrderId: string) =>
    understood('order', () => calls.find(ask, listing, instrument, clientOrderId));

  return {
    instruments: (also) => ask('instruments', () => listing.reload(also)),
    clock: () => clock.read(),

    async bars(instrument, intervalMs, fromTime, limit) {
      const timeframe = profile.timeframe(intervalMs);
      if (timeframe === undefined) throw new RangeError(`${profile.id} has no bars of ${intervalMs} ms`);
      const symbolId = listing.symbolId(instrument);
      // Read before the bars: what had closed by then is closed in every answer that comes later.
      const { venueTime } = await clock.read();
      const found: Bar[] = [];
      let from = fromTime;
      while (found.length < limit) {
        const asked = Math.min(profile.pageSize, limit - found.length);
        const query = { instrument, symbolId, intervalMs, timeframe, fromTime: from, limit: asked };
        const page = await listed(instrument, () => understood('bars', () => calls.bars(ask, query)));
        const closed = page.filter((bar) => bar.closeTime < venueTime);
        found.push(...closed);
        const last = closed.at(-1);
        if (last === undefined || page.length < asked || closed.length < page.length) break;
        from = last.openTime + intervalMs;
      }
      return found;
    },

    lastPrice: (instrument) => understood('price', async () => calls.lastPrice(ask, listing.symbolId(instrument))),
    async lastPrices(instruments) {
      const known = instruments.filter((instrument) => listing.isListed(instrument));
      const ids = known.map((instrument) => listing.symbolId(instrument));
      const one = async (id: string) => new Map([[id, await calls.lastPrice(ask, id)]]);
      const together = async (): Promise<readonly ReadonlyMap<string, DecimalText>[]> => {
        const [first] = ids;
        if (first === undefined) return [];
        return [await understood('price', () => (ids.length === 1 ? one(first) : calls.lastPrices(ask, ids)))];
      };
      const told = await together().catch(async (error: unknown) => {
        if (!profile.unlistedCodes.includes(saidBy(error)?.code ?? '')) throw error;
        // One that the venue lists no more, in a list of ours that is older, keeps no other without its price.
        const each = await Promise.allSettled(ids.map((id) => understood('price', () => one(id))));
        return each.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
      });
      const prices = told.flatMap((map) => [...map].map(([id, price]) => [listing.instrumentOf(id), price] as const));
      return Object.fromEntries(prices.filter(([instrument]) => instruments.includes(instrument)));
    },
    book: (instrument) => understood('book', async () => calls.book(ask, listing.symbolId(instrument))),
    balances: () => understood('balances', () => calls.balances(ask, listing)),
    keyPermissions: () => understood('keyPermissions', () => calls.keyPermissions(ask)),

    /**
     * Found: the venue's clock is read afterwards. Absent: the clock is read, and the order is looked up once more
     * before it is called absent. So the last look-up saw the venue at `venueTime` or later: when `venueTime` is past
     * the admission window and the visibility bound, the order cannot have been hidden from that look-up. A clock read
     * only after the last look-up would not prove that: the answer could be from before the window's end.
     */
    async lookUp(instrument, clientOrderId): Promise<LookUp> {
      const first = await find(instrument, clientOrderId);
      const { venueTime } = await clock.read();
      const order = first ?? (await find(instrument, clientOrderId));
      return order === undefined ? { kind: 'absent', venueTime } : { kind: 'found', order, venueTime };
    },

    lookUpByNumber: (instrument, venueOrderId) => understood('order', () => calls.findByNumber(ask, listing, instrument, venueOrderId)),
    openOrders: (instrument) => understood('openOrders', () => calls.openOrders(ask, listing, instrument)),
    async fills(instrument, fromTime) {
      // What the venue does not list is no outage: whoever asks can go on with the rest. A list of the account holds it all the same.
      if (instrument !== undefined && profile.fillLists === 'instrument') listing.symbolId(instrument);
      const fills = await listed(instrument ?? '', () => understood('fills', () => calls.fills(ask, listing, instrument, fromTime)));
      return fills.toSorted(byTime);
    },
    async fillsOfOrder(instrument, venueOrderId) {
      const fills = await understood('fills', () => calls.fillsOfOrder(ask, listing, instrument, venueOrderId));
      return fills.toSorted(byTime);
    },
    paidFee: (fill) => understood('fills', async () => (fill.isFeeAssumed === true ? calls.paidFee?.(ask, listing, fill) : undefined)),
    cancel: (instrument, clientOrderId) => understood('cancel', () => calls.cancel(askAtOnce, listing, instrument, clientOrderId)),
  };
}

function byTime(first: VenueFill, second: VenueFill): number {
  return first.eventTime - second.eventTime;
}
