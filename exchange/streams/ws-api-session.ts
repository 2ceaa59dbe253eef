import type { WebSocket } from 'ws';
import type { Account } from '../accounts/accounts.js';
import { answerCall } from '../faults/faulty-calls.js';
import type { Target } from '../faults/rule.js';
import { VenueError } from '../matching/venue-error.js';
import { errorJson, type Dispatch } from '../rest/dispatch.js';
import { Params } from '../rest/params.js';
import type { Route } from '../rest/route.js';
import { accountOfKey, checkSignature, checkTime } from '../rest/sign.js';
import type { Venue } from '../venue.js';
import { Connection } from './connection.js';
import type { UserPublisher, UserReader } from './user-publisher.js';

interface Request {
  readonly id: unknown;
  readonly method: string;
  readonly params: ReadonlyMap<string, string>;
}

interface Subscription {
  readonly account: string;
  readonly reader: UserReader;
}

/** Methods that are REST calls under another name. */
const CALLS: Readonly<Record<string, string>> = {
  exchangeInfo: 'GET /api/v3/exchangeInfo',
  depth: 'GET /api/v3/depth',
  klines: 'GET /api/v3/klines',
  'trades.recent': 'GET /api/v3/trades',
  'trades.aggregate': 'GET /api/v3/aggTrades',
  'ticker.24hr': 'GET /api/v3/ticker/24hr',
  'ticker.price': 'GET /api/v3/ticker/price',
  'ticker.book': 'GET /api/v3/ticker/bookTicker',
  avgPrice: 'GET /api/v3/avgPrice',
  'order.place': 'POST /api/v3/order',
  'order.test': 'POST /api/v3/order/test',
  'order.status': 'GET /api/v3/order',
  'order.cancel': 'DELETE /api/v3/order',
  'order.cancelReplace': 'POST /api/v3/order/cancelReplace',
  'openOrders.status': 'GET /api/v3/openOrders',
  'openOrders.cancelAll': 'DELETE /api/v3/openOrders',
  'orderList.place.oco': 'POST /api/v3/orderList/oco',
  'orderList.status': 'GET /api/v3/orderList',
  'orderList.cancel': 'DELETE /api/v3/orderList',
  'openOrderLists.status': 'GET /api/v3/openOrderList',
  allOrders: 'GET /api/v3/allOrders',
  allOrderLists: 'GET /api/v3/allOrderList',
  myTrades: 'GET /api/v3/myTrades',
  'account.status': 'GET /api/v3/account',
  'account.commission': 'GET /api/v3/account/commission',
  'userDataStream.start': 'POST /api/v3/userDataStream',
  'userDataStream.ping': 'PUT /api/v3/userDataStream',
  'userDataStream.stop': 'DELETE /api/v3/userDataStream',
};

/** A client of the WebSocket API: it logs on, or signs each call, and reads the events of its account. */
export class WsApiSession {
  readonly connection: Connection;
  readonly #venue: Venue;
  readonly #users: UserPublisher;
  readonly #dispatch: Dispatch;
  readonly #subscriptions = new Map<number, Subscription>();
  #account: Account | undefined;
  #authorizedSince = 0;
  #nextSubscription = 0;

  constructor(socket: WebSocket, venue: Venue, dispatch: Dispatch, users: UserPublisher, onEnd: () => void) {
    this.#venue = venue;
    this.#dispatch = dispatch;
    this.#users = users;
    this.connection = new Connection(
      socket,
      (text) => this.#request(text),
      () => {
        for (const id of [...this.#subscriptions.keys()]) this.#unsubscribe(id);
        onEnd();
      },
    );
  }

  /** It is for accounts, whether one is read at this moment or not. */
  readonly readsUserData = true;

  #request(text: string): void {
    let request: Request;
    try {
      request = requestOf(text);
    } catch (error) {
      if (!(error instanceof VenueError)) throw error;
      this.connection.send(this.#frame({ id: null, params: new Map() }, error.status, { error: errorJson(error) }));
      return;
    }
    const call = CALLS[request.method];
    const send = (frame: string): void => this.connection.send(frame);
    if (call === undefined || this.#venue.faults.isEmpty) send(this.#answerTo(request).frame);
    else {
      answerCall(this.#venue, {
        target: this.#targetOf(call, request.params),
        answer: () => this.#answerTo(request),
        refusal: (error) => this.#frame(request, error.status, { error: errorJson(error) }),
        send,
        drop: () => this.connection.drop(),
      });
    }
  }

  #answerTo(request: Request): { isAccepted: boolean; frame: string } {
    try {
      const result = this.#answer(request.method, request.params);
      return { isAccepted: true, frame: this.#frame(request, 200, { result }) };
    } catch (error) {
      if (!(error instanceof VenueError)) throw error;
      return { isAccepted: false, frame: this.#frame(request, error.status, { error: errorJson(error) }) };
    }
  }

  /** What fault rules look at: the call by its name in REST. */
  #targetOf(call: string, params: ReadonlyMap<string, string>): Target {
    const apiKey = params.get('apiKey');
    const found: Record<string, string | undefined> = {
      call,
      account: apiKey === undefined ? this.#account?.name : this.#venue.accounts.byKey(apiKey)?.name,
      symbol: params.get('symbol'),
      side: params.get('side'),
      type: params.get('type'),
      clientOrderId: params.get('newClientOrderId') ?? params.get('origClientOrderId'),
    };
    return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
  }

  #answer(method: string, params: ReadonlyMap<string, string>): unknown {
    switch (method) {
      case 'ping':
        return {};
      case 'time':
        return { serverTime: this.#venue.now() };
      case 'session.logon':
        this.#account = this.#authenticate(params);
        this.#authorizedSince = this.#venue.now();
        return this.#status();
      case 'session.status':
        return this.#status();
      case 'session.logout':
        this.#account = undefined;
        return this.#status();
      case 'userDataStream.subscribe':
        if (this.#account === undefined) throw new VenueError(-1022, 'The session is not logged on.', 401);
        return { subscriptionId: this.#subscribe(this.#account.name) };
      case 'userDataStream.subscribe.signature':
        return { subscriptionId: this.#subscribe(this.#authenticate(params).name) };
      case 'userDataStream.unsubscribe': {
        const wanted = params.get('subscriptionId');
        for (const id of wanted === undefined ? [...this.#subscriptions.keys()] : [Number(wanted)]) this.#unsubscribe(id);
        return {};
      }
      default: {
        const call = CALLS[method];
        if (call === undefined) throw new VenueError(-1000, `Unknown method: ${method.slice(0, 60)}`);
        return this.#dispatch.invoke(call, params, (route) => this.#caller(route, params));
      }
    }
  }

  /** Who makes a call: who has logged on, or who has signed it. */
  #caller({ security }: Route, params: ReadonlyMap<string, string>): Account | undefined {
    if (security === 'none') return undefined;
    const account = params.has('signature') ? this.#authenticate(params) : this.#account;
    if (account === undefined) throw new VenueError(-1022, 'Signature for this request is not valid.');
    return accountOfKey(this.#venue.accounts, account.key, security === 'key' ? undefined : security);
  }

  /** The signature is over all parameters but itself, in the order of their names. */
  #authenticate(values: ReadonlyMap<string, string>): Account {
    const params = new Params(values);
    const account = accountOfKey(this.#venue.accounts, params.required('apiKey'), 'read');
    const names = [...values.keys()].filter((name) => name !== 'signature').sort();
    checkSignature(account.secret, names.map((name) => `${name}=${values.get(name)}`).join('&'), params.optional('signature'));
    checkTime(params, this.#venue.now());
    return account;
  }

  #subscribe(account: string): number {
    if (this.#subscriptions.size >= 100) throw new VenueError(-1000, 'Too many subscriptions on one connection.');
    const id = this.#nextSubscription;
    this.#nextSubscription += 1;
    const reader: UserReader = {
      deliver: (event) => this.connection.sendData(`{"subscriptionId":${id},"event":${event}}`),
      drop: () => this.connection.drop(),
    };
    this.#subscriptions.set(id, { account, reader });
    this.#users.add(account, reader);
    return id;
  }

  #unsubscribe(id: number): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    this.#subscriptions.delete(id);
    this.#users.remove(subscription.account, subscription.reader);
  }

  #status(): Record<string, unknown> {
    return {
      apiKey: this.#account?.key ?? null,
      authorizedSince: this.#account === undefined ? null : this.#authorizedSince,
      connectedSince: this.#authorizedSince,
      returnRateLimits: false,
      serverTime: this.#venue.now(),
      userDataStream: this.#subscriptions.size > 0,
    };
  }

  #frame({ id, params }: Pick<Request, 'id' | 'params'>, status: number, rest: Record<string, unknown>): string {
    const limits = params.get('returnRateLimits') === 'false' ? {} : { rateLimits: this.#dispatch.usageJson() };
    return JSON.stringify({ id, status, ...rest, ...limits });
  }
}

function requestOf(text: string): Request {
  let request: Record<string, unknown>;
  try {
    request = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new VenueError(-1135, 'Invalid JSON Request');
  }
  if (typeof request !== 'object' || request === null || typeof request['method'] !== 'string') {
    throw new VenueError(-1135, 'Invalid JSON Request');
  }
  const given = request['params'] ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) throw new VenueError(-1135, 'Invalid JSON Request');
  const params = new Map<string, string>();
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'object') throw new VenueError(-1135, 'Invalid JSON Request');
    params.set(name, String(value));
  }
  const id = request['id'];
  return { id: typeof id === 'string' || typeof id === 'number' ? id : null, method: request['method'], params };
}
