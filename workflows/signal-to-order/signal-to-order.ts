import { patched, setCurrentDetails } from '@temporalio/workflow';
import type { TradeSignal } from '../../core/signal/signal.js';
import type { OrderOutcome } from '../order/status.js';
import { signalToOrderBeforeOwners } from './before-owners.js';
import { closePosition } from './close-position.js';
import { openPosition } from './open-position.js';

/**
 * From a signal to settled orders, once (order protocol, P1 to P17). An entry is sent from here; an exit is handed to the
 * owner of the position, who takes its stop away first (P20).
 */
export async function signalToOrder(signal: TradeSignal): Promise<OrderOutcome> {
  if (!patched('owners')) return signalToOrderBeforeOwners(signal);
  setCurrentDetails(`**${signal.leg}** ${signal.instrument} by ${signal.strategy}: ${signal.reason}`);
  return signal.leg === 'open' ? openPosition(signal) : closePosition(signal);
}
