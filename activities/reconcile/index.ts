import type { ReconcileScope } from '../../core/reconcile/rules.js';
import { beating } from '../beating.js';
import { mapped } from '../failures.js';
import { KeelsonError } from '../../core/errors.js';
import type { ReconcileRun } from '../ports/reconcile.js';
import type { ReconcileDependencies } from './dependencies.js';
import { createLook, type Looked } from './look.js';

/** The steps of a reconciliation. */
export interface ReconcileActivities {
  reconcile(run: ReconcileRun, isLast: boolean): Promise<Looked>;
  /** Writes down that no look came about. */
  reconcileFailed(run: ReconcileRun, detail: string): Promise<void>;
}

export function createReconcileActivities(dependencies: ReconcileDependencies): ReconcileActivities {
  const { reconciliations, books, newId } = dependencies;
  return {
    reconcile: mapped(beating(createLook(dependencies))),
    reconcileFailed: mapped(
      beating(async (run, detail) => {
        const begun = await reconciliations.begin(run, { owner: newId(), forMs: 1_000, epoch: books.epoch });
        await reconciliations.end(run, begun, { result: 'failed', cursor: null, detail, lifts: [] });
      }),
    ),
  };
}

/** Longer than the lease of one that has died. */
const BUSY_MS = 65_000;
const BUSY_PAUSE_MS = 500;

/**
 * A comparison of two looks in this process, for whoever has to know at once whether an account is clean, such as the end of a
 * halt. Another that goes on is waited for. What cannot be compared is not clean; nothing is thrown, and nobody is kept waiting for
 * a venue that is away.
 */
export function createReconcileNow(dependencies: ReconcileDependencies): (account: string, scope?: ReconcileScope) => Promise<boolean> {
  const lookNow = createLook(dependencies);
  const { rulesAt, venueOf, newId, log, pause } = dependencies;
  const look = async (run: ReconcileRun, isLast: boolean): Promise<Looked> => {
    for (let waitedMs = 0; ; waitedMs += BUSY_PAUSE_MS) {
      try {
        return await lookNow(run, isLast);
      } catch (error) {
        const isBusy = error instanceof KeelsonError && error.failure.code === 'INFRA_RECONCILING';
        if (!isBusy || waitedMs >= BUSY_MS) throw error;
        await pause(BUSY_PAUSE_MS);
      }
    }
  };
  return async (account, scope = 'rearm') => {
    const run = { runId: newId(), account, scope };
    try {
      const first = await look(run, false);
      if (first.result !== 'unsettled') return first.result === 'clean';
      await pause(rulesAt(venueOf(account).profile.visibilityBoundMs).secondLookMs);
      return (await look(run, true)).result === 'clean';
    } catch (error) {
      log.warn({ account, error: error instanceof Error ? error.message : String(error) }, 'the account could not be compared');
      return false;
    }
  };
}
