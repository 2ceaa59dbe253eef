import { patched, proxyActivities, setCurrentDetails, sleep, upsertSearchAttributes, uuid4 } from '@temporalio/workflow';
import type { ReconcileActivities } from '../../activities/reconcile/index.js';
import type { Looked } from '../../activities/reconcile/look.js';
import { RECONCILE, type ReconcileScope } from '../../core/reconcile/rules.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { RECONCILE_LOOK, RECORD, told } from '../activity-options.js';
import { isStepFailure } from '../order/at-once.js';

const { reconcile } = proxyActivities<ReconcileActivities>(told(RECONCILE_LOOK, 'compares venue, ledger and workflows'));
const { reconcileFailed } = proxyActivities<ReconcileActivities>(told(RECORD, 'writes down that it could not be compared'));

export interface ReconcileRequest {
  readonly account: string;
  readonly scope: ReconcileScope;
  /** Where somebody waits for this very run; else it has a name of its own. */
  readonly runId?: string;
}

export interface ReconcileOutcome {
  readonly runId: string;
  readonly result: Looked['result'] | 'failed';
}

/**
 * Compares an account with its venue. A full comparison that could not be made, since the venue had sent us away for a moment or did not
 * answer, is not left to the next day: it is tried again.
 */
export async function reconcileAccount({ account, scope, runId = uuid4() }: ReconcileRequest): Promise<ReconcileOutcome> {
  let outcome = await compareOnce({ account, scope, runId });
  for (let tries = 1; tries < RECONCILE.mostTries && isStillDue(scope, outcome) && patched('fullTriedAgain'); tries += 1) {
    await sleep(RECONCILE.againMs, { summary: 'the full comparison is tried again' });
    outcome = await compareOnce({ account, scope, runId: uuid4() });
  }
  return outcome;
}

/** What a person has asked for is answered as it is. */
function isStillDue(scope: ReconcileScope, { result }: ReconcileOutcome): boolean {
  return scope === 'day' && (result === 'postponed' || result === 'failed');
}

/** Looks, repairs what is safe, and looks again until what is only a matter of time has gone. What is left then waits for a person, in rows; the next run finds it there. */
async function compareOnce(run: Required<ReconcileRequest>): Promise<ReconcileOutcome> {
  const { runId } = run;
  const end = (result: ReconcileOutcome['result'], detail: string): ReconcileOutcome => {
    setCurrentDetails(`**${result}** ${detail}`);
    upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [result] });
    return { runId, result };
  };
  try {
    for (let looks = 1; ; looks += 1) {
      const { result, differences, calls, weight } = await reconcile(run, looks >= RECONCILE.mostLooks);
      if (result !== 'unsettled') return end(result, `${differences} differences; the venue was asked ${calls} times, weight ${weight}`);
      await sleep(RECONCILE.secondLookMs, { summary: 'before the second look' });
    }
  } catch (error) {
    if (!isStepFailure(error)) throw error;
    const detail = error.cause?.message ?? error.message;
    await reconcileFailed(run, detail);
    return end('failed', detail);
  }
}
