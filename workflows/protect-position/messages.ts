import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ExitOutcome } from '../../activities/ports/owners.js';
import type { TradeSignal } from '../../core/signal/signal.js';

/** What is held, or what protects it, has changed: look again. */
export const positionChangedSignal = defineSignal('positionChanged');
/** An exit by the signal of a strategy; answered when it is over. The update's id is the signal's intent. */
export const exitUpdate = defineUpdate<ExitOutcome, [TradeSignal]>('exit');
/** What the owner is doing, in one phrase. */
export const doingQuery = defineQuery<string>('doing');
