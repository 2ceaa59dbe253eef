import type { LookUp, VenueFill, VenueOrder, VenueReader } from '../../activities/ports/venue.js';
import type { Bar } from '../../core/bars/bar.js';
import type { CcxtRest } from './ccxt-client.js';
import type { KeepAliveTransport } from './keep-alive-transport.js';
import type { Listing } from './listing.js';
import type { WireProfile } from './profiles/wire-profile.js';
import { saidBy, type ReadCall } from './read-call.js';
import type { VenueClock } from './venue-clock.js';
import { rowOf } from './wire-row.js';

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

interface Raw {
  readonly info?: unknown;
}

/** Reads of the venue and cancels, all from the venue's own rows. */
export function venueReader(parts: ReaderParts): VenueReader {
  const { client, transport, profile, listing, clock } = parts;
  const { instrumentOf } = listing;

  async function ask<T>(call: string, work: () => Promise<T>): Promise<T> {
    const { value } = await parts.call(transport, call, work);
    return value;
  }

  function isAbsent(call: 'order' | 'cancel', error: unknown): boolean {
    const said = saidBy(error);
    return said !== undefined && profile.absent(call, said);
  }

  async function find(instrument: string, clientOrderId: string): Promise<VenueOrder | undefined> {
    try {
      return await ask('order', async () => {
        // The library declares the id as required and takes the client's own in its place.
        const reply: Raw = await client.fetchOrder(undefined as unknown as string, instrument, { clientOrderId });
        return profile.order(rowOf(reply.info, 'the order'), instrumentOf);
      });
    } catch (error) {
      if (isAbsent('order', error)) return undefined;
      throw error;
    }
  }

  async function fillPages(instrument: string, first: Readonly<Record<string, string | number>>, keep: Readonly<Record<string, string>>) {
    const found: VenueFill[] = [];
    let params: Readonly<Record<string, string | number>> = { ...first, ...keep };
    for (;;) {
      const asked = params;
      const page = await ask('fills', async () => {
        const trades: readonly Raw[] = await client.fetchMyTrades(instrument, undefined, profile.pageSize, { ...asked });
        return trades.map((trade) => profile.fill(rowOf(trade.info, 'a trade'), instrumentOf));
      });
      found.push(...page);
      const last = found.at(-1);
      if (page.length < profile.pageSize || last === undefined) return found.toSorted(byTime);
      params = { ...profile.nextFills(last), ...keep };
    }
  }

  return {
    instruments: () => ask('instruments', () => listing.reload()),
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
        const page = await ask('bars', () => profile.bars(client, query));
        const closed = page.filter((bar) => bar.closeTime < venueTime);
        found.push(...closed);
        const last = closed.at(-1);
        if (last === undefined || page.length < asked || closed.length < page.length) break;
        from = last.openTime + intervalMs;
      }
      return found;
    },

    lastPrice: (instrument) => ask('price', () => profile.lastPrice(client, listing.symbolId(instrument))),

    balances: () =>
      ask('balances', async () => {
        const reply: Raw = await client.fetchBalance();
        return profile.balances(reply.info);
      }),

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

    openOrders: (instrument) =>
      ask('openOrders', async () => {
        const orders: readonly Raw[] = await client.fetchOpenOrders(instrument);
        return orders.map((order) => profile.order(rowOf(order.info, 'an order'), instrumentOf));
      }),

    fills: (instrument, fromTime) => fillPages(instrument, { startTime: fromTime }, {}),
    fillsOfOrder: (instrument, venueOrderId) => fillPages(instrument, {}, { orderId: venueOrderId }),

    async cancel(instrument, clientOrderId) {
      try {
        await parts.call(parts.orderTransport, 'cancel', () =>
          parts.orderClient.cancelOrder(undefined as unknown as string, instrument, { clientOrderId }),
        );
        return 'canceled';
      } catch (error) {
        if (isAbsent('cancel', error)) return 'unknownOrder';
        throw error;
      }
    },
  };
}

function byTime(first: VenueFill, second: VenueFill): number {
  return first.eventTime - second.eventTime;
}
