import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import { KeelsonError } from '../../core/errors.js';

/** One that takes the connection and says nothing is no longer waited for. */
const ANSWER_MS = 5_000;

type Options = ReturnType<typeof loadClientConnectConfig>['connectionOptions'];

export const namespaceOf = (env: NodeJS.ProcessEnv): string => env['TEMPORAL_NAMESPACE'] ?? 'default';

/**
 * The connection to Temporal, once it answers for our namespace.
 * @throws KeelsonError CONFIG_TEMPORAL, also where it does not answer within five seconds
 */
export async function connectTemporal(env: NodeJS.ProcessEnv, clock: () => number, limitMs = ANSWER_MS): Promise<NativeConnection> {
  const { connectionOptions } = loadClientConnectConfig();
  try {
    await assertAnswers(connectionOptions, { namespace: namespaceOf(env), clock, limitMs });
    return await connectWithin(connectionOptions, limitMs);
  } catch (error) {
    const detail = error instanceof Error ? detailOf(error) : String(error);
    throw new KeelsonError('CONFIG_TEMPORAL', { address: connectionOptions.address ?? 'its default address', detail }, { cause: error });
  }
}

/** Asked by the client's own connection, which can be given up: the worker's waits for as long as the other side is silent. */
async function assertAnswers(
  options: Options,
  { namespace, clock, limitMs }: { readonly namespace: string; readonly clock: () => number; readonly limitMs: number },
): Promise<void> {
  const until = clock() + limitMs;
  const asking = Connection.lazy({ ...options, connectTimeout: limitMs });
  try {
    await asking.ensureConnected();
    await asking.withDeadline(until, () => asking.workflowService.describeNamespace({ namespace }));
  } finally {
    await asking.close();
  }
}

async function connectWithin(options: Options, limitMs: number): Promise<NativeConnection> {
  const connecting = NativeConnection.connect(options);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limitMs);
  });
  const connection = await Promise.race([connecting, late]).finally(() => clearTimeout(timer));
  if (connection !== undefined) return connection;
  // Who comes too late is let go.
  connecting.then((one) => one.close()).catch(() => undefined);
  throw new Error(`no answer within ${limitMs} ms`);
}

/** What a failed call was for says less than why it failed. */
function detailOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
