import { log, proxyActivities, proxyLocalActivities, setCurrentDetails } from '@temporalio/workflow';
import type { OrderActivities } from '../../activities/order/index.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { AUTHORISE, RECORD, SUBMIT } from '../activity-options.js';
import { isStepFailure } from '../order/at-once.js';
import { settle } from '../order/settle.js';
import { showStatus, type OrderOutcome } from '../order/status.js';

const { authorise } = proxyLocalActivities<OrderActivities>(AUTHORISE);
const { submit } = proxyLocalActivities<OrderActivities>(SUBMIT);
const { record, abandon } = proxyActivities<OrderActivities>(RECORD);

/**
 * How signals went before positions had owners: an exit sold at once, and an entry had one order. Runs that began so are
 * ended so (CONTRIBUTING, workflow changes); it goes when none is left that began under 0.1.
 */
export async function signalToOrderBeforeOwners(signal: TradeSignal): Promise<OrderOutcome> {
  const intentId = intentIdOf(signal);
  setCurrentDetails(`**${signal.leg}** ${signal.instrument} by ${signal.strategy}: ${signal.reason}`);

  const authorisation = await authorise(signal).catch(async (error: unknown) => {
    if (!isStepFailure(error)) throw error;
    log.warn('authorise failed', { intentId, error: error.message });
    return { kind: 'abandoned' as const, order: await abandon(signal, error.cause?.message ?? error.message) };
  });
  if (authorisation.kind === 'abandoned') {
    if (authorisation.order === null) return showStatus({ intentId, status: 'denied', codes: ['INFRA_DATABASE'] });
    return authorisation.order.isFinal ? showStatus({ intentId, order: authorisation.order }) : settle(intentId);
  }
  if (authorisation.kind === 'denied') {
    return showStatus({ intentId, status: 'denied', codes: authorisation.failures.map((one) => one.code) });
  }

  const submission = await submit(intentId, signal.account).catch((error: unknown) => {
    if (!isStepFailure(error)) throw error;
    log.warn('submit did not end: the outcome is looked up', { intentId, error: error.message });
    return undefined;
  });
  const recorded = submission === undefined ? undefined : await record(intentId, submission);
  if (recorded?.isFinal === true) return showStatus({ intentId, order: recorded });
  return settle(intentId);
}
