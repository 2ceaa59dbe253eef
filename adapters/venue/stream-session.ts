import type { CcxtStreams } from './ccxt-classes.js';
import { tapFrames, terminate } from './ccxt-client.js';
import { pause } from './pause.js';
import type { Frame } from './profiles/wire-profile.js';
import { plainDetail } from './verdict.js';

export interface SessionOptions {
  /** A fresh client for each connection: nothing of a lost one is left in it. */
  readonly open: () => CcxtStreams;
  /** Connects and subscribes; the promise stays pending as long as the stream lives. */
  readonly subscribe: (client: CcxtStreams) => Promise<unknown>;
  readonly read: (message: unknown) => Frame;
  /** Called in the turn of the frame. Returns true when the frame shows that data flows. */
  readonly onFrame: (frame: Exclude<Frame, undefined>) => boolean;
  readonly onLost: (reason: string) => void;
  /** Without data for so long the connection is given up; undefined where silence is normal. */
  readonly silenceMs?: number;
  readonly signal: AbortSignal;
}

/** A new connection and its first frame may take so long before that counts as silence. */
const CONNECT_LIMIT_MS = 5_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** A connection that carried data and lasted so long was a good one: the next pause is short again. */
const GOOD_AFTER_MS = 10_000;

/** Keeps one stream alive until `signal` aborts: each loss is told, then a new connection is made after a growing pause. */
export async function runStream(options: SessionOptions): Promise<void> {
  let losses = 0;
  while (!options.signal.aborted) {
    const { reason, wasGood } = await connection(options);
    if (options.signal.aborted) return;
    losses = wasGood ? 1 : losses + 1;
    options.onLost(reason);
    await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (losses - 1)), options.signal);
  }
}

interface Ended {
  readonly reason: string;
  readonly wasGood: boolean;
}

function connection(options: SessionOptions): Promise<Ended> {
  const { signal, silenceMs } = options;
  return new Promise((resolve) => {
    const client = options.open();
    let frames = 0;
    let over = false;
    let watchdog: NodeJS.Timeout | undefined;
    const begun = performance.now();
    let lastSign = begun;

    const end = (reason: string): void => {
      if (over) return;
      over = true;
      clearTimeout(watchdog);
      signal.removeEventListener('abort', onAbort);
      terminate(client);
      resolve({ reason, wasGood: frames > 0 && performance.now() - begun >= GOOD_AFTER_MS });
    };
    const onAbort = (): void => end('aborted');

    const watch = (limitMs: number): void => {
      clearTimeout(watchdog);
      watchdog = setTimeout(
        () => {
          // When our own process was held up, frames wait in the socket: they are read before this is called silence.
          setImmediate(() => {
            if (over) return;
            if (performance.now() - lastSign < limitMs) watch(limitMs);
            else end(`no data for ${limitMs} ms`);
          });
        },
        Math.max(0, limitMs - (performance.now() - lastSign)),
      );
    };
    const alive = (): void => {
      lastSign = performance.now();
      if (frames++ === 0 && silenceMs !== undefined) watch(silenceMs);
    };

    const take = (message: unknown): boolean => {
      if (over) return true;
      const frame = options.read(message);
      if (frame === undefined) return false;
      if (frame.kind === 'terminated') end(frame.reason);
      else if (options.onFrame(frame)) alive();
      // The library has to see that its subscription was confirmed; everything else is read already.
      return frame.kind !== 'subscribed';
    };

    signal.addEventListener('abort', onAbort, { once: true });
    tapFrames(client, (message) => {
      try {
        return take(message);
      } catch (error) {
        end(`a frame could not be handled: ${plainDetail(error)}`);
        return true;
      }
    });
    if (silenceMs !== undefined) watch(Math.max(silenceMs, CONNECT_LIMIT_MS));
    options.subscribe(client).then(
      () => end('the subscription ended'),
      (error: unknown) => end(plainDetail(error)),
    );
  });
}
