import type { kraken } from 'ccxt';
import type { VenueFill, VenueOrder } from '../../../activities/ports/venue.js';
import type { CcxtRest } from '../ccxt-classes.js';
import { rowOf, textAt, WireError, type Row } from '../wire-row.js';
import { onePage, type Page, type Params } from './kraken-pages.js';
import { clientOrderIdOf, fillOf, orderOf, paidFeeOf } from './kraken-rows.js';
import { tradesSince } from './kraken-trades.js';
import type { Ask, InstrumentOf, Names } from './wire-profile.js';

/** A list that goes on behind so many pages is not read to its end, and then nothing is absent from it. */
const PAGE_LIMIT = 20;
const TRADES_A_CALL = 20;
/** The venue's own id of an order. */
const TXID = /^[0-9A-Z]{6}-[0-9A-Z]{5}-[0-9A-Z]{6}$/;

export const wire = (client: CcxtRest): kraken => client as kraken;

/** The result of an answer whose list of errors is empty: the library throws the others. */
export function resultOf(answer: unknown, what: string): Row {
  return rowOf(rowOf(answer, what)['result'], `the result of ${what}`);
}

/** Every entry of a paged list. What comes in meanwhile moves older rows to later pages: some are seen twice, none is missed. */
async function pages(page: Page, key: string, params: Params): Promise<ReadonlyMap<string, Row>> {
  const found = new Map<string, Row>();
  let read = 0;
  for (let turn = 0; turn < PAGE_LIMIT; turn++) {
    const { entries, isLast } = await onePage(page, key, params, read);
    for (const [id, row] of entries) found.set(id, row);
    read += entries.length;
    if (isLast) return found;
  }
  throw new WireError(`the list ${key} is longer than ${PAGE_LIMIT} pages`);
}

async function openRows(ask: Ask, params: Params): Promise<Row> {
  const result = await ask('openOrders', async (client) => resultOf(await wire(client).privatePostOpenOrders(params), 'the open orders'));
  return rowOf(result['open'], 'the open orders');
}

export async function openOrders(ask: Ask, names: Names, instrument?: string): Promise<readonly VenueOrder[]> {
  const open = await openRows(ask, {});
  return Object.entries(open)
    .map(([id, row]) => orderOf(id, rowOf(row, 'an order'), names.instrumentOf))
    .filter((order) => instrument === undefined || order.instrument === instrument);
}

/** The row of one order by the venue's id. */
async function rowByTxid(ask: Ask, txid: string, more: Params): Promise<Row> {
  const result = await ask('order', async (client) => resultOf(await wire(client).privatePostQueryOrders({ txid, ...more }), 'the order'));
  return rowOf(result[txid], 'the order');
}

/**
 * Lists and matches: the venue has no look-up by client id. An order leaves the open list for the closed one and never
 * goes back, so reading open before closed cannot miss it in between. Rows are matched by us, whether or not the venue
 * heeded the filter; two orders with one id are never taken for one.
 */
export async function findOrder(ask: Ask, names: Names, clientOrderId: string): Promise<VenueOrder | undefined> {
  if (isVenueOrderId(clientOrderId)) return orderOf(clientOrderId, await rowByTxid(ask, clientOrderId, {}), names.instrumentOf);
  const params = { cl_ord_id: clientOrderId };
  const open = Object.entries(await openRows(ask, params)).map(([id, row]) => [id, rowOf(row, 'an order')] as const);
  const found = matching(open, clientOrderId, names.instrumentOf);
  if (found !== undefined) return found;
  const closedPage = (asked: Params): Promise<Row> =>
    ask('closedOrders', async (client) => resultOf(await wire(client).privatePostClosedOrders(asked), 'the closed orders'));
  return matching([...(await pages(closedPage, 'closed', params))], clientOrderId, names.instrumentOf);
}

function matching(rows: readonly (readonly [string, Row])[], clientOrderId: string, instrumentOf: InstrumentOf): VenueOrder | undefined {
  const [first, second] = rows.filter(([, row]) => clientOrderIdOf(row) === clientOrderId);
  if (second !== undefined) throw new WireError(`two orders have the id ${clientOrderId}`);
  return first === undefined ? undefined : orderOf(first[0], first[1], instrumentOf);
}

/** An order that was placed without a client order id goes by the venue's own. */
export function isVenueOrderId(id: string): boolean {
  return TXID.test(id);
}

/** Trades one by one: consolidated ones would have other ids. */
const SINGLE_TRADES = { consolidate_taker: 'false' } as const;

export async function fillsSince(ask: Ask, names: Names, instrument: string | undefined, fromTime: number): Promise<readonly VenueFill[]> {
  // The start is exclusive and in whole seconds.
  const page: Page = (asked) =>
    ask('fills', async (client) => resultOf(await wire(client).privatePostTradesHistory({ ...SINGLE_TRADES, ...asked }), 'the trades'));
  const newestFirst = await tradesSince(ask, page, Math.floor(fromTime / 1_000) - 1);
  return [...newestFirst]
    .toReversed()
    .filter(([, row]) => instrument === undefined || names.instrumentOf(textAt(row, 'pair')) === instrument)
    .map(([id, row]) => fillOf(id, row, names.instrumentOf))
    .filter((fill) => fill.eventTime >= fromTime);
}

export async function fillsOfOrder(ask: Ask, names: Names, venueOrderId: string): Promise<readonly VenueFill[]> {
  const { trades } = await rowByTxid(ask, venueOrderId, { ...SINGLE_TRADES, trades: 'true' });
  if (trades === undefined || trades === null) return [];
  if (!Array.isArray(trades) || !trades.every((id) => typeof id === 'string'))
    throw new WireError('the trades of the order are not a list');
  const fills: VenueFill[] = [];
  for (let from = 0; from < trades.length; from += TRADES_A_CALL) {
    const ids = trades.slice(from, from + TRADES_A_CALL);
    const rows = await ask('fills', async (client) =>
      resultOf(await wire(client).privatePostQueryTrades({ txid: ids.join(',') }), 'the trades'),
    );
    for (const id of ids) fills.push(fillOf(id, rowOf(rows[id], 'a trade'), names.instrumentOf));
  }
  return fills;
}

/** The entries of a trade are of its moment. The list's begin is exclusive, its end is not. */
export async function paidFee(ask: Ask, names: Names, fill: VenueFill): Promise<Pick<VenueFill, 'fee' | 'feeAsset'> | undefined> {
  const second = Math.floor(fill.eventTime / 1_000);
  const page: Page = (asked) =>
    ask('fills', async (client) => resultOf(await wire(client).privatePostLedgers({ type: 'trade', ...asked }), 'the ledger'));
  const entries = await pages(page, 'ledger', { start: String(second - 1), end: String(second + 1) });
  return paidFeeOf(
    [...entries.values()].filter((entry) => entry['refid'] === fill.venueTradeId),
    names,
  );
}
