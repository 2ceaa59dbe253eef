import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { VenueAddresses } from '../../adapters/venue/profiles/wire-profile.js';

/** A request as it arrived, before anything was made of it. */
export interface Arrived {
  readonly method: string;
  readonly path: string;
  readonly params: URLSearchParams;
  readonly apiKey: string | undefined;
  /** Counts connections from 1: two requests with the same number came over the same socket. */
  readonly connection: number;
}

export interface Answer {
  readonly status?: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the venue does with a request: an answer, or anything else with the raw response. */
export type Act = (arrived: Arrived, response: ServerResponse, socket: Socket) => Answer | void;

/** A loopback server with nothing but what a test scripts: the faults that a well-made venue would not show. */
export interface ScriptedVenue {
  readonly urls: VenueAddresses;
  readonly arrived: Arrived[];
  /** By `METHOD path`. */
  readonly acts: Map<string, Act>;
  /** Sockets of the WebSocket clients that are connected now, by path. */
  readonly streams: { readonly path: string; readonly socket: WebSocket }[];
  /** Answers a text frame of a WebSocket client. */
  onStreamMessage: (socket: WebSocket, message: Record<string, unknown>) => void;
  posts(): Arrived[];
  connections(): number;
  /** Closes every connection, as venues do with those that were idle for long. */
  drop(): void;
  close(): Promise<void>;
}

export const json = (value: unknown, status = 200): Answer => ({
  status,
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json' },
});

/** A venue that knows its time and its instruments; every other call is scripted. */
export async function scriptedVenue(
  symbols: readonly object[] = [symbol('BTC', 'USDT', '0.01', '0.00001')],
  port = 0,
): Promise<ScriptedVenue> {
  const arrived: Arrived[] = [];
  const acts = new Map<string, Act>([
    ['GET /api/v3/time', () => json({ serverTime: Date.now() })],
    ['GET /api/v3/exchangeInfo', () => json({ timezone: 'UTC', serverTime: Date.now(), rateLimits: [], symbols })],
  ]);
  const numbers = new Map<Socket, number>();
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      const [path = '', query = ''] = (request.url ?? '').split('?');
      const item: Arrived = {
        method: request.method ?? '',
        path,
        params: new URLSearchParams(body === '' ? query : body),
        apiKey: request.headers['x-mbx-apikey'] as string | undefined,
        connection: numbers.get(request.socket) ?? 0,
      };
      arrived.push(item);
      const act = acts.get(`${item.method} ${path}`) ?? (() => json({ code: -1000, msg: `nothing at ${path}` }, 404));
      const answer = act(item, response, request.socket);
      if (answer) response.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
    });
  });
  server.on('connection', (socket) => {
    numbers.set(socket, numbers.size + 1);
  });
  const webSockets = new WebSocketServer({ server });
  const streams: { path: string; socket: WebSocket }[] = [];
  webSockets.on('connection', (socket, request) => {
    const entry = { path: request.url ?? '', socket };
    streams.push(entry);
    socket.on('close', () => streams.splice(streams.indexOf(entry), 1));
    socket.on('message', (data: Buffer) => venue.onStreamMessage(socket, JSON.parse(data.toString()) as Record<string, unknown>));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const venue: ScriptedVenue = {
    urls: { rest: `http://${host}`, stream: `ws://${host}/ws`, wsApi: `ws://${host}/ws-api/v3` },
    arrived,
    acts,
    streams,
    onStreamMessage: (socket, message) => socket.send(JSON.stringify({ result: null, id: message['id'] })),
    posts: () => arrived.filter((item) => item.method === 'POST'),
    connections: () => numbers.size,
    drop: () => server.closeAllConnections(),
    async close() {
      for (const { socket } of streams) socket.terminate();
      webSockets.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return venue;
}

/** An instrument as exchangeInfo lists it, with order types beside the usual ones. */
export function symbol(base: string, quote: string, tickSize: string, stepSize: string, moreTypes: readonly string[] = []): object {
  return {
    symbol: base + quote,
    status: 'TRADING',
    baseAsset: base,
    baseAssetPrecision: 8,
    quoteAsset: quote,
    quotePrecision: 8,
    quoteAssetPrecision: 8,
    orderTypes: ['LIMIT', 'LIMIT_MAKER', 'MARKET', 'STOP_LOSS_LIMIT', 'TAKE_PROFIT_LIMIT', ...moreTypes],
    isSpotTradingAllowed: true,
    isMarginTradingAllowed: false,
    permissions: ['SPOT'],
    permissionSets: [['SPOT']],
    filters: [
      { filterType: 'PRICE_FILTER', minPrice: tickSize, maxPrice: '100000000000', tickSize },
      { filterType: 'LOT_SIZE', minQty: stepSize, maxQty: '9000000000', stepSize },
      { filterType: 'MARKET_LOT_SIZE', minQty: '0.00000000', maxQty: '118.24000000', stepSize: '0.00000000' },
      { filterType: 'NOTIONAL', minNotional: '5.00000000', applyMinToMarket: true, maxNotional: '9000000', applyMaxToMarket: false },
      { filterType: 'MAX_NUM_ORDERS', maxNumOrders: 200 },
      { filterType: 'MAX_NUM_ALGO_ORDERS', maxNumAlgoOrders: 5 },
    ],
  };
}

/** The venue's full answer to a new order that filled at once. */
export function filledReply(arrived: Arrived, more: object = {}): Answer {
  const { params } = arrived;
  return json({
    symbol: params.get('symbol'),
    orderId: 28,
    orderListId: -1,
    clientOrderId: params.get('newClientOrderId'),
    transactTime: 1_700_000_000_123,
    price: params.get('price'),
    origQty: params.get('quantity'),
    executedQty: params.get('quantity'),
    cummulativeQuoteQty: '100.00000000',
    status: 'FILLED',
    timeInForce: params.get('timeInForce'),
    type: 'LIMIT',
    side: params.get('side'),
    fills: [{ price: params.get('price'), qty: params.get('quantity'), commission: '0.00000100', commissionAsset: 'BTC', tradeId: 56 }],
    ...more,
  });
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
