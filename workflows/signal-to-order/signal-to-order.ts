import { patched, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { TradeSignal } from '../../core/signal/signal.js';
import { SIGNAL_FORM, type SignalForm } from '../names.js';
import { showSignal, type OrderOutcome } from '../order/status.js';
import { signalToOrderBeforeOwners } from './before-owners.js';
import { closePosition } from './close-position.js';
import { openPosition } from './open-position.js';

/**
 * From a signal to settled orders, once (order protocol, P1 to P17). An entry is sent from here; an exit is handed to the
 * owner of the position, who takes its stop away first (P20).
 * @param form what the starting build tells about itself; of one that told nothing only the history can say whether it knew owners
 */
export async function signalToOrder(signal: TradeSignal, form?: SignalForm): Promise<OrderOutcome> {
  if (form === 'owners' || form === SIGNAL_FORM) {
    // An older build that took the first task has left its marker, which wants to be met; where there is none this adds nothing.
    const isOfOlder = workflowInfo().unsafe.isReplaying && patched('owners');
    if (form === SIGNAL_FORM && !isOfOlder) showSignal(signal);
  } else if (!patched('owners')) return signalToOrderBeforeOwners(signal);
  setCurrentDetails(`**${signal.leg}** ${signal.instrument} by ${signal.strategy}: ${signal.reason}`);
  return signal.leg === 'open' ? openPosition(signal) : closePosition(signal);
}
