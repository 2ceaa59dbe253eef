import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { dirname } from 'node:path';
import type { Config } from '../config/index.js';
import { KeelsonError } from '../core/errors.js';
import type { LastEvents } from '../db/last-events.js';
import { apiReader } from './feed/api-reader.js';
import { follow } from './feed/follow.js';
import { toLauncherEvent } from './feed/translate.js';
import { lockHolder, takeLock } from './home/lock.js';
import type { HomeLock } from './home/lock.js';
import { homePaths, prepareHome } from './home/paths.js';
import type { HomePaths } from './home/paths.js';
import { readRunFile, removeRunFile, writeRunFile } from './home/run-file.js';
import type { Addresses } from './home/run-file.js';
import { writeWhole } from './home/write-file.js';
import { standingAlone, withOverrides } from './overrides.js';
import type { Overrides } from './overrides.js';
import { copyBeforeMigrations, endWayBack } from './parts/copy.js';
import { prepareDatabase, startDatabase } from './parts/database.js';
import type { LaunchContext } from './parts/launch-context.js';
import { bringUpProcesses } from './parts/processes.js';
import { assertRunsReplay } from './parts/replay-gate.js';
import { bringUpTemporal } from './parts/temporal.js';
import { bringUpVenue, shownInstruments } from './parts/venue.js';
import { preflight } from './preflight.js';
import { PortChooser } from './ports/choose.js';
import type { LauncherEvent } from './screen/events.js';
import type { Screen } from './screen/screen.js';
import { Steps } from './screen/steps.js';
import { ChildrenFile, readChildren } from './supervise/children-file.js';
import { stopLeftovers } from './supervise/leftovers.js';
import { listenForStop } from './supervise/stop-signals.js';
import { ChildFailed, Supervisor } from './supervise/supervisor.js';

const CONFIGURATION_EXIT = 78;
/** As shells count an end by Ctrl-C. */
const AT_ONCE_EXIT = 130;
/** All children together; the promise is 20 s from Ctrl-C to the end. */
const STOP_BUDGET_MS = 18_000;

export interface LaunchOptions {
  /** Folder of the clone. */
  readonly root: string;
  readonly home: string;
  readonly configFile: string;
  readonly env: NodeJS.ProcessEnv;
  readonly overrides: Overrides;
  readonly screen: Screen;
  readonly now: () => number;
}

/** A start takes longer, and then its addresses are there; a stop is over before. */
const SETTLED_WITHIN_MS = 25_000;
const LOOK_AGAIN_MS = 250;

/**
 * Who holds the home. One without addresses has only begun to start, or is stopping, and is waited for: whoever starts right after a
 * stop wants it to run.
 */
async function settledHolder(paths: ReturnType<typeof homePaths>): Promise<ReturnType<typeof lockHolder>> {
  for (let waitedMs = 0; ; waitedMs += LOOK_AGAIN_MS) {
    const holder = lockHolder(paths.lock);
    if (holder === undefined || readRunFile(paths.runFile) !== undefined || waitedMs >= SETTLED_WITHIN_MS) return holder;
    await wait(LOOK_AGAIN_MS);
  }
}

/** How a run came to its end. */
interface Ending {
  readonly reason: string;
  readonly exitCode: number;
}

/**
 * Starts everything, shows what happens, and stops everything in order.
 * @returns the exit code: 0 after a wished stop or when the first start runs already, 78 for a wrong configuration.
 */
export async function launch(options: LaunchOptions): Promise<number> {
  const { screen, now } = options;
  const startedAt = now();
  const paths = homePaths(options.home);
  const runsAlready = (pid: number): number => {
    const addresses = readRunFile(paths.runFile)?.addresses;
    screen.show({ time: now(), event: 'running', home: paths.home, pid, ...(addresses === undefined ? {} : { addresses }) });
    return 0;
  };
  let config: Config;
  let lock: HomeLock;
  try {
    const holder = await settledHolder(paths);
    if (holder !== undefined) return runsAlready(holder.pid);
    config = withOverrides(await preflight(options.configFile, options.env), options.overrides);
    prepareHome(paths);
    const taken = takeLock(paths.lock);
    if (!taken.held) return runsAlready(taken.holder.pid);
    lock = taken.lock;
  } catch (error) {
    return showError(options, error);
  }

  const stopping = new AbortController();
  const run = new Run(options, config, paths, stopping.signal);
  const ending = new Promise<Ending>((resolve) => {
    const end = (reason: string, exitCode: number): void => {
      stopping.abort();
      resolve({ reason, exitCode });
    };
    run.onFatal = (error) => end('an error', showError(options, error));
    listenForStop({
      onFirst: (reason) => end(reason, 0),
      onSecond: () => {
        run.supervisor.killAll();
        removeRunFile(paths.runFile);
        lock.release();
        screen.show({
          time: now(),
          event: 'stopped',
          reason: 'asked twice: at once',
          exitCode: AT_ONCE_EXIT,
          elapsedMs: now() - startedAt,
        });
        process.exit(AT_ONCE_EXIT);
      },
    });
    run.start(startedAt).catch((error: unknown) => {
      // A start that was given up fails in its own ways; they are not news.
      if (!stopping.signal.aborted) end('an error', showError(options, error));
    });
  });
  const { reason, exitCode } = await ending;
  // From now on nobody is told that this runs.
  removeRunFile(paths.runFile);
  await run.stop();
  lock.release();
  screen.show({ time: now(), event: 'stopped', reason, exitCode, elapsedMs: now() - startedAt });
  return exitCode;
}

/** One run, from the first child to the last. */
class Run {
  readonly supervisor: Supervisor;
  onFatal: (error: KeelsonError) => void = () => undefined;
  readonly #options: LaunchOptions;
  readonly #paths: HomePaths;
  readonly #signal: AbortSignal;
  readonly #config: Config;
  readonly #steps: Steps;
  /** From ready on: what others read of us is kept current when a child comes back. */
  #writeRunFile: () => void = () => undefined;

  constructor(options: LaunchOptions, config: Config, paths: HomePaths, signal: AbortSignal) {
    const { screen, now } = options;
    this.#options = options;
    this.#config = config;
    this.#paths = paths;
    this.#signal = signal;
    this.#steps = new Steps(screen, now);
    this.supervisor = new Supervisor({
      children: new ChildrenFile(paths.children),
      onRestart: (notice) => screen.show({ time: now(), event: 'restart', ...notice }),
      // A child that comes back while all is being stopped does not say again that this runs.
      onReady: () => {
        if (!signal.aborted) this.#writeRunFile();
      },
      onFatal: (error) => this.onFatal(error),
    });
  }

  async start(startedAt: number): Promise<void> {
    const { screen, now } = this.#options;
    await this.#endLeftovers();
    const context = this.#context();
    const started = await startDatabase(context);
    // In this order: what an older build has stored is copied while nothing writes, and changed only when this build can go on with it.
    await copyBeforeMigrations(context, started);
    const temporal = await bringUpTemporal(context);
    await assertRunsReplay(context, temporal);
    const database = await prepareDatabase(context, started);
    const venue = await bringUpVenue(context);
    const env = {
      ...temporal.env,
      ...venue?.env,
      DATABASE_URL: database.url,
      DATABASE_URL_FILE: '',
      ...(temporal.ui === undefined ? {} : { KEELSON_TEMPORAL_UI: temporal.ui }),
    };
    await endWayBack(this.#paths.temporal);
    const processes = await bringUpProcesses(context, env);
    const addresses = (): Addresses => ({
      api: processes.api(),
      temporal: temporal.address,
      ...(temporal.ui === undefined ? {} : { temporalUi: temporal.ui }),
      ...(venue === undefined ? {} : { venue: venue.addresses }),
      metrics: { api: `${processes.api()}/metrics`, ...processes.metrics() },
    });
    const reader = apiReader(() => processes.api(), database.key);
    const { modes, halts } = await reader.modes(this.#signal);
    this.#signal.throwIfAborted();
    const since = now();
    this.#writeRunFile = () =>
      writeRunFile(this.#paths.runFile, { pid: process.pid, since, addresses: addresses(), pids: this.supervisor.pids });
    this.#writeRunFile();
    screen.show({
      time: now(),
      event: 'ready',
      addresses: addresses(),
      home: this.#paths.home,
      modes,
      halts,
      instruments: shownInstruments(this.#config),
      people: database.people,
      elapsedMs: now() - startedAt,
    });
    const show = screen.show.bind(screen);
    for (const event of standingModes(modes, database.last)) show(event);
    await follow({ api: reader, after: database.last.id, show, signal: this.#signal });
  }

  async stop(): Promise<void> {
    const { screen, now } = this.#options;
    this.#writeRunFile = () => undefined;
    await this.supervisor.stopAll(STOP_BUDGET_MS, (child, how, elapsedMs) => {
      const state = how === 'stopping' ? 'started' : 'done';
      const message = { stopping: `Stopping ${child}`, stopped: `${child} has stopped`, killed: `${child} did not stop and was killed` }[
        how
      ];
      screen.show({ time: now(), event: 'step', step: `stop ${child}`, state, message, elapsedMs: Math.round(elapsedMs) });
    });
  }

  async #endLeftovers(): Promise<void> {
    const left = readChildren(this.#paths.children);
    if (left.length === 0) return;
    await this.#steps.run('leftovers', 'Looking for processes of a killed start', async () => {
      const stopped = await stopLeftovers(left);
      const done =
        stopped.length === 0 ? 'No process of the last start is left' : `Stopped what a killed start had left: ${stopped.join(', ')}`;
      return { done, result: undefined };
    });
  }

  #context(): LaunchContext {
    const { root, env, now, overrides } = this.#options;
    let { configFile } = this.#options;
    if (overrides.interval !== undefined) {
      // Workers read a file: what a flag changed for them has to stand in one.
      const text = standingAlone(this.#config, configFile);
      configFile = this.#paths.effectiveConfig;
      writeWhole(configFile, text);
    }
    return {
      config: this.#config,
      configFile,
      configFolder: dirname(this.#options.configFile),
      paths: this.#paths,
      root,
      env,
      steps: this.#steps,
      supervisor: this.supervisor,
      ports: new PortChooser(this.#paths.home),
      signal: this.#signal,
      now,
      startId: randomUUID(),
    };
  }
}

/** Why an account does not trade as usual, from before this start: who changed its mode, when and for what reason. */
function standingModes(modes: Readonly<Record<string, string>>, { modeChanges }: LastEvents): readonly LauncherEvent[] {
  return modeChanges.flatMap(({ subject, ...change }) => {
    if (modes[change.account] === 'normal' || change.data['mode'] !== modes[change.account]) return [];
    const event = toLauncherEvent({ ...change, kind: 'mode.changed', ...(subject === null ? {} : { subject }) });
    return event === undefined ? [] : [event];
  });
}

/** @returns the exit code that belongs to the error. */
function showError({ screen, now }: LaunchOptions, error: unknown): number {
  if (error instanceof KeelsonError) {
    screen.show({ time: now(), event: 'error', code: error.failure.code, message: error.failure.message });
    if (error instanceof ChildFailed) return error.exitCode;
    return error.failure.code.startsWith('CONFIG_') ? CONFIGURATION_EXIT : 1;
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  screen.show({ time: now(), event: 'error', code: 'INTERNAL', message });
  return 1;
}
