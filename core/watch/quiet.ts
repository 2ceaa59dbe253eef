import { isAsKnown } from './carried.js';
import type { Observation, Sample } from './sample.js';

/** What the ledger has of an account that is at stake at its venue. */
export interface Stakes {
  /** Not final, whatever is known of them. */
  readonly openOrders: number;
  /** What positions are in. */
  readonly held: readonly string[];
  /** A halt over it that nobody carries out. */
  readonly missingKill: object | undefined;
}

/** Whether nothing is at stake: nothing rests, is held or is unknown, and the venue has shown last what the books say. Pure. */
export function isQuiet(
  { openOrders, held, missingKill }: Stakes,
  { equity, state }: Pick<Sample, 'equity' | 'state'>,
  readings: Observation['readings'],
): boolean {
  const { external, movingSince, unexplained } = state;
  const isIdle = openOrders === 0 && held.length === 0 && missingKill === undefined;
  const isKnown = equity !== undefined && movingSince === undefined && readings !== undefined && isAsKnown(external, readings);
  const isExplained = unexplained === undefined || isNothing(unexplained.assets, unexplained.exchanged);
  return isIdle && isKnown && isExplained;
}

const isNothing = (...all: readonly object[]): boolean => all.every((one) => Object.keys(one).length === 0);
