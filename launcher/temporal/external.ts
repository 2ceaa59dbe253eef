import { Connection, type ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { KeelsonError } from '../../core/errors.js';
import { SEARCH_ATTRIBUTE_NAMES } from '../../core/search-attributes.js';
import { OLDEST_SERVER } from './choose.js';
import { isAtLeast } from './version.js';

export interface ExternalServer {
  readonly address: string;
  readonly namespace: string;
  readonly version: string;
  /** For a Connection: TLS, API key, headers. Holds secrets. */
  readonly connection: ConnectionOptions;
  /** What the namespace lacks and `prepareNamespace` will try to make, for a person to read. */
  readonly missing: readonly string[];
}

/** What a server says of itself and of one namespace. */
export interface ServerFacts {
  readonly version: string;
  /** Undefined: the namespace is not there. */
  readonly retentionDays: number | undefined;
  readonly searchAttributes: readonly string[];
  readonly hasUpdates: boolean;
}

const CONNECT_LIMIT_MS = 5000;
const NOT_FOUND = 5;

/**
 * The server that the environment names, checked. Only what was said on purpose counts: TEMPORAL_ADDRESS, or a profile
 * or file chosen by TEMPORAL_PROFILE or TEMPORAL_CONFIG_FILE. The user's default profile alone may be another system's.
 *
 * @returns undefined when none is named
 * @throws KeelsonError CONFIG_TEMPORAL when it does not answer or cannot do what is needed
 */
export async function externalServer(env: Readonly<Record<string, string | undefined>>): Promise<ExternalServer | undefined> {
  const isNamed = ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'].some((name) => (env[name] ?? '') !== '');
  if (!isNamed) return undefined;
  const { connection, address, namespace } = settingsOf(env);
  const facts = await askServer(address, connection, namespace);
  const problems = unusable(facts);
  if (problems.length > 0) throw new KeelsonError('CONFIG_TEMPORAL', { address, detail: problems.join('; ') });
  return { address, namespace, version: facts.version, connection, missing: missingFrom(facts) };
}

function settingsOf(env: Readonly<Record<string, string | undefined>>) {
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  try {
    const loaded = loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(given) });
    const connection = loaded.connectionOptions as ConnectionOptions;
    return { connection, address: connection.address ?? '127.0.0.1:7233', namespace: loaded.namespace ?? 'default' };
  } catch (cause) {
    const detail = `its settings cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new KeelsonError('CONFIG_TEMPORAL', { address: env['TEMPORAL_ADDRESS'] ?? 'the profile', detail }, { cause });
  }
}

/** Asks a server what it is and can do. Changes nothing. */
export async function askServer(address: string, options: ConnectionOptions, namespace: string): Promise<ServerFacts> {
  let connection: Connection;
  try {
    connection = await Connection.connect({ ...options, address, connectTimeout: CONNECT_LIMIT_MS });
  } catch (cause) {
    const detail = `no answer within 5 s (${cause instanceof Error ? cause.message : String(cause)}). Check TEMPORAL_ADDRESS, TLS and the API key`;
    throw new KeelsonError('CONFIG_TEMPORAL', { address, detail }, { cause });
  }
  try {
    const system = await connection.workflowService.getSystemInfo({});
    const described = await connection.workflowService.describeNamespace({ namespace }).catch((error: { code?: number }) => {
      if (error.code === NOT_FOUND) return undefined;
      throw error;
    });
    const attributes = described && (await connection.operatorService.listSearchAttributes({ namespace }).catch(() => undefined));
    const retention = described?.config?.workflowExecutionRetentionTtl?.seconds;
    return {
      version: system.serverVersion,
      retentionDays: described === undefined ? undefined : Number(retention ?? 0) / 86_400,
      searchAttributes: Object.keys(attributes?.customAttributes ?? {}),
      // A server that says nothing of a namespace that is not there yet is judged by its version.
      hasUpdates: described?.namespaceInfo?.capabilities?.syncUpdate ?? described === undefined,
    };
  } catch (cause) {
    throw new KeelsonError('CONFIG_TEMPORAL', { address, detail: (cause as Error).message }, { cause });
  } finally {
    await connection.close();
  }
}

/** What no call of ours can mend. */
export function unusable(facts: ServerFacts): string[] {
  const problems: string[] = [];
  // Temporal Cloud says no version of the usual form.
  if (/^\d+\.\d+\.\d+/.test(facts.version) && !isAtLeast(facts.version, OLDEST_SERVER)) {
    problems.push(`it is server ${facts.version}; ${OLDEST_SERVER} is the oldest that will do`);
  }
  if (!facts.hasUpdates) {
    problems.push('workflow updates are off (frontend.enableUpdateWorkflowExecution=true turns them on)');
  }
  return problems;
}

/** What is not there yet and can be made. */
export function missingFrom(facts: ServerFacts, retentionDays = 30): string[] {
  const missing: string[] = [];
  if (facts.retentionDays === undefined) missing.push('the namespace');
  else if (facts.retentionDays < retentionDays) missing.push(`retention of ${retentionDays} days (now ${facts.retentionDays})`);
  const attributes = SEARCH_ATTRIBUTE_NAMES.filter((name) => !facts.searchAttributes.includes(name));
  if (attributes.length > 0) missing.push(`search attributes ${attributes.join(', ')}`);
  return missing;
}
