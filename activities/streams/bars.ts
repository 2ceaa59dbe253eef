import { BarFeed, type BarFeedDependencies } from './bar-feed.js';
import { offered, type StandIn } from './stand-in.js';
import type { StrategyRunner, StrategyVersion } from './strategy-runner.js';
import { untilStopped } from './until-stopped.js';
import { WarmUps } from './warm-ups.js';

const RUN_FOR_MS = 3_600_000;
const ACTIVE_EVERY_MS = 500;

export interface BarStreamDependencies extends BarFeedDependencies {
  readonly runnersOf: (account: string, intervalMs: number) => readonly StrategyRunner[];
  /** Whether this build's version of the strategy is the active one, as far as can be told. */
  readonly isActive: (strategy: StrategyVersion) => Promise<boolean>;
  readonly standIn: StandIn;
  readonly stopping: AbortSignal;
}

/**
 * The bar stream of an account: warm-up from stored bars and the venue's, then each closed bar to its strategies first
 * and to the store after them. Missing bars are fetched by REST and marked. The newest that closed while nobody listened is decided on as long as
 * its signal would be valid; older ones cause no signals. A build that is not the
 * active one leaves the stream to the one that is.
 */
export async function streamBars(dependencies: BarStreamDependencies, account: string, intervalMs: number): Promise<void> {
  const { stopping } = dependencies;
  const runners = dependencies.runnersOf(account, intervalMs);
  const stream = `${account} ${intervalMs} ms`;
  const isActive = await areActive(dependencies, runners, stream);
  const turnMs = isActive ? 0 : dependencies.standIn.begin(stream);
  if (!isActive && turnMs === 0) throw offered(stream);
  const over = new AbortController();
  await untilStopped({ stopping, runForMs: RUN_FOR_MS }, async (signal) => {
    const looking = lookForOthers(() => areActive(dependencies, runners, stream), turnMs, over);
    try {
      await readBars(dependencies, { account, intervalMs, runners }, AbortSignal.any([signal, over.signal]));
    } finally {
      clearInterval(looking);
    }
  });
  if (!over.signal.aborted) return;
  dependencies.log.warn({ account, intervalMs }, 'this build is not the active one: its bar stream is offered to the others');
  throw offered(stream);
}

/** Ends the stream as soon as this build is not the active one and its turn as a stand-in is over. */
function lookForOthers(isActive: () => Promise<boolean>, turnMs: number, over: AbortController): NodeJS.Timeout {
  let leftMs = turnMs;
  return setInterval(() => {
    leftMs -= ACTIVE_EVERY_MS;
    if (leftMs > 0) return;
    void isActive().then((active) => (active ? undefined : over.abort()));
  }, ACTIVE_EVERY_MS);
}

/** What cannot be asked changes nothing: an order of a version that is not the active one is refused by authorise (P2). */
async function areActive(
  { isActive, standIn, log }: BarStreamDependencies,
  runners: readonly StrategyRunner[],
  stream: string,
): Promise<boolean> {
  try {
    const active = await Promise.all(runners.map((runner) => isActive(runner.version)));
    if (active.includes(false)) return false;
    standIn.forget(stream);
  } catch (error) {
    log.warn({ stream, error: error instanceof Error ? error.message : String(error) }, 'the active version could not be asked');
  }
  return true;
}

async function readBars(
  dependencies: BarStreamDependencies,
  { account, intervalMs, runners }: { readonly account: string; readonly intervalMs: number; readonly runners: readonly StrategyRunner[] },
  signal: AbortSignal,
): Promise<void> {
  const { market, log, clock, store, venueOf } = dependencies;
  const instruments = [...new Set(runners.map((runner) => runner.instrument))];
  const feed = new BarFeed(dependencies, account, intervalMs);
  const { reader, streams } = venueOf(account);
  const of = (instrument: string): readonly StrategyRunner[] => runners.filter((runner) => runner.instrument === instrument);
  const warmUp = async (instrument: string): Promise<void> => {
    await Promise.all(of(instrument).map((runner) => feed.warmUp(runner)));
  };
  const report = (error: unknown, what: string): void => feed.report(error, what);
  const warmUps = new WarmUps({ account, reader, store, warmUp, clock, report });
  await warmUps.begin(instruments);
  const stopTrying = warmUps.keepTrying();
  /** What has told nothing yet since its stream was subscribed to: a bar that closed before that is told by no frame. */
  const silent = new Set(instruments);
  let isLost = false;
  const look = (instrument: string): void => {
    for (const runner of of(instrument)) feed.seekClosed(runner, isLost);
  };
  try {
    const watching = streams.watchBars(
      { instruments, intervalMs },
      {
        onBar: ({ bar, ...seen }) => {
          market.seePrice(account, bar.instrument, bar.close, seen);
          for (const runner of of(bar.instrument)) feed.give(runner, bar);
          feed.saveSoon(bar);
        },
        onPrice: (instrument, price, seen) => {
          market.seePrice(account, instrument, price, seen);
          if (silent.delete(instrument)) look(instrument);
        },
        onGap: (reason, only) => {
          isLost = true;
          for (const instrument of only === undefined ? instruments : [only]) {
            silent.add(instrument);
            market.seeGap(account, instrument, reason);
          }
          log.warn({ account, reason, instrument: only }, 'the bar stream had a gap');
        },
      },
      signal,
    );
    // What is asked for at each close alone tells its first price then.
    for (const instrument of instruments) look(instrument);
    await watching;
  } finally {
    await stopTrying();
  }
  await feed.idle();
}
