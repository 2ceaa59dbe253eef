import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KeelsonError } from '../../core/errors.js';
import type { ResolveProgress } from '../temporal/choose.js';
import { prepareNamespace } from '../temporal/namespace.js';
import { resolveTemporal } from '../temporal/resolve.js';
import type { ResolvedTemporal } from '../temporal/resolve.js';
import { startTemporal } from '../temporal/start.js';
import { serverChild } from '../supervise/server-child.js';
import { copyBeforeNewerServer, howBack } from './copy.js';
import { choosePort } from './launch-context.js';
import type { LaunchContext } from './launch-context.js';

export interface Temporal {
  readonly address: string;
  readonly namespace: string;
  readonly ui: string | undefined;
  /** `new`: our own, over a file that was not there before; `own`: over the one of earlier starts. */
  readonly origin: 'new' | 'own' | 'external';
  /** Where the server's files are as they were before a newer server opened them, as long as nothing else has happened to them. */
  readonly copy?: string;
  /** The whole environment of a child, as far as Temporal is concerned. */
  readonly env: NodeJS.ProcessEnv;
}

/** Finds a Temporal server or starts one, and prepares its namespace. */
export async function bringUpTemporal(context: LaunchContext): Promise<Temporal> {
  const { steps, paths, env } = context;
  const dbFile = join(paths.temporal, 'temporal.db');
  const resolved = await steps.run('temporal-source', 'Finding a Temporal server', async (progress) => {
    const found = await resolveTemporal({ env, repoDir: context.root, dbFile, report: (step) => progress(progressText(step)) });
    return { done: foundText(found), result: found };
  });
  const temporal = resolved.kind === 'external' ? external(resolved, env) : await startOwn(context, dbFile, resolved.binary);
  await steps.run('namespace', 'Preparing the Temporal namespace', async () => {
    const { namespace } = temporal;
    await prepareNamespace({
      address: temporal.address,
      namespace,
      ...(resolved.kind === 'external' ? { connection: resolved.connection } : {}),
    });
    return { done: `Temporal namespace ${namespace} is ready`, result: undefined };
  });
  return temporal;
}

/** The user's own server: children read the same variables and profile as we did. */
function external(resolved: Extract<ResolvedTemporal, { kind: 'external' }>, env: NodeJS.ProcessEnv): Temporal {
  const { address, namespace } = resolved;
  return {
    address,
    namespace,
    origin: 'external',
    ui: env['KEELSON_TEMPORAL_UI'] || undefined,
    env: { ...env, TEMPORAL_NAMESPACE: namespace },
  };
}

async function startOwn(
  context: LaunchContext,
  dbFile: string,
  binary: Extract<ResolvedTemporal, { kind: 'binary' }>['binary'],
): Promise<Temporal> {
  const { config, paths, steps, supervisor } = context;
  const port = await choosePort(context, 'Temporal', config.ports.temporal);
  const uiPort = await choosePort(context, 'the Temporal UI', config.ports.temporalUi);
  const address = `127.0.0.1:${port}`;
  const ui = `http://127.0.0.1:${uiPort}`;
  const origin = existsSync(dbFile) ? 'own' : 'new';
  // Said, and copied, before anything is changed.
  const copy = await copyBeforeNewerServer(context, { dbFile, version: binary.version });
  await steps.run('temporal', 'Starting Temporal', async () => {
    const started = supervisor.start(
      serverChild({
        name: 'temporal',
        log: join(paths.logs, 'temporal.log'),
        stopLimitMs: 5000,
        start: (onLog, signal) => startTemporal({ binary, dbFile, port, uiPort, onLog, signal }),
        said: ({ version }) => ({ version }),
      }),
    );
    await started.catch((cause: unknown) => {
      if (copy === undefined || !(cause instanceof KeelsonError) || cause.failure.code !== 'CONFIG_TEMPORAL') throw cause;
      const detail = `${String(cause.failure.values['detail'])}. The build that ran here before can go on${howBack(copy)}`;
      throw new KeelsonError('CONFIG_TEMPORAL', { address, detail }, { cause });
    });
    return { done: `Temporal ${binary.version} answers at ${address}`, result: undefined };
  });
  const namespace = context.env['TEMPORAL_NAMESPACE'] || 'default';
  return {
    address,
    ui,
    namespace,
    origin,
    ...(copy === undefined ? {} : { copy }),
    env: ownEnvironment(context.env, paths.temporal, address, namespace),
  };
}

/**
 * For our own server nothing else of the user's Temporal settings may count: keys and TLS of another server, in variables
 * or in the default profile, would be sent to this one.
 */
function ownEnvironment(env: NodeJS.ProcessEnv, folder: string, address: string, namespace: string): NodeJS.ProcessEnv {
  const profile = join(folder, 'client.toml');
  writeFileSync(profile, '# Empty on purpose: the settings of this server come from the environment.\n[profile.default]\n', {
    mode: 0o600,
  });
  const rest = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
  return { ...rest, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, TEMPORAL_CONFIG_FILE: profile };
}

const foundText = (found: ResolvedTemporal): string =>
  found.kind === 'external'
    ? `Temporal ${found.version} at ${found.address} is used`
    : `Temporal server ${found.binary.version} found: ${found.source}`;

function progressText(progress: ResolveProgress): string {
  if (progress.event === 'refused') return `No Temporal server from ${progress.source}: ${progress.whyNot}`;
  if (progress.event === 'step') {
    const { message, done, total } = progress;
    if (done !== undefined && total === undefined) return `${message}: ${done}`;
    const isCounted = done !== undefined && total !== undefined && total > 0;
    return isCounted ? `${message} (${Math.min(99, Math.round((100 * done) / total))} %)` : message;
  }
  return `${progress.event === 'found' ? 'Found a Temporal server' : 'Looking for a Temporal server'}: ${progress.source}`;
}
