import type { TradeSignal } from '../../core/signal/signal.js';
import { beating } from '../beating.js';
import { mapped } from '../failures.js';
import type { ExitOutcome, Owners } from '../ports/owners.js';

export interface HandOverActivities {
  handOver(signal: TradeSignal): Promise<ExitOutcome>;
}

export function createHandOver(owners: Owners): HandOverActivities {
  return {
    handOver: mapped(beating((signal) => owners.exit(signal))),
  };
}
