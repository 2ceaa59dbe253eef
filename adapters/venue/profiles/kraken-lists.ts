import type { kraken } from 'ccxt';
import type { VenueFill, VenueOrder } from '../../../activities/ports/venue.js';
import type { CcxtRest } from '../ccxt-classes.js';
import { rowOf, textAt, WireError, type Row } from '../wire-row.js';
import { clientOrderIdOf, fillOf, orderOf } from './kraken-rows.js';
import type { Ask, InstrumentOf, Names } from './wire-profile.js';

/** How many rows the venue gives in one page of closed orders or trades, newest first. */
const PAGE_SIZE = 50;
/** A list that goes on behind so many pages is not read to its end, and then nothing is absent from it. */
const PAGE_LIMIT = 20;
/** Of trades everything has to be seen (P16), however many there were since the last look: at most 10,000. */
const TRADES_PAGE_LIMIT = 200;
/** Reading so many pages takes so long that what has come meanwhile is asked for once more. */
const LONG_PAGES = 8;
const TRADES_A_CALL = 20;
/** The venue's own id of an order. */
const TXID = /^[0-9A-Z]{6}-[0-9A-Z]{5}-[0-9A-Z]{6}$/;

type Params = Readonly<Record<string, string>>;

export const wire = (client: CcxtRest): kraken => client as kraken;

/** The result of an answer whose list of errors is empty: the library throws the others. */
export function resultOf(answer: unknown, what: string): Row {
  return rowOf(rowOf(answer, what)['result'], `the result of ${what}`);
}

type Page = (params: Params) => Promise<Row>;

/** Every entry of a paged list. What comes in meanwhile moves older rows to later pages: some are seen twice, none is missed. */
async function pages(page: Page, key: string, params: Params, most = PAGE_LIMIT): Promise<ReadonlyMap<string, Row>> {
  const found = new Map<string, Row>();
  let read = 0;
  for (let turn = 0; turn < most; turn++) {
    const result = await page({ ...params, ofs: String(read) });
    const entries = Object.entries(rowOf(result[key], `the list ${key}`));
    for (const [id, row] of entries) found.set(id, rowOf(row, `an entry of ${key}`));
    read += entries.length;
    const isLast = result['count'] === undefined ? entries.length < PAGE_SIZE : read >= Number(result['count']);
    if (isLast) return turn < LONG_PAGES ? found : toppedUp(page, key, params, found);
    if (entries.length < PAGE_SIZE) throw new WireError(`the list ${key} ends before its count`);
  }
  throw new WireError(`the list ${key} is longer than ${most} pages`);
}

/** The same list with what came in front of it since it was read. */
async function toppedUp(page: Page, key: string, params: Params, read: ReadonlyMap<string, Row>): Promise<ReadonlyMap<string, Row>> {
  const newer = await pages(
    async (asked) => {
      const result = await page(asked);
      const list = rowOf(result[key], `the list ${key}`);
      const isMet = Object.keys(list).some((id) => read.has(id));
      // What follows the first that is known is known, too.
      return isMet ? { [key]: list, count: Number(asked['ofs']) + Object.keys(list).length } : result;
    },
    key,
    params,
    LONG_PAGES,
  );
  return new Map([...newer, ...read]);
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

/** Lists that begin within so many seconds of each other are one: the minute's look does not wait for the day's. */
const SAME_LIST_S = 3_600;

/** By reader: the list of trades that it is reading. */
const underWay = new WeakMap<Ask, { readonly start: number; readonly rows: Promise<ReadonlyMap<string, Row>> }>();

/**
 * A thousand trades take the venue's limiter two minutes: whoever asks again meanwhile, since it could not wait, gets the list that is being
 * read, and what came since, instead of making it take twice as long.
 */
async function tradesOnce(ask: Ask, params: Params & { readonly start: string }): Promise<ReadonlyMap<string, Row>> {
  const page: Page = (asked) => ask('fills', async (client) => resultOf(await wire(client).privatePostTradesHistory(asked), 'the trades'));
  const start = Number(params.start);
  const other = underWay.get(ask);
  if (other !== undefined && other.start <= start && start - other.start < SAME_LIST_S)
    return toppedUp(page, 'trades', params, await other.rows);
  const rows = pages(page, 'trades', params, TRADES_PAGE_LIMIT);
  const mine = { start, rows };
  underWay.set(ask, mine);
  try {
    return await rows;
  } finally {
    if (underWay.get(ask) === mine) underWay.delete(ask);
  }
}

export async function fillsSince(ask: Ask, names: Names, instrument: string | undefined, fromTime: number): Promise<readonly VenueFill[]> {
  // The start is exclusive and in whole seconds.
  const params = { ...SINGLE_TRADES, start: String(Math.floor(fromTime / 1_000) - 1) };
  const newestFirst = await tradesOnce(ask, params);
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
