import { AsyncLocalStorage } from 'node:async_hooks';
import { request as httpRequest, type ClientRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { destroyAgents, openAgents, type Agents } from './agents.js';

/** What a call was seen to do on the wire, as far as it came. Times are of the transport's clock. */
export interface Seen {
  sentTime?: number;
  receivedTime?: number;
  status?: number;
  headers?: IncomingHttpHeaders;
  body?: string;
}

export type CallOutcome<T> =
  | { readonly ok: true; readonly value: T; readonly seen: Seen }
  | { readonly ok: false; readonly error: unknown; readonly seen: Seen };

/** The library's view of an HTTP answer. */
interface WireResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  text(): Promise<string>;
}

interface WireRequest {
  readonly method: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
  constructor(limitMs: number) {
    super(`no complete answer within ${limitMs} ms`);
  }
}

/** Something between us and the venue that must not happen, such as a redirect or a second order in one call. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
}

interface Call {
  readonly abort: AbortController;
  readonly seen: Seen;
  posts: number;
}

/**
 * HTTP for the library, over sockets that stay open. It exists because the library's own way neither bounds the body
 * nor lets us abort one call: here a deadline covers the call from its beginning to the last byte of the answer, closes
 * the socket when it passes, and refuses to start what has not started by then. Redirects are not followed, and one
 * call carries at most one POST.
 */
export class KeepAliveTransport {
  readonly #calls = new AsyncLocalStorage<Call>();
  readonly #agents: Agents;
  readonly #areOwn: boolean;
  readonly #underWay = new Set<ClientRequest>();
  readonly #clock: () => number;
  readonly #answerLimitMs: number;
  readonly #onHeaders: (headers: IncomingHttpHeaders) => void;
  #closed = false;

  /** `answerLimitMs` bounds each request on its own, from its first byte, where no deadline of a call is shorter. */
  constructor(options: {
    readonly clock: () => number;
    readonly answerLimitMs: number;
    /** Sees the headers of every answer, whatever becomes of the call. */
    readonly onHeaders?: (headers: IncomingHttpHeaders) => void;
    /** Those that others use as well; else it has its own. */
    readonly agents?: Agents;
  }) {
    this.#agents = options.agents ?? openAgents();
    this.#areOwn = options.agents === undefined;
    this.#clock = options.clock;
    this.#onHeaders = options.onHeaders ?? (() => undefined);
    this.#answerLimitMs = options.answerLimitMs;
  }

  /** Runs one call of the library. After `deadlineMs` the call fails with DeadlinePassed and nothing of it leaves any more. */
  async run<T>(work: () => Promise<T>, deadlineMs?: number): Promise<CallOutcome<T>> {
    const call: Call = { abort: new AbortController(), seen: {}, posts: 0 };
    const { signal } = call.abort;
    const timer = deadlineMs === undefined ? undefined : setTimeout(() => call.abort.abort(new DeadlinePassed(deadlineMs)), deadlineMs);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    try {
      const value = await Promise.race([this.#calls.run(call, work), aborted]);
      return { ok: true, value, seen: call.seen };
    } catch (error) {
      return { ok: false, error, seen: call.seen };
    } finally {
      clearTimeout(timer);
    }
  }

  /** The function that the library is given in place of its own fetch. */
  readonly fetch = (url: string, init: WireRequest): Promise<WireResponse> => {
    const call = this.#calls.getStore() ?? { abort: new AbortController(), seen: {}, posts: 0 };
    if (call.abort.signal.aborted) return Promise.reject(call.abort.signal.reason as Error);
    if (this.#closed) return Promise.reject(new TransportError('the venue was closed'));
    if (init.method === 'POST' && ++call.posts > 1) {
      return Promise.reject(new TransportError('a second POST in one call is not sent'));
    }
    return this.#exchange(url, init, call);
  };

  /** Ends what is under way, and starts nothing any more. */
  close(): void {
    this.#closed = true;
    if (this.#areOwn) destroyAgents(this.#agents);
    for (const request of this.#underWay) request.destroy();
  }

  #exchange(url: string, init: WireRequest, call: Call): Promise<WireResponse> {
    return new Promise((resolve, reject) => {
      const secure = url.startsWith('https:');
      const send = secure ? httpsRequest : httpRequest;
      const request = send(url, {
        method: init.method,
        headers: init.headers ?? {},
        agent: secure ? this.#agents.https : this.#agents.http,
      });
      const stop = (reason: Error): void => {
        request.destroy(reason);
        end(() => reject(reason));
      };
      const onAbort = (): void => stop(call.abort.signal.reason as Error);
      const limit = setTimeout(() => stop(new DeadlinePassed(this.#answerLimitMs)), this.#answerLimitMs);
      this.#underWay.add(request);
      const end = (settle: () => void): void => {
        this.#underWay.delete(request);
        clearTimeout(limit);
        call.abort.signal.removeEventListener('abort', onAbort);
        settle();
      };
      call.abort.signal.addEventListener('abort', onAbort, { once: true });
      request.on('error', (error) => end(() => reject(error)));
      request.on('response', (response) => {
        const status = response.statusCode ?? 0;
        Object.assign(call.seen, { status, headers: response.headers });
        this.#onHeaders(response.headers);
        if (status >= 300 && status < 400) stop(new TransportError(`a redirect (${status}) is not followed`));
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', (error) => end(() => reject(error)));
        response.on('end', () => {
          const body = Buffer.concat(parts).toString('utf8');
          Object.assign(call.seen, { body, receivedTime: this.#clock() });
          end(() => resolve({ status, statusText: response.statusMessage ?? '', headers: response.headers, text: async () => body }));
        });
      });
      call.seen.sentTime = this.#clock();
      request.end(init.body);
    });
  }
}
