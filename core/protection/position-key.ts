import { nameOfKey } from '../signal/signal.js';

const OWNER_WORKFLOW_PREFIX = 'protect:';

/** A position: what one strategy of an account holds of an instrument. */
export interface PositionKey {
  readonly account: string;
  readonly strategy: string;
  readonly instrument: string;
}

/** The intent of a position's n-th stop: whoever reckons it twice means the same order. */
export const stopIntentId = (key: PositionKey, sequence: number): string => `stop:${nameOf(key)}:${sequence}`;
export const escapeIntentId = (key: PositionKey, sequence: number): string => `escape:${nameOf(key)}:${sequence}`;
/** The intent of the n-th order by which a kill sells of a position. */
export const flattenIntentId = (key: PositionKey, sequence: number): string => `flatten:${nameOf(key)}:${sequence}`;
/** The workflow that owns the position and its stop. */
export const ownerWorkflowId = (key: PositionKey): string => `${OWNER_WORKFLOW_PREFIX}${nameOf(key)}`;
/** What the ids of all owners of an account begin with, and no other's. */
export const ownerWorkflowsOf = (account: string): string => `${OWNER_WORKFLOW_PREFIX}${nameOfKey([account])}:`;

function nameOf({ account, strategy, instrument }: PositionKey): string {
  return nameOfKey([account, strategy, instrument]);
}
