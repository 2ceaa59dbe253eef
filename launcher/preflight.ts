import { databaseUrl, loadConfig } from '../config/index.js';
import type { Config } from '../config/index.js';
import { KeelsonError } from '../core/errors.js';
import { assertReachable } from './parts/database.js';
import { externalServer } from './temporal/external.js';

/**
 * Reads the configuration and asks the servers that the environment names, before anything is started, so that a person
 * is told every problem at once and not one at each try.
 * @throws KeelsonError CONFIG_…; CONFIG_INVALID with all of them when there are several.
 */
export async function preflight(configFile: string, env: NodeJS.ProcessEnv): Promise<Config> {
  const [config, ...servers] = await Promise.allSettled([
    Promise.resolve().then(() => loadConfig({ path: configFile, env, credentials: 'live', alertSecrets: true })),
    askDatabase(env),
    externalServer(env),
  ]);
  const found = [
    { at: configFile, result: config },
    { at: 'DATABASE_URL', result: servers[0] },
    { at: 'TEMPORAL_ADDRESS', result: servers[1] },
  ].flatMap(({ at, result }) => (result?.status === 'rejected' ? [{ at, reason: result.reason as unknown }] : []));
  const unexpected = found.find(({ reason }) => !(reason instanceof KeelsonError));
  if (unexpected !== undefined) throw unexpected.reason;
  const problems = found.map(({ at, reason }) => problemOf(at, reason as KeelsonError));
  if (problems.length === 1) throw found[0]?.reason;
  if (problems.length > 1) {
    throw new KeelsonError('CONFIG_INVALID', {
      path: configFile,
      count: problems.reduce((sum, { count }) => sum + count, 0),
      problems: problems.map(({ lines }) => lines).join('\n'),
    });
  }
  if (config.status === 'rejected') throw config.reason;
  return config.value;
}

async function askDatabase(env: NodeJS.ProcessEnv): Promise<void> {
  let url: string | undefined;
  try {
    url = databaseUrl(env);
  } catch {
    // An address that is none is told with the configuration's problems.
    return;
  }
  if (url !== undefined) await assertReachable(url);
}

/** A list of problems stays one; a single one is put under the name of what has to be changed. */
function problemOf(at: string, { failure }: KeelsonError): { readonly count: number; readonly lines: string } {
  const { problems, count } = failure.values;
  if (typeof problems === 'string' && typeof count === 'number') return { count, lines: problems };
  return { count: 1, lines: `  ${at}: ${failure.message}` };
}
