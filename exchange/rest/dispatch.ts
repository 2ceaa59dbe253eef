import type { Account } from '../accounts/accounts.js';
import { JournalError } from '../journal/writer.js';
import { VenueError } from '../matching/venue-error.js';
import type { Venue } from '../venue.js';
import { Params, readForm } from './params.js';
import { requestEventOf } from './request-event.js';
import type { Call, Route, Routes, Security } from './route.js';
import { accountOfKey, checkSignature, checkTime, withoutSignature, type Admission } from './sign.js';
import type { Weights } from './weights.js';

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  readonly apiKey: string | undefined;
  readonly address: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** All connections of the WebSocket API count as one address. */
const WS_API = 'ws-api';
const UNTIMED = { timestamp: 0, recvWindow: 0 };
const NOBODY: Account = { name: '', key: '', secret: '', permissions: [], feeAsset: 'received' };

/** A refusal as the wire has it. */
export function errorJson(error: VenueError): Record<string, unknown> {
  return { code: error.code, msg: error.message, ...(error.data === undefined ? {} : { data: error.data }) };
}

/** Finds the route of a request, checks who calls and when, and answers; every refusal becomes its code. */
export class Dispatch {
  readonly #venue: Venue;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #weights: Weights;

  constructor(venue: Venue, routes: Routes, weights: Weights) {
    this.#venue = venue;
    this.#routes = new Map(Object.entries(routes));
    this.#weights = weights;
  }

  answer(request: RawRequest): Answer {
    const headers: Record<string, string> = {};
    try {
      return { status: 200, body: JSON.stringify(this.#handle(request, headers)), headers };
    } catch (error) {
      if (error instanceof VenueError) {
        const body = JSON.stringify(errorJson(error));
        return { status: error.status, body, headers: { ...headers, ...error.headers } };
      }
      if (error instanceof JournalError) throw error;
      // A fault of the venue itself: it is told where its owner sees it, and the venue goes on.
      process.stderr.write(`${request.method} ${request.path.slice(0, 100)}: ${error instanceof Error ? error.stack : String(error)}\n`);
      const body = JSON.stringify({ code: -1000, msg: 'An unknown error occurred while processing the request.' });
      return { status: 500, body, headers };
    }
  }

  /** A call that has come another way than HTTP; `account` must have been checked by then. @throws VenueError */
  invoke(name: string, values: ReadonlyMap<string, string>, authenticate: (route: Route) => Account | undefined): unknown {
    const route = this.#route(name);
    const now = this.#venue.now();
    this.#weights.addRequest(WS_API, route.weight, now);
    const params = new Params(values);
    const account = authenticate(route) ?? NOBODY;
    const isSigned = route.security === 'read' || route.security === 'trade';
    const admission = isSigned ? this.#admitted({ name, params, account, now }, route.security) : UNTIMED;
    if (route.countsAsOrder === true) this.#weights.addOrder(account.name, now);
    return route.handle({ venue: this.#venue, params, now, name, account, admission });
  }

  /** What calls that came another way have used. */
  usageJson(): Record<string, unknown>[] {
    return this.#weights.usageJson(WS_API, this.#venue.now());
  }

  #route(name: string): Route {
    const route = this.#routes.get(name);
    if (route === undefined) throw new VenueError(-1000, `No such call: ${name.slice(0, 100)}`, 404);
    return route;
  }

  #handle(request: RawRequest, headers: Record<string, string>): unknown {
    const name = `${request.method} ${request.path}`;
    const route = this.#route(name);
    const now = this.#venue.now();
    headers['x-mbx-used-weight'] = headers['x-mbx-used-weight-1m'] = String(this.#weights.addRequest(request.address, route.weight, now));
    const call = this.#call(name, route, request, now);
    if (route.countsAsOrder === true) {
      headers['x-mbx-order-count-10s'] = String(this.#weights.addOrder(call.account.name, now));
    }
    return route.handle(call);
  }

  /** A call of the account itself that came too late or too early is written down when it would have changed orders. */
  #admitted(call: Pick<Call, 'name' | 'params' | 'account' | 'now'>, permission: Security): Admission {
    try {
      return checkTime(call.params, call.now);
    } catch (error) {
      if (error instanceof VenueError && permission === 'trade') {
        const untrusted = { timestamp: Number(new Map(call.params.entries()).get('timestamp')) || 0, recvWindow: 0 };
        this.#venue.engine.note(call.now, requestEventOf(call, untrusted, error.code, error.message));
      }
      throw error;
    }
  }

  #call(name: string, route: Route, request: RawRequest, now: number): Call {
    const values = new Map<string, string>();
    readForm(request.query, values);
    readForm(request.body, values);
    const params = new Params(values);
    const call = { venue: this.#venue, params, now, name };
    if (route.security === 'none') return { ...call, account: NOBODY, admission: UNTIMED };
    const permission = route.security === 'key' ? undefined : route.security;
    const account = accountOfKey(this.#venue.accounts, request.apiKey, permission);
    if (permission === undefined) return { ...call, account, admission: UNTIMED };
    const payload = withoutSignature(request.query) + withoutSignature(request.body);
    checkSignature(account.secret, payload, params.optional('signature'));
    const known = { ...call, account };
    return { ...known, admission: this.#admitted(known, permission) };
  }
}
