import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { failure } from '../../core/errors.js';
import { sideOf, signalId, signalWorkflowId, type TradeSignal } from '../../core/signal/signal.js';
import type { SignalSink } from '../../activities/ports/signal-sink.js';
import type { UntradedRecords } from './untraded-records.js';
import { SIGNAL_FORM, TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';

const START_DEADLINE_MS = 1_000;
const START_AGAIN_MS = 50;
/** A close that waits for the venue is not joined by another with each bar. */
const CLOSE_AGAIN_MS = 10_000;

export interface SinkDependencies {
  readonly client: Client;
  /** Takes what is not traded on record. */
  readonly untraded: Pick<UntradedRecords, 'record'>;
  /** The gate, asked without consequences. */
  readonly wouldTrade: (signal: TradeSignal) => Promise<boolean>;
  /** Whether the signal's version is the active one, as far as can be told. */
  readonly isActive: (signal: TradeSignal) => Promise<boolean>;
  readonly clock: () => number;
  /** Now in the venue's time, in which signals expire. */
  readonly venueNow: (account: string) => number;
  readonly wait: (ms: number) => Promise<void>;
  readonly log: { warn(data: object, message: string): void };
  /** The start of an entry's workflow is on its way: what only reckons may be done meanwhile. Must not hold it up. */
  readonly starting: (signal: TradeSignal) => void;
  /** It is acknowledged, and its first task came with it to this process. */
  readonly taskIsOurs: (signal: TradeSignal) => void;
  readonly count: (outcome: 'started' | 'notTraded' | 'inactive') => void;
}

/**
 * Starts the workflow of a signal in this very process (eager), again and again with the same id while it is valid (P1). A
 * signal's id is used once: a build that is not the active one starts and records nothing, so that the id of the bar is
 * free for the build that may trade it (P2).
 */
export function createSignalSink(dependencies: SinkDependencies): SignalSink {
  const { client, untraded, clock, wait, log, count } = dependencies;

  const isSilent = async (signal: TradeSignal): Promise<boolean> => {
    try {
      if (await dependencies.isActive(signal)) return false;
    } catch {
      // It goes on: authorise asks the ledger, and refuses what is not the active version's.
      return false;
    }
    count('inactive');
    log.warn(
      { signal: signalId(signal), version: signal.strategyVersion },
      'not the active version: the signal is left to the build that is',
    );
    return true;
  };

  const record: SignalSink['notTraded'] = (signal, failures) => {
    count('notTraded');
    return untraded.record(signal, failures);
  };

  /** When a close of a position was started last, by our clock. */
  const closes = new Map<string, number>();
  const positionOf = ({ account, strategy, instrument }: TradeSignal): string => `${account} ${strategy} ${instrument}`;

  return {
    async notTraded(signal, failures) {
      if (!(await isSilent(signal))) await record(signal, failures);
    },
    async wouldTrade(signal) {
      const elapsedMs = clock() - (closes.get(positionOf(signal)) ?? Number.NEGATIVE_INFINITY);
      if (elapsedMs >= 0 && elapsedMs < CLOSE_AGAIN_MS) return false;
      try {
        return await dependencies.wouldTrade(signal);
      } catch (error) {
        log.warn({ signal: signalId(signal), error: String(error) }, 'what is still held could not be asked; the next bar asks again');
        return false;
      }
    },
    async trade(signal) {
      if (await isSilent(signal)) return;
      if (signal.leg === 'close') closes.set(positionOf(signal), clock());
      for (;;) {
        try {
          const started = client.withDeadline(clock() + START_DEADLINE_MS, () => startWorkflow(client, signal));
          if (signal.leg === 'open') dependencies.starting(signal);
          const { eagerlyStarted } = await started;
          if (eagerlyStarted && signal.leg === 'open') dependencies.taskIsOurs(signal);
          count('started');
          return;
        } catch (error) {
          // Somebody, perhaps we ourselves with a lost reply, has started it: that is what was wanted.
          if (error instanceof WorkflowExecutionAlreadyStartedError) return;
          log.warn({ signal: signalId(signal), error: String(error) }, 'the workflow could not be started; it is tried again');
        }
        if (dependencies.venueNow(signal.account) > signal.validUntil)
          return record(signal, [failure('RISK_TEMPORAL_UNREACHABLE', { signal: signalId(signal) })]);
        await wait(START_AGAIN_MS);
      }
    },
  };
}

async function startWorkflow(client: Client, signal: TradeSignal): Promise<{ readonly eagerlyStarted: boolean }> {
  const { instrument, strategy, leg, score } = signal;
  const because = score === undefined ? '' : `, score ${score.toFixed(3)}`;
  return client.workflow.start(WORKFLOW_TYPES.signalToOrder, {
    taskQueue: TASK_QUEUES.trading,
    workflowId: signalWorkflowId(signal),
    args: [signal, SIGNAL_FORM],
    requestEagerStart: true,
    // A worker that dies inside the first task is replaced after this long.
    workflowTaskTimeout: '5s',
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    workflowIdConflictPolicy: 'FAIL',
    // No search attributes: the run shows them (SIGNAL_FORM).
    staticSummary: `${sideOf(signal)} ${instrument} (${leg}, ${strategy}${because})`,
    staticDetails: signal.reason,
  });
}
