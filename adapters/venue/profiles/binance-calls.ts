import type { binance } from 'ccxt';
import type { OrderRequest, VenueFill, VenueOrder } from '../../../activities/ports/venue.js';
import type { CcxtRest } from '../ccxt-classes.js';
import { saidBy } from '../read-call.js';
import { decimalAt, rowOf, textAt, timeAt, topOfBook, WireError, type Row } from '../wire-row.js';
import { balancesOf, barOf, fillOf, fillsOfReply, orderOf } from './binance-rows.js';
import type { Ask, Names, VenueError, WireCalls } from './wire-profile.js';

interface Raw {
  readonly info?: unknown;
}

export const FILLS_PAGE = 1_000;
/** The library declares the venue's id as required and takes the client's own in its place. */
const NO_ID = undefined as unknown as string;
const wire = (client: CcxtRest): binance => client as binance;

/** The venue's calls. An order goes by its client order id wherever it is meant. */
export const BINANCE_CALLS: WireCalls = {
  async serverTime(client) {
    return timeAt(rowOf(await wire(client).publicGetTime(), 'the time'), 'serverTime');
  },

  send: (client, request, symbolId) => wire(client).privatePostOrder(orderParams(request, symbolId)),

  placed(reply, request, { instrumentOf }) {
    const row = rowOf(reply, 'the reply');
    const order = orderOf(row, instrumentOf);
    if (order.clientOrderId !== request.clientOrderId) throw new WireError('the reply is about another order');
    return { order, fills: fillsOfReply(row, instrumentOf) };
  },

  find: (ask, names, instrument, clientOrderId) => orderAt(ask, names, (client) => client.fetchOrder(NO_ID, instrument, { clientOrderId })),
  findByNumber: (ask, names, instrument, venueOrderId) => orderAt(ask, names, (client) => client.fetchOrder(venueOrderId, instrument)),

  cancel: (ask, _, instrument, clientOrderId) =>
    unless(
      // The code also says that a cancel was refused for other reasons: only the text tells.
      ({ code, text }) => code === '-2011' && text === 'Unknown order sent.',
      'unknownOrder' as const,
      ask('cancel', async (client) => {
        await client.cancelOrder(NO_ID, instrument, { clientOrderId });
        return 'canceled' as const;
      }),
    ),

  openOrders: (ask, { instrumentOf }, instrument) =>
    ask('openOrders', async (client) => {
      const orders: readonly Raw[] = await client.fetchOpenOrders(instrument);
      return orders.map((order) => orderOf(rowOf(order.info, 'an order'), instrumentOf));
    }),

  async fills(ask, names, instrument, fromTime) {
    if (instrument === undefined) throw new RangeError('binance lists the fills of one instrument at a time');
    return fillPages(ask, names, instrument, { startTime: fromTime }, {});
  },
  fillsOfOrder: (ask, names, instrument, venueOrderId) => fillPages(ask, names, instrument, {}, { orderId: venueOrderId }),

  balances: (ask) =>
    ask('balances', async (client) => {
      const reply: Raw = await client.fetchBalance();
      return balancesOf(reply.info);
    }),

  keyPermissions: (ask) =>
    ask('keyPermissions', async (client) => {
      const row = rowOf(await wire(client).sapiGetAccountApiRestrictions(), 'the permissions of the key');
      return { canTrade: saidAt(row, 'enableSpotAndMarginTrading'), canWithdraw: saidAt(row, 'enableWithdrawals') };
    }),

  lastPrice: (ask, symbolId) =>
    ask('price', async (client) => decimalAt(rowOf(await wire(client).publicGetTickerPrice({ symbol: symbolId }), 'the price'), 'price')),

  lastPrices: (ask, symbolIds) =>
    ask('price', async (client) => {
      const rows: unknown = await wire(client).publicGetTickerPrice({ symbols: JSON.stringify(symbolIds) });
      if (!Array.isArray(rows)) throw new WireError('the prices are not a list');
      const prices = rows.map((one: unknown) => rowOf(one, 'a price'));
      return new Map(prices.map((row) => [textAt(row, 'symbol'), decimalAt(row, 'price')]));
    }),

  book: (ask, symbolId) =>
    ask('book', async (client) => {
      const row = rowOf(await wire(client).publicGetTickerBookTicker({ symbol: symbolId }), 'the book');
      return topOfBook(decimalAt(row, 'bidPrice'), decimalAt(row, 'askPrice'));
    }),

  bars: (ask, query) =>
    ask('bars', async (client) => {
      const rows: unknown = await wire(client).publicGetKlines({
        symbol: query.symbolId,
        interval: query.timeframe,
        startTime: query.fromTime,
        limit: query.limit,
      });
      if (!Array.isArray(rows)) throw new WireError('the bars are not a list');
      return rows.map((row: unknown) => barOf(row, query));
    }),
};

const saidAt = (row: Row, key: string): boolean | undefined => {
  const value = row[key];
  return typeof value === 'boolean' ? value : undefined;
};

type Params = Readonly<Record<string, string | number>>;

/** The venue takes fromId alone: sent with a start time it answers an error. */
async function fillPages(ask: Ask, names: Names, instrument: string, first: Params, keep: Params): Promise<readonly VenueFill[]> {
  const found: VenueFill[] = [];
  let params: Params = { ...first, ...keep };
  for (;;) {
    const asked = params;
    const page = await ask('fills', async (client) => {
      const trades: readonly Raw[] = await client.fetchMyTrades(instrument, undefined, FILLS_PAGE, { ...asked });
      return trades.map((trade) => fillOf(rowOf(trade.info, 'a trade'), names.instrumentOf));
    });
    found.push(...page);
    const last = found.at(-1);
    if (page.length < FILLS_PAGE || last === undefined) return found;
    params = { fromId: String(BigInt(last.venueTradeId) + 1n), ...keep };
  }
}

const orderAt = (ask: Ask, { instrumentOf }: Names, fetch: (client: CcxtRest) => Promise<Raw>): Promise<VenueOrder | undefined> =>
  unless(
    ({ code }) => code === '-2013',
    undefined,
    ask('order', async (client) => {
      const reply = await fetch(client);
      return orderOf(rowOf(reply.info, 'the order'), instrumentOf);
    }),
  );

async function unless<T, U>(isMeant: (said: VenueError) => boolean, value: U, asked: Promise<T>): Promise<T | U> {
  try {
    return await asked;
  } catch (error) {
    const said = saidBy(error);
    if (said !== undefined && isMeant(said)) return value;
    throw error;
  }
}

/** The venue's own words, as text. The library's way to place an order rounds by its list of instruments, or refuses by it; that may be hours old. */
function orderParams(request: OrderRequest, symbol: string): Readonly<Record<string, string | number>> {
  const { clientOrderId: newClientOrderId, quantity, price, stopPrice, timeInForce, receiveWindowMs: recvWindow } = request;
  const common = {
    ...{ symbol, side: request.side.toUpperCase(), newClientOrderId, newOrderRespType: 'FULL', quantity },
    ...{ timestamp: request.signedTimestamp, recvWindow },
  };
  if (request.type === 'limit')
    return request.postOnly ? { ...common, type: 'LIMIT_MAKER', price } : { ...common, type: 'LIMIT', price, timeInForce };
  if (stopPrice === undefined) throw new Error('invariant: a stop has a stop price');
  if (request.type === 'stopMarket') return { ...common, type: 'STOP_LOSS', stopPrice };
  return { ...common, type: 'STOP_LOSS_LIMIT', price, timeInForce, stopPrice };
}
