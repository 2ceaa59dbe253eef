import { join } from 'node:path';
import { nodeChild } from '../supervise/node-child.js';
import { choosePort } from './launch-context.js';
import type { LaunchContext } from './launch-context.js';

/** What workers and API are told through their environment, on top of what they get from ours. */
export type ChildEnvironment = NodeJS.ProcessEnv;

/** Longest orderly stop of each, in ms: a worker drains, the API closes its connections. */
const STOP_LIMITS = { guardian: 9000, trading: 9000, api: 2000 } as const;

/**
 * Starts one of our worker processes and waits until it does its work.
 * @returns the address of its metrics.
 */
export async function bringUpWorker(context: LaunchContext, name: 'guardian' | 'trading', given: ChildEnvironment): Promise<string> {
  const port = await choosePort(context, `${name} metrics`, context.config.ports.metrics);
  return context.steps.run(name, `Starting the ${name} worker`, async () => {
    await context.supervisor.start(child(context, name, `workers/${name}.js`, { ...given, KEELSON_METRICS_PORT: String(port) }));
    return { done: `The ${name} worker polls`, result: `http://127.0.0.1:${port}/metrics` };
  });
}

/** Starts the API and waits until it answers. @returns its base address. */
export async function bringUpApi(context: LaunchContext, given: ChildEnvironment): Promise<string> {
  const port = await choosePort(context, 'the API', context.config.ports.api);
  return context.steps.run('api', 'Starting the API', async () => {
    const said = await context.supervisor.start(child(context, 'api', 'api/main.js', { ...given, KEELSON_API_PORT: String(port) }));
    const address = typeof said['address'] === 'string' ? said['address'] : `http://127.0.0.1:${port}`;
    return { done: `The API answers at ${address}`, result: address };
  });
}

function child(context: LaunchContext, name: keyof typeof STOP_LIMITS, file: string, given: ChildEnvironment) {
  const { paths, root, env, configFile } = context;
  return nodeChild({
    name,
    file: join(root, 'dist', file),
    cwd: root,
    env: { ...env, ...given, KEELSON_HOME: paths.home, KEELSON_CONFIG: configFile, KEELSON_SUPERVISED: '1' },
    log: join(paths.logs, `${name}.log`),
    stopLimitMs: STOP_LIMITS[name],
  });
}
