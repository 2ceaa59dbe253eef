import { failure } from '../../core/errors.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { mapped } from '../failures.js';
import { signalEvent } from './audit.js';
import { createAuthorise, type Authorisation } from './authorise.js';
import type { OrderDependencies } from './dependencies.js';
import { applyEvent } from './evidence.js';
import { createRecord } from './record.js';
import { createResolve, type Progress } from './resolve.js';
import { createSubmit, type Submission } from './submit.js';

/** The steps of an order's life, as the workflow calls them. */
export interface OrderActivities {
  authorise(signal: TradeSignal): Promise<Authorisation>;
  submit(intentId: string, account: string): Promise<Submission>;
  record(intentId: string, submission: Submission): Promise<StoredOrder>;
  resolve(intentId: string): Promise<Progress>;
  /**
   * For a signal whose authorisation could not be had: proves its order unsent, or records that there is none. An order
   * that an earlier run of the step got further is returned as it stands.
   */
  abandon(signal: TradeSignal, detail: string): Promise<StoredOrder | null>;
}

export function createOrderActivities(dependencies: OrderDependencies): OrderActivities {
  return {
    authorise: mapped(createAuthorise(dependencies)),
    submit: mapped(createSubmit(dependencies)),
    record: mapped(createRecord(dependencies), 'untilDone'),
    resolve: mapped(createResolve(dependencies), 'untilDone'),
    abandon: mapped(async (signal, detail) => {
      const { store, epoch } = dependencies;
      const intentId = intentIdOf(signal);
      const failures = [failure('INFRA_DATABASE', { detail })];
      const isThere = async (): Promise<boolean> => (await store.order(intentId)) !== undefined;
      if (!(await isThere())) {
        await store.recordUntraded(signal, failures, { audit: [signalEvent('signal.notTraded', signal, failures)] });
        // From here on no order can be made of the signal; but a run of authorise that was given up may have been quicker.
        if (!(await isThere())) return null;
      }
      return applyEvent({ store, epoch }, intentId, { kind: 'expireUnsent' }, failures);
    }),
  };
}
