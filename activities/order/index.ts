import { Context } from '@temporalio/activity';
import { failure } from '../../core/errors.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { beating } from '../beating.js';
import { mapped } from '../failures.js';
import type { ProtectionStore } from '../ports/store.js';
import { signalEvent } from './audit.js';
import { createAuthorise } from './authorise.js';
import type { Attempt } from './entry-gate.js';
import { createAuthoriseExit, type ExitAuthorisation } from './authorise-exit.js';
import type { OrderDependencies } from './dependencies.js';
import { createEnter, type Entered } from './enter.js';
import { applyEvent } from './evidence.js';
import { createProtection, type ProtectionActivities } from './protect.js';
import { createRecord } from './record.js';
import { createResolve, createWithdraw, type Progress } from './resolve.js';
import { createSend, type Sent } from './send.js';
import { createSubmit, type Submission } from './submit.js';
import { createTend, type Tended } from './tend.js';
import { AccountQueues, type Authorisation } from './write-verdict.js';

/** The steps that every order takes, whoever wants it. */
export interface CommonOrderActivities {
  submit(intentId: string, account: string): Promise<Submission>;
  record(intentId: string, submission: Submission): Promise<StoredOrder>;
  resolve(intentId: string): Promise<Progress>;
}

/** The steps of an entry, on the trading worker. */
export interface OrderActivities extends CommonOrderActivities {
  tend(intentId: string, signal: TradeSignal): Promise<Tended>;
  /** Authorise, submit and record in one. */
  enter(signal: TradeSignal, which?: Attempt): Promise<Entered>;
  authorise(signal: TradeSignal, which?: Attempt): Promise<Authorisation>;
  /**
   * For a signal whose authorisation could not be had: proves its order unsent, or records that there is none. An order
   * that an earlier run of the step got further is returned as it stands.
   */
  abandon(signal: TradeSignal, detail: string, attempt?: number): Promise<StoredOrder | null>;
}

/** The steps of a position's owner, on the guardian. */
export interface OwnerActivities extends Omit<CommonOrderActivities, 'submit'>, ProtectionActivities {
  /** Submit and record in one. */
  submit(intentId: string, account: string): Promise<Sent>;
  /** Wishes the cancel of an order and takes it one look-up further. */
  withdraw(intentId: string, because: string): Promise<Progress>;
  /** @param form of the answer that the workflow knows: none for those of builds up to 0.4. */
  authoriseExit(signal: TradeSignal, attempt: number, form?: number, isUnderWay?: boolean): Promise<ExitAuthorisation>;
  abandon(signal: TradeSignal, detail: string, attempt?: number): Promise<StoredOrder | null>;
}

/** @param queues of whatever else authorises orders in this process. */
export function createOrderActivities(dependencies: OrderDependencies, queues = new AccountQueues()): OrderActivities {
  const authorise = createAuthorise(dependencies, queues);
  return {
    ...common(dependencies),
    tend: mapped(beating(createTend(dependencies, pause)), 'untilDone'),
    enter: mapped(createEnter(authorise, sendOf(dependencies))),
    authorise: mapped(authorise),
    abandon: mapped(beating(createAbandon(dependencies)), 'untilDone'),
  };
}

export function createOwnerActivities(dependencies: OrderDependencies, protection: ProtectionStore): OwnerActivities {
  const queues = new AccountQueues();
  const owner = createProtection(dependencies, protection, queues);
  return {
    ...common(dependencies),
    submit: mapped(sendOf(dependencies)),
    look: mapped(
      beating((...values) => owner.look(...values)),
      'untilDone',
    ),
    authoriseStop: mapped((...values) => owner.authoriseStop(...values)),
    authoriseEscape: mapped((...values) => owner.authoriseEscape(...values)),
    page: mapped(
      beating((...values) => owner.page(...values)),
      'untilDone',
    ),
    withdraw: mapped(beating(createWithdraw(dependencies)), 'untilDone'),
    authoriseExit: mapped(createAuthoriseExit(dependencies, queues)),
    abandon: mapped(beating(createAbandon(dependencies)), 'untilDone'),
  };
}

function common(dependencies: OrderDependencies): CommonOrderActivities {
  return {
    submit: mapped(createSubmit(dependencies)),
    record: mapped(beating(createRecord(dependencies)), 'untilDone'),
    resolve: mapped(beating(createResolve(dependencies)), 'untilDone'),
  };
}

const sendOf = (dependencies: OrderDependencies): ReturnType<typeof createSend> =>
  createSend(createSubmit(dependencies), createRecord(dependencies));

function createAbandon({ store, epoch }: OrderDependencies): OrderActivities['abandon'] {
  return async (signal, detail, attempt = 1) => {
    const intentId = intentIdOf(signal, attempt);
    const failures = [failure('INFRA_DATABASE', { detail })];
    const isThere = async (): Promise<boolean> => (await store.order(intentId)) !== undefined;
    if (!(await isThere())) {
      await store.recordUntraded(signal, failures, epoch, { audit: [signalEvent('signal.notTraded', signal, failures)] });
      // From here on no order can be made of the signal; but a run of authorise that was given up may have been quicker.
      if (!(await isThere())) return null;
    }
    return applyEvent({ store, epoch }, intentId, { kind: 'expireUnsent' }, failures);
  };
}

/** Waits inside an activity; ends with it when it is canceled. */
const pause = (ms: number): Promise<void> => Context.current().sleep(ms);
