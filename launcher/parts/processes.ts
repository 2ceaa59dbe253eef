import { join } from 'node:path';
import { nodeChild } from '../supervise/node-child.js';
import { choosePort } from './launch-context.js';
import type { LaunchContext } from './launch-context.js';

/** What workers and API are told through their environment, on top of what they get from ours. */
export type ChildEnvironment = NodeJS.ProcessEnv;

/** Longest orderly stop of each, in ms: a worker drains, the API closes its connections. */
const STOP_LIMITS = { guardian: 9000, trading: 9000, api: 2000 } as const;

export interface Processes {
  /** Base address of the API. */
  readonly api: string;
  /** Addresses of the workers' metrics. */
  readonly metrics: { readonly guardian: string; readonly trading: string };
}

/**
 * Starts API, guardian and trading worker, at the same time, and waits until each does its work. In the order of the
 * stop the API is the last of them: entries end first, and what the workers still do is shown.
 */
export async function bringUpProcesses(context: LaunchContext, given: ChildEnvironment): Promise<Processes> {
  const { ports } = context.config;
  const apiPort = await choosePort(context, 'the API', ports.api);
  const metricsPorts = {
    guardian: await choosePort(context, 'the metrics of the guardian', ports.metrics),
    trading: await choosePort(context, 'the metrics of trading', ports.metrics),
  };
  const worker = (name: 'guardian' | 'trading'): Promise<void> =>
    context.steps.run(name, `Starting the ${name} worker`, async () => {
      const env = { ...given, KEELSON_METRICS_PORT: String(metricsPorts[name]) };
      await context.supervisor.start(child(context, name, `workers/${name}.js`, env));
      return { done: `The ${name} worker polls`, result: undefined };
    });
  const [api] = await Promise.all([startApi(context, given, apiPort), worker('guardian'), worker('trading')]);
  const address = (name: 'guardian' | 'trading'): string => `http://127.0.0.1:${metricsPorts[name]}/metrics`;
  return { api, metrics: { guardian: address('guardian'), trading: address('trading') } };
}

/** @returns its base address. */
function startApi(context: LaunchContext, given: ChildEnvironment, port: number): Promise<string> {
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
