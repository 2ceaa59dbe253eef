import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.js';
import { prepareNamespace } from '../../launcher/temporal/namespace.js';
import { type ResolvedTemporal, resolveTemporal } from '../../launcher/temporal/resolve.js';
import { startTemporal, type TemporalServer } from '../../launcher/temporal/start.js';
import { isAtLeast } from '../../launcher/temporal/version.js';

/** What the test files get: where the server is and what it can do. */
export interface TemporalOffer {
  readonly address: string;
  readonly namespace: string;
  /** Whether a workflow started with `timeSkippingConfig` skips its waits. */
  readonly timeSkipping: boolean;
  readonly version: string;
}

export interface TemporalProvider {
  /** Finds the program, or builds it, which takes minutes on a new machine; a failure is told by `get`. */
  find(): Promise<void>;
  get(): Promise<TemporalOffer>;
  stop(): Promise<void>;
}

/** From the sources, or from what was compiled of them into dist/. */
const REPOSITORY = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../..' : '../../..', import.meta.url));
const NAMESPACE = 'default';
const SKIPS_TIME_SINCE = '1.32.0';
const TIME_SKIPPING = { 'frontend.WorkflowTimeSkippingEnabled': true, 'history.timerProcessorMaxTimeShift': '1ms' };

/** The Temporal server of a test run, started by the first `get`. */
export function provideTemporal(): TemporalProvider {
  let found: Promise<ResolvedTemporal> | undefined;
  const find = (): Promise<ResolvedTemporal> =>
    (found ??= resolveTemporal({ env: process.env, repoDir: REPOSITORY, report: sayOccasionally() }));
  let started: Promise<{ offer: TemporalOffer; server?: TemporalServer; folder?: string }> | undefined;
  return {
    find: () =>
      find().then(
        () => {},
        () => {},
      ),
    get: async () => (await (started ??= find().then(start))).offer,
    stop: async () => {
      const running = await started?.catch(() => undefined);
      await running?.server?.stop();
      if (running?.folder !== undefined) await rm(running.folder, { recursive: true, force: true });
    },
  };
}

async function start(resolved: ResolvedTemporal): Promise<{ offer: TemporalOffer; server?: TemporalServer; folder?: string }> {
  if (resolved.kind === 'external') {
    await prepareNamespace({ address: resolved.address, connection: resolved.connection, namespace: resolved.namespace });
    const { address, namespace, version } = resolved;
    return { offer: { address, namespace, version, timeSkipping: false } };
  }
  const folder = await mkdtemp(join(tmpdir(), 'keelson-test-temporal-'));
  const timeSkipping = isAtLeast(resolved.binary.version, SKIPS_TIME_SINCE);
  const port = await freePort();
  const settings = timeSkipping ? TIME_SKIPPING : {};
  let server: TemporalServer | undefined;
  try {
    server = await startTemporal({ binary: resolved.binary, dbFile: join(folder, 'temporal.db'), port, settings });
    await prepareNamespace({ address: server.address, namespace: NAMESPACE });
    const offer = { address: server.address, namespace: NAMESPACE, timeSkipping, version: server.version };
    return { offer, server, folder };
  } catch (error) {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A build prints one line in each 200: enough to see that it goes on. */
function sayOccasionally(): NonNullable<Parameters<typeof resolveTemporal>[0]['report']> {
  return (progress) => {
    if (progress.event !== 'step' || (progress.done ?? 0) % 200 !== 0) return;
    console.log(`Temporal server, ${progress.source}: ${progress.done} of about ${progress.total ?? '?'} ${progress.message}`);
  };
}
