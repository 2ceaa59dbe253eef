import { Context } from '@temporalio/activity';
import type { TradeSignal } from '../../core/signal/signal.js';
import { mapped } from '../failures.js';
import type { ExitOutcome, Owners } from '../ports/owners.js';

export interface HandOverActivities {
  handOver(signal: TradeSignal): Promise<ExitOutcome>;
}

const HEARTBEAT_MS = 2_000;

export function createHandOver(owners: Owners): HandOverActivities {
  return {
    handOver: mapped(async (signal) => {
      const context = Context.current();
      const beats = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
      try {
        return await owners.exit(signal);
      } finally {
        clearInterval(beats);
      }
    }),
  };
}
