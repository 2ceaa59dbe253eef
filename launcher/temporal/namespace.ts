import { Connection, type ConnectionOptions } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { KeelsonError } from '../../core/errors.js';
import { SEARCH_ATTRIBUTE_NAMES } from '../../core/search-attributes.js';

export interface PrepareNamespaceOptions {
  readonly address: string;
  /** How to connect, where an address is not enough (TLS, API key). */
  readonly connection?: ConnectionOptions;
  readonly namespace: string;
  /** Closed runs are kept at least this long. */
  readonly retentionDays?: number;
  /** Of type Keyword. */
  readonly searchAttributes?: readonly string[];
  /** How long it may take until the server uses what was set. */
  readonly limitMs?: number;
}

const MS_PER_DAY = 86_400_000;
const KEYWORD = 2;
// gRPC status codes.
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const NOT_KNOWN_YET = [INVALID_ARGUMENT, NOT_FOUND];

/**
 * Makes sure that the namespace is there, keeps its runs long enough and knows our search attributes, and waits until
 * a query by them is answered. Repeating it changes nothing.
 *
 * @throws KeelsonError CONFIG_TEMPORAL listing what could not be made, with the commands that make it
 */
export async function prepareNamespace(options: PrepareNamespaceOptions): Promise<void> {
  const { address, namespace, retentionDays = 30, searchAttributes = SEARCH_ATTRIBUTE_NAMES, limitMs = 30_000 } = options;
  const connection = await Connection.connect({ address, ...options.connection }).catch((cause: Error) => {
    throw new KeelsonError('CONFIG_TEMPORAL', { address, detail: cause.message }, { cause });
  });
  const missing: string[] = [];
  const attempt = async (what: string, command: string, make: () => Promise<unknown>): Promise<void> => {
    await make().catch((error: Error) => missing.push(`${what} (${error.message}); make it with: ${command}`));
  };
  try {
    await attempt(
      `namespace ${namespace} with ${retentionDays} days of retention`,
      `temporal operator namespace create --namespace ${namespace} --retention ${retentionDays}d (or update)`,
      () => ensureNamespace(connection, namespace, retentionDays),
    );
    const flags = searchAttributes.map((name) => `--name ${name} --type Keyword`).join(' ');
    await attempt(
      `search attributes ${searchAttributes.join(', ')}`,
      `temporal operator search-attribute create --namespace ${namespace} ${flags}`,
      () => onceKnown(limitMs, () => ensureSearchAttributes(connection, namespace, searchAttributes)),
    );
    if (missing.length > 0) throw new KeelsonError('CONFIG_TEMPORAL', { address, detail: missing.join('; ') });
    const query = searchAttributes.map((name) => `${name} = 'none'`).join(' OR ');
    await onceKnown(limitMs, () => connection.workflowService.countWorkflowExecutions({ namespace, query })).catch((cause: Error) => {
      const detail = `namespace ${namespace} is not usable after ${limitMs / 1000} s: ${cause.message}`;
      throw new KeelsonError('CONFIG_TEMPORAL', { address, detail }, { cause });
    });
  } finally {
    await connection.close();
  }
}

async function ensureNamespace(connection: Connection, namespace: string, retentionDays: number): Promise<void> {
  const retention = msToTs(retentionDays * MS_PER_DAY);
  const existing = await describe(connection, namespace);
  if (existing === undefined) {
    await connection.workflowService
      .registerNamespace({ namespace, workflowExecutionRetentionPeriod: retention })
      .catch((error: { code?: number }) => {
        // Another process made it between the look and the call.
        if (error.code !== ALREADY_EXISTS) throw error;
      });
    return;
  }
  const kept = Number(existing.config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  if (kept >= Number(retention.seconds)) return;
  await connection.workflowService.updateNamespace({
    namespace,
    config: { workflowExecutionRetentionTtl: retention },
  });
}

const describe = (connection: Connection, namespace: string) =>
  connection.workflowService.describeNamespace({ namespace }).catch((error: { code?: number }) => {
    if (error.code === NOT_FOUND) return undefined;
    throw error;
  });

async function ensureSearchAttributes(connection: Connection, namespace: string, names: readonly string[]): Promise<void> {
  const known = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = names.filter((name) => known.customAttributes[name] === undefined);
  const wrong = names.filter((name) => (known.customAttributes[name] ?? KEYWORD) !== KEYWORD);
  if (wrong.length > 0) throw new Error(`${wrong.join(', ')} exist with another type than Keyword`);
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes }).catch((error: { code?: number }) => {
    if (error.code !== ALREADY_EXISTS) throw error;
  });
}

/** A server's caches follow what was made after up to ten seconds: until then it denies that it is there. */
async function onceKnown<T>(limitMs: number, ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const code = (error as { code?: number }).code ?? 0;
      if (!NOT_KNOWN_YET.includes(code) || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
