import type { Kills, KillStore } from '../../activities/ports/kill.js';
import type { Owners } from '../../activities/ports/owners.js';
import type { Reconciliations } from '../../activities/ports/reconcile.js';
import type { DiscrepancyStore, RunbookRuns, RunbookStore } from '../../activities/ports/runbook.js';
import type { ProtectionStore } from '../../activities/ports/store.js';
import { KeelsonError } from '../../core/errors.js';
import type { StartPlace } from '../../db/start-order.js';
import { TASK_QUEUES, WORKFLOW_TYPES, tradingControlWorkflowId, watchAccountWorkflowId } from '../../workflows/names.js';
import { endFormerRuns } from './former-runs.js';
import type { WorkerProcess } from './process.js';
import { announceStart, carryOutStartUp } from './start-ups.js';
import { told } from './told.js';

export interface BeginParts extends Pick<WorkerProcess, 'client' | 'pool' | 'clock' | 'epoch' | 'env' | 'log'> {
  readonly protection: Pick<ProtectionStore, 'held'>;
  readonly killStore: Pick<KillStore, 'readKill'>;
  readonly kills: Kills;
  readonly owners: Pick<Owners, 'wake'>;
  readonly discrepancies: Pick<DiscrepancyStore, 'carryOn'>;
  readonly runbookStore: Pick<RunbookStore, 'underWay'>;
  readonly runbooks: RunbookRuns;
  readonly reconciliations: Reconciliations;
  /** Where the start of this process stands now: the accounts of a newer one stay as they are, also where this one has waited. */
  readonly place: () => Promise<StartPlace>;
}

/** Has Temporal run all that an account needs of a guardian. Done again it changes nothing. @throws KeelsonError INFRA_TEMPORAL, INFRA_DATABASE */
export async function beginAccount(parts: BeginParts, account: string): Promise<void> {
  const { client, pool, clock, epoch, env, log, protection, kills, owners } = parts;
  const { discrepancies, runbookStore, runbooks, reconciliations, place } = parts;
  const start = (type: string, workflowId: string, staticSummary: string): Promise<unknown> =>
    told(client, clock, () =>
      client.workflow.start(type, {
        taskQueue: TASK_QUEUES.guardian,
        workflowIdConflictPolicy: 'USE_EXISTING',
        args: [account],
        ...{ workflowId, staticSummary },
      }),
    );
  await start(WORKFLOW_TYPES.tradingControl, tradingControlWorkflowId(account), `trading mode of ${account}`);
  const held = await protection.held(account);
  const former = await endFormerRuns(client, {
    ...{ account, epoch, held, clock },
    failed: (error) => log.warn({ err: error, account }, 'Temporal lists no runs: what has to run is asked for by its id'),
  });
  if (former.length > 0) log.warn({ account, workflowIds: former }, 'runs of another epoch were ended');
  // A halt holds over restarts, also where Temporal began empty: whoever owns what is held under it goes on (P31).
  if (await mayBeHalted(parts, account)) await kills.wake(account);
  // What is held has an owner, also where Temporal began empty (P24, P31).
  for (const key of held) await owners.wake(key);
  await discrepancies.carryOn(account);
  // Of runs that are under way Temporal may know nothing: they go on where their records end.
  // What a reconciliation has paused it for is carried on already.
  for (const one of await runbookStore.underWay(account)) if (one.runbook !== 'reconciliationDiscrepancy') await runbooks.wake(one);
  // Each guardian has a stream of its own; that of one that dies waits for it, while the others go on with theirs (P16).
  await start(WORKFLOW_TYPES.watchAccount, watchAccountWorkflowId(account, env['KEELSON_INSTANCE']), `account stream of ${account}`);
  await reconciliations.start(account, 'start');
  const begun = (await place()) === 'older' ? undefined : await announceStart(pool, env['KEELSON_START'], account);
  if (begun !== undefined) await told(client, clock, () => carryOutStartUp(client, account, begun));
}

/** Where the database does not say in time whether a halt stands its kill is begun, which ends where none does. */
async function mayBeHalted({ killStore, log }: Pick<BeginParts, 'killStore' | 'log'>, account: string): Promise<boolean> {
  try {
    return (await killStore.readKill(account)).latches.length > 0;
  } catch (error) {
    if (!(error instanceof KeelsonError) || error.failure.code !== 'INFRA_DATABASE') throw error;
    log.warn({ err: error, account }, 'whether the account is halted is not known: its kill is begun as if it were');
    return true;
  }
}
