import { Agent } from 'node:http';
import type { CcxtClasses, CcxtRest, CcxtStreams } from './ccxt-classes.js';
import type { KeepAliveTransport } from './keep-alive-transport.js';

/** A WebSocket of the library, as far as we reach into it to close it at once. */
interface StreamConnection {
  readonly connection?: { terminate(): void };
  reset(error: Error): void;
  future(messageHash: string): Promise<unknown>;
}

export interface ClientSettings {
  readonly classes: CcxtClasses;
  readonly apiKey: string;
  readonly secret: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Names of the library's abilities that it shall not use by itself. */
  readonly unasked: readonly string[];
  /** The library's limiter, where its own settings are not what the venue allows. */
  readonly limiter?: Readonly<Record<string, unknown>>;
  /** What the library numbers a request with, where the call itself gives nothing. */
  readonly nonce: () => number;
}

/** Longer than any deadline of ours: the transport bounds each call, the library's timer must not. */
const LIBRARY_TIMEOUT_MS = 120_000;

function common(settings: ClientSettings): Record<string, unknown> {
  return {
    apiKey: settings.apiKey,
    secret: settings.secret,
    timeout: LIBRARY_TIMEOUT_MS,
    userAgent: 'keelson',
    has: Object.fromEntries(settings.unasked.map((ability) => [ability, false])),
    // The library keeps a reference to its options and writes into them: every client gets its own.
    options: structuredClone(settings.options),
  };
}

/** A REST client over `transport`. With `limiter` the library waits before it signs: never so for orders (protocol P7). */
export function restClient(settings: ClientSettings, transport: KeepAliveTransport, limiter: boolean): CcxtRest {
  const client = new settings.classes.rest({ ...common(settings), ...settings.limiter, enableRateLimit: limiter });
  client.fetchImplementation = transport.fetch;
  client.nonce = settings.nonce;
  // Kept for people who debug the library; here they would only hold secrets and memory.
  client.enableLastHttpResponse = false;
  client.enableLastResponseHeaders = false;
  if (limiter) refillWhenQuiet(client, () => performance.now());
  return client;
}

/** The library's limiter, as far as we reach into it. */
interface Limiter {
  readonly config: { tokens: number; readonly refillRate: number; readonly capacity: number };
  /** Whether somebody waits for tokens. */
  readonly running: boolean;
}

/**
 * The library gives tokens back only while a request waits for them. What a venue gives back in quiet times is given back with the next
 * request, or it would wait for what has long been there.
 * @param now ms, of any clock that goes on evenly
 */
export function refillWhenQuiet(client: CcxtRest, now: () => number): void {
  const { throttler } = client as unknown as { readonly throttler: Limiter };
  const throttle = client.throttle.bind(client);
  let quietSince = now();
  client.throttle = async (cost) => {
    const { config, running } = throttler;
    if (!running) config.tokens = Math.min(config.capacity, config.tokens + config.refillRate * (now() - quietSince));
    quietSince = now();
    await throttle(cost);
    quietSince = now();
  };
}

/** A streaming client. A ping each `pingMs` finds a dead socket within two of them. */
export function streamsClient(settings: ClientSettings, pingMs: number): CcxtStreams {
  const client = new settings.classes.streams({ ...common(settings), enableRateLimit: false });
  client.nonce = settings.nonce;
  // Without an agent the library refuses plain ws:// addresses, which is what a venue on this machine has.
  client.httpAgent = new Agent();
  client.streaming = { ...client.streaming, keepAlive: pingMs, connectionTimeout: 5_000 };
  handleEveryRejection(client);
  return client;
}

/**
 * The library makes promises that it gives to nobody (one for the log-in of a stream, for example) and rejects them with
 * the connection. Such a rejection, handled by nobody, would end our process; the failure itself reaches us through the
 * promise of the subscription.
 */
function handleEveryRejection(client: CcxtStreams): void {
  const open = client.client.bind(client);
  client.client = (url) => {
    const known = url !== undefined && client.clients[url] !== undefined;
    const connection = open(url);
    if (known) return connection;
    const stream = connection as unknown as StreamConnection;
    const future = stream.future.bind(stream);
    stream.future = (messageHash) => {
      const made = future(messageHash);
      made.catch(() => undefined);
      return made;
    };
    return connection;
  };
}

/** Sees each raw frame before the library; frames for which `take` returns true do not reach it. */
export function tapFrames(client: CcxtStreams, take: (message: unknown) => boolean): void {
  const library = client.handleMessage.bind(client) as (connection: unknown, message: unknown) => void;
  client.handleMessage = (connection: unknown, message: unknown): void => {
    if (!take(message)) library(connection, message);
  };
}

/** Ends every socket of a streaming client now, without waiting for the other side. */
export function terminate(client: CcxtStreams): void {
  for (const stream of Object.values(client.clients) as unknown as StreamConnection[]) {
    if (stream.connection === undefined) stream.reset(new Error('closed before it was opened'));
    else stream.connection.terminate();
  }
}
