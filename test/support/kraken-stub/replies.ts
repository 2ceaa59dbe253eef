import { decimal, ZERO, type Decimal } from '../../../core/money/index.js';
import { digits, executed, QUOTE_PLACES, TICK, type NewOrder, type StubAccount, type StubOrder, type StubTrade } from './account.js';
import type { StubError } from './errors.js';

/** What a call is answered with: a result, or errors in a body of status 200. */
export type Reply = { readonly result: unknown } | { readonly error: readonly string[] };

/** How the venue names its one instrument: the key of lists, two further names, and the quote asset. */
export interface StubWords {
  readonly key: string;
  readonly altname: string;
  readonly wsname: string;
  readonly quote: string;
}
export const IN_DOLLARS: StubWords = { key: 'XXBTZUSD', altname: 'XBTUSD', wsname: 'XBT/USD', quote: 'ZUSD' };
export const IN_TETHER: StubWords = { key: 'XBTUSDT', altname: 'XBTUSDT', wsname: 'XBT/USDT', quote: 'USDT' };

export interface StubState {
  readonly words: StubWords;
  readonly account: StubAccount;
  /** The venue's clock, epoch ms. */
  readonly now: () => number;
  /** Places in which the venue keeps what is traded. */
  readonly basePlaces: number;
  /** Orders that lists and look-ups do not show yet. */
  readonly hidden: ReadonlySet<string>;
  readonly heedsFilters: boolean;
  /** How far ahead of the venue's now a deadline has to be, ms. */
  readonly leastDeadlineMs: number;
  /** What the key may do; undefined: the venue says nothing of it. */
  readonly permissions: readonly string[] | undefined;
}

export interface StubRoute {
  /** The page that says what this call takes and answers. */
  readonly doc: string;
  readonly handle: (state: StubState, params: URLSearchParams) => Reply;
}

const DOCS = 'https://docs.kraken.com/api-reference';
const PAGE_SIZE = 50;
const BAR_COUNT = 720;

const seconds = (ms: number): number => ms / 1_000;
const ok = (result: unknown): Reply => ({ result });
const refused = (error: StubError): Reply => ({ error: [error] });

export const PUBLIC_ROUTES: Readonly<Record<string, StubRoute>> = {
  Time: {
    doc: `${DOCS}/market-data/get-server-time`,
    // In whole seconds.
    handle: ({ now }) => ok({ unixtime: Math.floor(seconds(now())), rfc1123: new Date(now()).toUTCString() }),
  },
  AssetPairs: {
    doc: `${DOCS}/market-data/get-tradable-asset-pairs`,
    handle: ({ words }) =>
      ok({
        [words.key]: {
          altname: words.altname,
          wsname: words.wsname,
          aclass_base: 'currency',
          base: 'XXBT',
          aclass_quote: 'currency',
          quote: words.quote,
          cost_decimals: 5,
          pair_decimals: 1,
          lot_decimals: 8,
          lot_multiplier: 1,
          leverage_buy: [],
          leverage_sell: [],
          fees: [[0, 0.26]],
          fees_maker: [[0, 0.16]],
          fee_volume_currency: words.quote,
          ordermin: '0.0001',
          costmin: '0.5',
          tick_size: '0.1',
          status: 'online',
        },
      }),
  },
  Assets: {
    doc: `${DOCS}/market-data/get-asset-info`,
    handle: ({ words, basePlaces }) =>
      ok({
        XXBT: { aclass: 'currency', altname: 'XBT', decimals: basePlaces, display_decimals: 5, status: 'enabled' },
        [words.quote]: { aclass: 'currency', altname: words.quote, decimals: QUOTE_PLACES, display_decimals: 2, status: 'enabled' },
      }),
  },
  Ticker: {
    doc: `${DOCS}/market-data/get-ticker-information`,
    // Of several pairs, with a comma between them, it tells by the keys of its lists.
    handle: ({ account, words }, params) => {
      const pairs = params.get('pair')?.split(',') ?? [];
      if (!pairs.every((pair) => pair === words.key || pair === words.altname)) return refused('EQuery:Unknown asset pair');
      const [below, above] = [account.last.sub(TICK), account.last.add(TICK)].map((price) => [digits(price, 5), '1', '1.000']);
      return ok({ [words.key]: { a: above, b: below, c: [digits(account.last, 5), '0.00100000'] } });
    },
  },
  OHLC: {
    doc: `${DOCS}/market-data/get-ohlc-data`,
    // The last entry is the bar that is open now; `since` takes what opened after it.
    handle: ({ account, now, words }, params) => {
      const interval = Number(params.get('interval')) * 60;
      const open = Math.floor(seconds(now()) / interval) * interval;
      const price = digits(account.last, 1);
      const all = Array.from({ length: BAR_COUNT }, (_, index) => open - (BAR_COUNT - 1 - index) * interval);
      const rows = all
        .filter((time) => time > Number(params.get('since') ?? 0))
        .map((time) => [time, price, price, price, price, price, '1.50000000', 3]);
      return ok({ [words.key]: rows, last: open - interval });
    },
  },
};

export const PRIVATE_ROUTES: Readonly<Record<string, StubRoute>> = {
  AddOrder: { doc: `${DOCS}/trading/add-order`, handle: addOrder },
  CancelOrder: {
    doc: `${DOCS}/trading/cancel-order`,
    handle: ({ account }, params) => {
      const [txid, id] = [params.get('txid'), params.get('cl_ord_id')];
      const count = account.cancel((order) => (txid === null ? order.clientOrderId === id : order.txid === txid));
      return count === 0 ? refused('EOrder:Unknown order') : ok({ count });
    },
  },
  OpenOrders: {
    doc: `${DOCS}/account-data/get-open-orders`,
    handle: (state, params) =>
      ok({
        open: listed(
          shown(state, params, (order) => order.status === 'open'),
          state.words,
        ),
      }),
  },
  ClosedOrders: {
    doc: `${DOCS}/account-data/get-closed-orders`,
    handle: (state, params) => {
      const closed = shown(state, params, (order) => order.status !== 'open').toSorted((one, other) => closeTime(other) - closeTime(one));
      return ok({ closed: listed(pageOf(closed, params), state.words), count: closed.length });
    },
  },
  QueryOrders: {
    doc: `${DOCS}/account-data/query-orders-info`,
    handle: ({ account, words }, params) => {
      const order = account.orders.find(({ txid }) => txid === params.get('txid'));
      if (order === undefined) return refused('EOrder:Invalid order');
      const trades = params.get('trades') === 'true' && order.trades.length > 0 ? { trades: order.trades.map(({ id }) => id) } : {};
      return ok({ [order.txid]: { ...orderRow(order, words), ...trades } });
    },
  },
  TradesHistory: {
    doc: `${DOCS}/account-data/get-trades-history`,
    handle: ({ account, words }, params) => {
      const start = Number(params.get('start') ?? 0);
      const trades = account.trades.filter((trade) => seconds(trade.time) > start).toReversed();
      return ok({
        trades: Object.fromEntries(pageOf(trades, params).map((trade) => [trade.id, tradeRow(trade, words)])),
        count: trades.length,
      });
    },
  },
  QueryTrades: {
    doc: `${DOCS}/account-data/query-trades-info`,
    handle: ({ account, words }, params) => {
      const ids = new Set((params.get('txid') ?? '').split(','));
      return ok(Object.fromEntries(account.trades.filter(({ id }) => ids.has(id)).map((trade) => [trade.id, tradeRow(trade, words)])));
    },
  },
  Ledgers: {
    doc: `${DOCS}/account-data/get-ledgers-info`,
    // Two entries a trade, newest first; `start` is exclusive, `end` is not.
    handle: ({ account, words }, params) => {
      const [start, end] = [Number(params.get('start') ?? 0), Number(params.get('end') ?? Infinity)];
      const entries = account.trades
        .filter(({ time }) => seconds(time) > start && seconds(time) <= end)
        .toReversed()
        .flatMap((trade) => ledgerRows(trade, words));
      return ok({ ledger: Object.fromEntries(pageOf(entries, params)), count: entries.length });
    },
  },
  GetApiKeyInfo: {
    doc: `${DOCS}/account-data/get-api-key-info`,
    handle: ({ permissions }) => ok({ api_key_name: 'stub', ...(permissions === undefined ? {} : { permissions: [...permissions] }) }),
  },
  BalanceEx: {
    doc: `${DOCS}/account-data/get-extended-balance`,
    handle: ({ account, words }) => {
      const { quote, base } = account.balances();
      const row = ({ balance, hold }: typeof quote): object => ({ balance: digits(balance, 10), hold_trade: digits(hold, 10) });
      return ok({ [words.quote]: row(quote), XXBT: row(base) });
    },
  },
};

function addOrder({ account, now, words, leastDeadlineMs }: StubState, params: URLSearchParams): Reply {
  const deadline = params.get('deadline');
  // "after which the matching engine should reject the new order request"
  if (deadline !== null && now() > Date.parse(deadline)) return refused('EService:Deadline elapsed');
  // "Supported range: now() + 2 seconds to now() + 60 seconds"; with which words another is refused is not documented.
  if (deadline !== null && now() + leastDeadlineMs > Date.parse(deadline)) return refused('EGeneral:Invalid arguments:deadline');
  const at = (key: string): string => params.get(key) ?? '';
  if (at('pair') !== words.key) return refused('EQuery:Unknown asset pair');
  const order: NewOrder = {
    clientOrderId: params.get('cl_ord_id') ?? undefined,
    side: at('type') as NewOrder['side'],
    ordertype: at('ordertype') as NewOrder['ordertype'],
    price: decimal(at('price')),
    price2: decimal(params.get('price2') ?? '0'),
    volume: decimal(at('volume')),
    timeinforce: params.get('timeinforce') ?? 'GTC',
    oflags: at('oflags'),
  };
  const placed = account.place(order);
  if (typeof placed === 'string') return refused(placed);
  return ok({ descr: { order: `${placed.side} ${digits(placed.volume, 8)} ${words.altname} @ ${placed.ordertype}` }, txid: [placed.txid] });
}

function shown(state: StubState, params: URLSearchParams, match: (order: StubOrder) => boolean): readonly StubOrder[] {
  const id = state.heedsFilters ? params.get('cl_ord_id') : null;
  return state.account.orders.filter(
    (order) => match(order) && !state.hidden.has(order.clientOrderId ?? '') && (id === null || order.clientOrderId === id),
  );
}

const pageOf = <T>(rows: readonly T[], params: URLSearchParams): readonly T[] => {
  const from = Number(params.get('ofs') ?? 0);
  return rows.slice(from, from + PAGE_SIZE);
};
const closeTime = (order: StubOrder): number => order.closeTime ?? 0;
const listed = (orders: readonly StubOrder[], words: StubWords): object =>
  Object.fromEntries(orders.map((order) => [order.txid, orderRow(order, words)]));

function orderRow(order: StubOrder, { altname }: StubWords): object {
  const done = executed(order);
  const description = `${order.side} ${digits(order.volume, 8)} ${altname} @ ${order.ordertype} ${digits(order.price, 1)}`;
  return {
    refid: null,
    userref: null,
    cl_ord_id: order.clientOrderId ?? null,
    // A canceled immediate order that was filled in part is "canceled" with what it executed.
    status: order.status,
    opentm: seconds(order.openTime),
    starttm: 0,
    expiretm: 0,
    descr: {
      pair: altname,
      type: order.side,
      ordertype: order.ordertype,
      price: digits(order.price, 1),
      price2: order.price2.isZero() ? '0' : digits(order.price2, 1),
      leverage: 'none',
      order: description,
      close: '',
    },
    vol: digits(order.volume, 8),
    vol_exec: digits(done, 8),
    cost: '0.00000',
    fee: '0.00000',
    price: '0.00000',
    stopprice: order.isTriggered ? digits(order.price, 5) : '0.00000',
    limitprice: '0.00000',
    misc: order.isTriggered ? 'stopped' : '',
    oflags: order.oflags,
    ...(order.closeTime === undefined ? {} : { closetm: seconds(order.closeTime), reason: null }),
  };
}

function ledgerRows({ id, order, price, volume, paid, time }: StubTrade, { quote }: StubWords): readonly (readonly [string, object])[] {
  const sign = order.side === 'buy' ? 1 : -1;
  const entry = (asset: string, of: 'base' | 'quote', amount: Decimal): readonly [string, object] => [
    `L${of === 'base' ? 'B' : 'Q'}${id.slice(2)}`,
    {
      ...{ refid: id, time: seconds(time), type: 'trade', subtype: '', aclass: 'currency', asset },
      ...{ amount: digits(amount, 10), fee: digits(paid.in === of ? paid.amount : ZERO, 10), balance: '0.0000000000' },
    },
  ];
  return [entry('XXBT', 'base', volume.mul(sign)), entry(quote, 'quote', price.mul(volume).mul(-sign))];
}

function tradeRow({ order, price, volume, fee, isMaker, time }: StubTrade, { key }: StubWords): object {
  return {
    ordertxid: order.txid,
    postxid: 'TKH2SE-M7IF5-CFI7LT',
    pair: key,
    time: seconds(time),
    type: order.side,
    ordertype: order.ordertype,
    price: digits(price, 5),
    cost: digits(price.mul(volume), 5),
    fee: digits(fee, 5),
    vol: digits(volume, 8),
    margin: '0.00000',
    misc: '',
    trade_id: 1,
    maker: isMaker,
  };
}
