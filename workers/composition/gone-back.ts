import type { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import { jsonOf, run } from '../../adapters/store/pool.js';
import { KeelsonError } from '../../core/errors.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { SIGNAL_WORKFLOW_PREFIX } from '../../core/signal/signal.js';
import { WORKFLOW_TYPES } from '../../workflows/names.js';
import type { WorkerProcess } from './process.js';

const KEPT_SINCE = { name: 'kept_since', text: 'select kept_since($1)::float8 as since' };
const MISS_SIGNALS = { name: 'miss_signals', text: 'select miss_signals($1::jsonb) as missing' };
/** Of the newest: whatever has gone back lacks those first. */
const MOST = 20;
/** Temporal's clock may be behind the database's. */
const CLOCKS_MS = 60_000;
/** The watch and the halts of an account begin after this question. */
const ASKED_MS = 5_000;

/**
 * Whether the database has gone back without a trace in itself, as by a snapshot of its volume: Temporal, which has lived on, knows of a signal that was
 * traded, and the rows do not. Then everything is halted, and it is another instance from there on (P31).
 *
 * @throws KeelsonError INFRA_INSTANCE_REPLACED where it has; INFRA_DATABASE; what Temporal's client throws
 */
export async function assertNotGoneBack(
  { client, pool }: { readonly client: Client; readonly pool: Pool },
  { account, instanceId }: { readonly account: string; readonly instanceId: string },
): Promise<void> {
  const [kept] = await run<{ since: number | null }>(pool, KEPT_SINCE, [account]);
  if (typeof kept?.since !== 'number') return;
  const since = new Date(kept.since + CLOCKS_MS).toISOString();
  const query = [
    `WorkflowType = '${WORKFLOW_TYPES.signalToOrder}'`,
    `ExecutionStatus = 'Completed'`,
    `${SEARCH_ATTRIBUTES.account} = '${account}'`,
    `${SEARCH_ATTRIBUTES.status} = 'filled'`,
    `StartTime > '${since}'`,
  ].join(' and ');
  const signals: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query, pageSize: MOST })) {
    signals.push(workflowId.slice(SIGNAL_WORKFLOW_PREFIX.length));
    if (signals.length === MOST) break;
  }
  const [found] = await run<{ missing: string | null }>(pool, MISS_SIGNALS, [jsonOf({ signals, instanceId })]);
  if (typeof found?.missing === 'string')
    throw new KeelsonError('INFRA_INSTANCE_REPLACED', { was: instanceId, is: `a database from before ${found.missing} was traded` });
}

/**
 * As above, for a guardian that starts: what Temporal cannot be asked is not proven, and keeps nobody from looking after what is held, nor does
 * a Temporal that takes the connection and never answers.
 * @throws KeelsonError INFRA_INSTANCE_REPLACED
 */
export async function heedGoneBack(
  process: Pick<WorkerProcess, 'client' | 'pool' | 'instanceId' | 'clock' | 'log'>,
  account: string,
  limitMs = ASKED_MS,
): Promise<void> {
  const { client, instanceId, clock, log } = process;
  try {
    await client.withDeadline(clock() + limitMs, () => assertNotGoneBack(process, { account, instanceId }));
  } catch (error) {
    if (error instanceof KeelsonError && error.failure.code === 'INFRA_INSTANCE_REPLACED') throw error;
    log.error({ account, error: String(error) }, 'whether the database has gone back could not be asked');
  }
}
