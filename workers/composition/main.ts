// Before what loads packages.
import { mapStacks } from './source-maps.js';
import type { Worker } from '@temporalio/worker';
import { createTemporalWaitStore } from '../../adapters/store/temporal-wait-store.js';
import { KeelsonError } from '../../core/errors.js';
import { exitCodeOf, supervised } from '../supervised.js';
import { openLocalProcess, withTemporal, type LocalProcess, type WorkerProcess } from './process.js';
import { connectTemporal } from './temporal-connection.js';
import { awaitTemporal } from './without-temporal.js';

/** What a role brings: its worker, what it starts once the worker polls, and what it has to close. */
export interface Role {
  readonly worker: Worker;
  started(): Promise<void>;
  close(): Promise<void>;
}

/** What a role does whether or not Temporal is there. */
export interface Alone {
  close(): Promise<void>;
}

/** A role that has work to do while Temporal is away, and takes up the rest when it is there. */
export interface LastingRole<Part extends Alone> {
  readonly alone: (process: LocalProcess) => Promise<Part>;
  /** Called once Temporal is there, and before anything else where it is there from the beginning. @throws what ends the process */
  readonly heed: (process: WorkerProcess) => Promise<void>;
  readonly open: (process: WorkerProcess, alone: Part) => Promise<Role>;
}

interface Run {
  readonly local: LocalProcess;
  /** Undone last first. */
  readonly ends: (() => Promise<void>)[];
  /** Says that it is not ready for want of Temporal. */
  readonly waiting: () => void;
}

/** Runs one role as this process. It ends where Temporal does not answer (CONFIG_TEMPORAL). */
export async function runAsProcess(name: string, open: (process: WorkerProcess) => Promise<Role>): Promise<void> {
  await run(name, async ({ local, ends }) => open(connected(local, ends, await connectTemporal(local.env, local.clock))));
}

/** The same, of a role that does not wait for Temporal with all it does. */
export async function runLasting<Part extends Alone>(name: string, role: LastingRole<Part>): Promise<void> {
  await run(name, async ({ local, ends, waiting }) => {
    const { env, clock, pool, log, stopping } = local;
    const connect = () => connectTemporal(env, clock);
    const begin = async (): Promise<Part> => {
      const alone = await role.alone(local);
      ends.push(() => alone.close());
      return alone;
    };
    const store = createTemporalWaitStore(pool);
    const who = env['KEELSON_INSTANCE'] ?? '1';
    const waitsNoMore = (): Promise<void> =>
      store
        .end(who)
        .catch((error: unknown) => log.warn({ error: String(error) }, 'that this process waits for Temporal no more could not be told'));
    let first: unknown;
    const atOnce = await connect().catch((error: unknown) => void (first = error));
    if (atOnce !== undefined) {
      const process = connected(local, ends, atOnce);
      // Of a run of before, which did not end in order.
      await waitsNoMore();
      await role.heed(process);
      return role.open(process, await begin());
    }
    const alone = await begin();
    // It may be told to stop in the middle of a try, whose end nobody waits for.
    ends.push(waitsNoMore);
    const connection = await awaitTemporal({ connect, tell: () => store.tell(who), waiting, clock, log, stopping }, first);
    if (connection === undefined) return undefined;
    await waitsNoMore();
    const process = connected(local, ends, connection);
    await role.heed(process);
    return role.open(process, alone);
  });
}

function connected(local: LocalProcess, ends: Run['ends'], connection: WorkerProcess['connection']): WorkerProcess {
  ends.push(() => connection.close());
  return withTemporal(local, connection);
}

/**
 * Opens what a process needs, polls, says ready; on stop the streams hand over first, so that nothing new begins, then the worker drains.
 * @param opening undefined: it was told to stop meanwhile
 */
async function run(name: string, opening: (run: Run) => Promise<Role | undefined>): Promise<void> {
  const ends: Run['ends'] = [];
  let local: LocalProcess | undefined;
  const supervision = supervised({
    onStop: async () => {
      local?.stopping.abort();
      for (const end of ends.toReversed()) await end();
    },
  });
  const isStopping = (): boolean => local?.stopping.signal.aborted === true;
  try {
    const opened = await openLocalProcess(name, globalThis.process.env, fail);
    local = opened;
    ends.push(() => opened.close());
    const role = await opening({ local: opened, ends, waiting: () => supervision.waiting() });
    if (role === undefined || isStopping()) return;
    const polling = role.worker.run();
    ends.push(async () => {
      role.worker.shutdown();
      await polling;
      await role.close();
    });
    polling.catch((error: unknown) => fail(error));
    await role.started();
    mapStacks();
    supervision.ready();
    opened.log.info('ready');
  } catch (error) {
    // Whoever stops it closes what it was about to use.
    if (!isStopping()) fail(error);
  }
}

function fail(error: unknown): never {
  mapStacks();
  const isCoded = error instanceof KeelsonError;
  process.stderr.write(
    `${isCoded ? `${error.failure.code}  ${error.message}` : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(exitCodeOf(error));
}
