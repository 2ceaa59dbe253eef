import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';

const CONNECT_AGAIN_MS = 500;
/** A connection that is silently gone tells of no change: it is asked so often. */
const ALIVE_EVERY_MS = 5_000;
const ANSWER_LIMIT_MS = 3_000;

export interface ListenOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly channel: string;
  readonly onNotification: (payload: string) => void;
  /** On each new connection, from here on everything is told: what came before was told to nobody. */
  readonly onListening: () => void;
  /** The connection is lost, or could not be had; another is tried until the end. */
  readonly onLost: (error: unknown) => void;
}

/** Listens on a channel of the database over a connection of its own, connected anew until the returned function is called. */
export function listen(options: ListenOptions): () => Promise<void> {
  const closing = new AbortController();
  const running = keepListening(options, closing.signal);
  return async () => {
    closing.abort();
    await running;
  };
}

async function keepListening(options: ListenOptions, closing: AbortSignal): Promise<void> {
  while (!closing.aborted) {
    try {
      await listenOnce(options, closing);
    } catch (error) {
      if (!closing.aborted) options.onLost(error);
    }
    await wait(CONNECT_AGAIN_MS, undefined, { signal: closing }).catch(() => undefined);
  }
}

/** Until the connection is lost, which throws, or until the end. */
async function listenOnce(options: ListenOptions, closing: AbortSignal): Promise<void> {
  const client = new Client({
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: ANSWER_LIMIT_MS,
    query_timeout: ANSWER_LIMIT_MS,
    keepAlive: true,
  });
  const done = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve, reject) => {
    client.on('error', reject);
    client.on('end', () => reject(new Error('the connection ended')));
    closing.addEventListener('abort', () => resolve(), { once: true, signal: done.signal });
    timer = setInterval(() => void client.query('select 1').catch(reject), ALIVE_EVERY_MS);
  });
  over.catch(() => undefined);
  try {
    await Promise.race([client.connect(), over]);
    client.on('notification', ({ payload }) => options.onNotification(payload ?? ''));
    await Promise.race([client.query(`listen ${options.channel}`), over]);
    if (!closing.aborted) options.onListening();
    await over;
  } finally {
    clearInterval(timer);
    done.abort();
    // Not waited for: the other side of a connection that was lost may never answer.
    client.end().catch(() => undefined);
  }
}
