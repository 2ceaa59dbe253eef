import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { HandOverActivities } from '../../activities/owner/hand-over.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { HAND_OVER, told } from '../activity-options.js';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import { showOutcome, type OrderOutcome } from '../order/status.js';

const { handOver } = proxyActivities<HandOverActivities>(told(HAND_OVER, 'hands the exit to the owner of the position'));

/** An exit is the business of the position's owner, who alone takes a stop away and puts it back (P20). */
export async function closePosition(signal: TradeSignal): Promise<OrderOutcome> {
  setCurrentDetails(`**close** ${signal.instrument}: handed to \`${ownerWorkflowId(signal)}\``);
  return showOutcome(await handOver(signal));
}
