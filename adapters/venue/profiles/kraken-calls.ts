import type { OrderRequest } from '../../../activities/ports/venue.js';
import { ZERO_TEXT, type DecimalText } from '../../../core/money/index.js';
import { saidBy } from '../read-call.js';
import { decimalAt, rowOf, textAt, topOfBook, WireError } from '../wire-row.js';
import { fillsOfOrder, fillsSince, findOrder, isVenueOrderId, openOrders, paidFee, resultOf, wire } from './kraken-lists.js';
import { assetUnitsOf, balancesOf, barOf, secondsAt } from './kraken-rows.js';
import type { WireCalls } from './wire-profile.js';

/** The venue's calls, raw: the library signs, sends and sorts errors; parameters and rows are the venue's own. */
export const KRAKEN_CALLS: WireCalls = {
  async serverTime(client) {
    return secondsAt(resultOf(await wire(client).publicGetTime(), 'the time'), 'unixtime');
  },

  send: (client, request, symbolId) => wire(client).privatePostAddOrder(orderParams(request, symbolId)),

  /** The reply names the venue's id and no more: whether the order filled is seen by looking it up. */
  placed(reply, request) {
    const { txid } = resultOf(reply, 'the reply');
    if (!Array.isArray(txid) || txid.length !== 1) throw new WireError('the reply does not name one order');
    const { clientOrderId, instrument, side, quantity, type } = request;
    const order = {
      venueOrderId: textAt({ txid: txid[0] as unknown }, 'txid'),
      clientOrderId,
      instrument,
      side,
      status: 'accepted',
      quantity,
      executedQuantity: ZERO_TEXT,
      price: type === 'stopMarket' ? ZERO_TEXT : request.price,
      isTriggered: type === 'limit',
      createdTime: request.signedTimestamp,
    } as const;
    return { order, fills: [] };
  },

  find: (ask, names, _, clientOrderId) => findOrder(ask, names, clientOrderId),
  findByNumber: async (ask, names, _, venueOrderId) => (isVenueOrderId(venueOrderId) ? findOrder(ask, names, venueOrderId) : undefined),

  async cancel(ask, _, __, clientOrderId) {
    const params = isVenueOrderId(clientOrderId) ? { txid: clientOrderId } : { cl_ord_id: clientOrderId };
    try {
      return await ask('cancel', async (client) => {
        const result = resultOf(await wire(client).privatePostCancelOrder(params), 'the cancel');
        if (Number(result['count']) < 1) throw new WireError('the cancel counts no order');
        return 'canceled' as const;
      });
    } catch (error) {
      if (saidBy(error)?.code === 'EOrder:Unknown order') return 'unknownOrder';
      throw error;
    }
  },

  async assetUnits(client) {
    return assetUnitsOf(resultOf(await wire(client).publicGetAssets(), 'the assets'));
  },

  openOrders,
  fills: fillsSince,
  fillsOfOrder: (ask, names, _, venueOrderId) => fillsOfOrder(ask, names, venueOrderId),
  paidFee,

  balances: (ask, names) =>
    ask('balances', async (client) => balancesOf(resultOf(await wire(client).privatePostBalanceEx(), 'the balances'), names)),

  // The documentation names the list and not every word in it: whatever speaks of withdrawing counts as that.
  keyPermissions: (ask) =>
    ask('keyPermissions', async (client) => {
      const { permissions } = resultOf(await wire(client).privatePostGetApiKeyInfo(), 'the permissions of the key');
      if (!Array.isArray(permissions)) return { canTrade: undefined, canWithdraw: undefined };
      return { canTrade: undefined, canWithdraw: permissions.some((one) => /withdraw/i.test(String(one))) };
    }),

  lastPrice: (ask, symbolId) =>
    ask('price', async (client) => {
      const [row] = Object.values(resultOf(await wire(client).publicGetTicker({ pair: symbolId }), 'the price'));
      return lastAt(row);
    }),
  lastPrices: (ask, symbolIds) =>
    ask('price', async (client) => {
      const rows = Object.entries(resultOf(await wire(client).publicGetTicker({ pair: symbolIds.join(',') }), 'the prices'));
      return new Map(rows.map(([symbolId, row]) => [symbolId, lastAt(row)]));
    }),

  book: (ask, symbolId) =>
    ask('book', async (client) => {
      const [row] = Object.values(resultOf(await wire(client).publicGetTicker({ pair: symbolId }), 'the book'));
      const { a, b } = rowOf(row, 'the book');
      const best = { bid: Array.isArray(b) ? (b[0] as unknown) : undefined, ask: Array.isArray(a) ? (a[0] as unknown) : undefined };
      return topOfBook(decimalAt(best, 'bid'), decimalAt(best, 'ask'));
    }),

  /** The last entry is the bar that is not closed yet. The venue tells the latest 720 only. */
  bars: (ask, query) =>
    ask('bars', async (client) => {
      const since = String(Math.floor((query.fromTime - query.intervalMs) / 1_000));
      const result = resultOf(await wire(client).publicGetOHLC({ pair: query.symbolId, interval: query.timeframe, since }), 'the bars');
      const { last: _, ...rest } = result;
      const [rows] = Object.values(rest);
      if (!Array.isArray(rows)) throw new WireError('the bars are not a list');
      const closed = rows.slice(0, -1).map((row: unknown) => barOf(row, query));
      return closed.filter((bar) => bar.openTime >= query.fromTime).slice(0, query.limit);
    }),
};

function lastAt(row: unknown): DecimalText {
  const { c: last } = rowOf(row, 'the price');
  return decimalAt({ last: Array.isArray(last) ? (last[0] as unknown) : undefined }, 'last');
}

const ORDER_TYPES = { limit: 'limit', stopLimit: 'stop-loss-limit', stopMarket: 'stop-loss' } as const;

/** Fees are asked for in the quote asset on both sides: the lists of trades name no asset of theirs. */
function orderParams(request: OrderRequest, symbolId: string): Readonly<Record<string, string>> {
  const { type, side, quantity, price, stopPrice, timeInForce, clientOrderId } = request;
  const deadline = new Date(request.signedTimestamp + request.receiveWindowMs).toISOString();
  const common = {
    pair: symbolId,
    type: side,
    ordertype: ORDER_TYPES[type],
    volume: quantity,
    cl_ord_id: clientOrderId,
    oflags: request.postOnly ? 'fciq,post' : 'fciq',
    deadline,
  };
  if (type === 'limit') return { ...common, price, timeinforce: timeInForce };
  if (stopPrice === undefined) throw new Error('invariant: a stop has a stop price');
  if (type === 'stopMarket') return { ...common, price: stopPrice };
  return { ...common, price: stopPrice, price2: price, timeinforce: timeInForce };
}
