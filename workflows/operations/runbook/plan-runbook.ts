import { proxyActivities } from '@temporalio/workflow';
import type { AskedPlan, MadePlan } from '../../../activities/ports/runbook.js';
import type { RunbookActivities } from '../../../activities/runbook/index.js';
import { RUNBOOK_PLAN, told } from '../../activity-options.js';

const { runbookPreview } = proxyActivities<RunbookActivities>(told(RUNBOOK_PLAN, 'plans for whoever asks, and writes nothing down'));

/** What a run would do if it began now, by the same code that does it. It changes nothing, and nobody is bound by it. */
export async function planRunbook(asked: AskedPlan): Promise<MadePlan> {
  return runbookPreview(asked);
}
