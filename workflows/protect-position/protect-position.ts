import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { PositionKey } from '../../core/protection/position-key.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { doingQuery, exitUpdate, positionChangedSignal } from './messages.js';
import { Exits } from './exits.js';
import { HISTORY_LIMIT } from '../order/settle.js';
import { describeProtection } from './details.js';
import { Owner } from './owner.js';

/** However quiet it is, the owner looks again after this long: what nobody told it is then seen all the same. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Owns a position and its stop (protocol P20 to P24): as long as anything is held, a stop for exactly that rests at the
 * venue; whoever wants to sell asks here. One step at a time, each decided on what the ledger says then, so a new run, or
 * one after a crash, goes on where the rows are. It ends when nothing is held and nothing works.
 */
export async function protectPosition(key: PositionKey): Promise<void> {
  const exits = new Exits();
  let isChanged = true;
  const isWanted = (): boolean => isChanged || !exits.isEmpty;
  let doing = 'looking';
  let page = '';
  let shown = '';
  const owner = new Owner(key, isWanted, (what) => {
    doing = what;
    setCurrentDetails([page, `**${what}**`].join('\n\n'));
  });
  setHandler(positionChangedSignal, () => {
    isChanged = true;
  });
  setHandler(exitUpdate, (signal) => exits.ask(signal), { validator: (signal: TradeSignal) => validateExit(key, signal) });
  setHandler(doingQuery, () => doing);

  for (;;) {
    if (workflowInfo().historyLength > HISTORY_LIMIT && exits.isEmpty && allHandlersFinished())
      await continueAsNew<typeof protectPosition>(key);
    if (!exits.isEmpty) {
      doing = 'selling';
      await exits.next((signal) => owner.exit(signal));
      // The updates' handlers answer before anything else is begun.
      await condition(allHandlersFinished, '1s');
    }
    isChanged = false;
    const { view, step } = await owner.plan();
    doing = step.kind === 'rest' ? `resting: ${step.because}` : step.kind;
    page = describeProtection(key, view, step);
    setCurrentDetails(page);
    // Only what lasts is written into the list: each such write costs the server as much as a step.
    const status = step.kind === 'rest' ? step.because : step.kind;
    if (status !== shown && (step.kind === 'rest' || step.kind === 'done')) {
      upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [status] });
      shown = status;
    }
    await owner.tellUncovered(step, view);
    await owner.tellAdopted(step, view);
    await owner.tellContradicted(step, view);
    if (step.kind === 'done') {
      if (!isChanged && exits.isEmpty && allHandlersFinished()) return;
    } else if (step.kind === 'rest') {
      await condition(isWanted, step.waitMs ?? LOOK_AGAIN_MS);
    } else {
      await owner.take(step, view);
    }
  }
}

/** Only what belongs to this position is sold here. A validator is synchronous: an asynchronous one accepts everything. */
function validateExit(key: PositionKey, signal: TradeSignal): void {
  const isOurs = signal.account === key.account && signal.strategy === key.strategy && signal.instrument === key.instrument;
  if (!isOurs || signal.leg !== 'close') throw ApplicationFailure.nonRetryable('the signal closes another position', 'INPUT_INVALID');
}
