import { join } from 'node:path';
import { nodeChild } from '../supervise/node-child.js';
import { MovablePort } from './launch-context.js';
import type { LaunchContext } from './launch-context.js';

/** What workers and API are told through their environment, on top of what they get from ours. */
export type ChildEnvironment = NodeJS.ProcessEnv;

/** Longest orderly stop of each, in ms: a worker drains, the API closes its connections. */
const STOP_LIMITS = { guardian: 9000, trading: 9000, api: 2000 } as const;

export interface Processes {
  /** Base address of the API, as it is now. */
  api(): string;
  /** Addresses of the workers' metrics, as they are now. */
  metrics(): { readonly guardian: string; readonly trading: string };
}

/**
 * Starts API, guardian and trading worker, at the same time, and waits until each does its work. In the order of the
 * stop the API is the last of them: entries end first, and what the workers still do is shown.
 */
export async function bringUpProcesses(context: LaunchContext, given: ChildEnvironment): Promise<Processes> {
  const { ports } = context.config;
  const { startId: KEELSON_START } = context;
  const api = await MovablePort.choose(context, 'the API', ports.api);
  const guardian = await MovablePort.choose(context, 'the metrics of the guardian', ports.metrics);
  const trading = await MovablePort.choose(context, 'the metrics of trading', ports.metrics);
  const address = (port: MovablePort): string => `http://127.0.0.1:${port.current}`;
  const start = (name: ProcessName, title: string, file: string, env: () => Promise<ChildEnvironment>, done: () => string) =>
    context.steps.run(name, title, async () => {
      await context.supervisor.start(child(context, name, file, async () => ({ ...given, KEELSON_START, ...(await env()) })));
      return { done: done(), result: undefined };
    });
  const metricsOf = (port: MovablePort) => async () => ({ KEELSON_METRICS_PORT: await port.forSpawn() });
  await Promise.all([
    start(
      'api',
      'Starting the API',
      'api/main.js',
      async () => ({ KEELSON_API_PORT: await api.forSpawn() }),
      () => `The API answers at ${address(api)}`,
    ),
    start('guardian', 'Starting the guardian', 'workers/guardian.js', metricsOf(guardian), () => 'The guardian polls'),
    start('trading', 'Starting the trading worker', 'workers/trading.js', metricsOf(trading), () => 'The trading worker polls'),
  ]);
  return {
    api: () => address(api),
    metrics: () => ({ guardian: `${address(guardian)}/metrics`, trading: `${address(trading)}/metrics` }),
  };
}

type ProcessName = keyof typeof STOP_LIMITS;

function child(context: LaunchContext, name: ProcessName, file: string, given: () => Promise<ChildEnvironment>) {
  const { paths, root, env, configFile } = context;
  return nodeChild({
    name,
    file: join(root, 'dist', file),
    cwd: root,
    env: async () => ({
      ...env,
      ...(await given()),
      KEELSON_HOME: paths.home,
      KEELSON_CONFIG: configFile,
      KEELSON_SUPERVISED: '1',
    }),
    log: join(paths.logs, `${name}.log`),
    stopLimitMs: STOP_LIMITS[name],
  });
}
