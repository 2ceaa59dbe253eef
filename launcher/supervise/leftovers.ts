import { goneWithin, isAlive, killGroupOf, signalTo } from '../home/process-identity.js';
import type { ChildRecord } from './children-file.js';

export interface LeftoverLimits {
  /** How long processes that end by themselves may take before they are killed, in ms. */
  readonly aloneMs: number;
  /** How long one that was told to stop may take before it is killed, in ms. */
  readonly toldMs: number;
}

export const LEFTOVER_LIMITS: LeftoverLimits = { aloneMs: 7000, toldMs: 5000 };

/**
 * Ends what a killed supervisor left: those with a channel are waited for (they drain), then servers are told to stop in
 * reverse order of their start, and whoever does not within its limit is killed. Only processes with the recorded start
 * time are touched, never a later one with the same number.
 * @returns the names of those that were still there.
 */
export async function stopLeftovers(records: readonly ChildRecord[], limits: LeftoverLimits = LEFTOVER_LIMITS): Promise<readonly string[]> {
  const alive = records.filter((record) => isAlive(record.identity) === true);
  const alone = alive.filter((record) => record.endsAlone);
  await Promise.all(alone.map((record) => endWithin(record, limits.aloneMs)));
  for (const record of alive.filter((other) => !other.endsAlone).toReversed()) {
    signalTo(record.identity, record.stopSignal);
    await endWithin(record, limits.toldMs);
  }
  return alive.map((record) => record.name);
}

async function endWithin(record: ChildRecord, limitMs: number): Promise<void> {
  if (await goneWithin(record.identity, limitMs)) return;
  killGroupOf(record.identity);
  await goneWithin(record.identity, 2000);
}
