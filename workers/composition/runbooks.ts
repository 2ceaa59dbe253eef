import { setTimeout as wait } from 'node:timers/promises';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Books } from '../../activities/order/evidence.js';
import { createWithdraw } from '../../activities/order/resolve.js';
import type { RunbookRuns } from '../../activities/ports/runbook.js';
import type { Venue } from '../../activities/ports/venue.js';
import type { BoundRunbook } from '../../activities/runbook/step-code.js';
import { gracefulShutdown } from '../../activities/runbook/trading/graceful-shutdown.js';
import { MOST_PATIENCE_MS, MOST_VENUE_PATIENCE_MS, type TradingReads, type TradingRules } from '../../activities/runbook/trading/parts.js';
import { startUp } from '../../activities/runbook/trading/start-up.js';
import { tradingWrites, type TradingWriteParts } from '../../activities/runbook/trading/writes.js';
import { createTradingStateStore } from '../../adapters/store/trading-state-store.js';
import { INTERVALS, type Config } from '../../config/index.js';
import { invariant, KeelsonError } from '../../core/errors.js';
import { findStrategy } from '../../core/strategy/registry.js';
import { missingMigrations } from '../../db/migrate.js';
import { runbookWorkflowId } from '../../core/runbook/spec.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';
import { runbookChangedSignal } from '../../workflows/operations/runbook/messages.js';
import type { WorkerProcess } from './process.js';

const CALL_MS = 5_000;

/** Whether the workflow of a run goes on. What cannot be told counts as yes: a resource is not taken away on a guess. */
export function runUnderWay(client: Client, clock: () => number): (runId: string) => Promise<boolean> {
  return async (runId) => {
    try {
      const handle = client.workflow.getHandle(runbookWorkflowId(runId));
      const { status } = await client.withDeadline(clock() + CALL_MS, () => handle.describe());
      return status.name === 'RUNNING';
    } catch (error) {
      return !(error instanceof WorkflowNotFoundError);
    }
  };
}

export interface TradingRunbookParts extends Pick<WorkerProcess, 'pool' | 'config' | 'clock' | 'stopping'> {
  readonly log: TradingWriteParts['log'];
  readonly venueOf: (account: string) => Venue;
  readonly books: Books;
  readonly facts: TradingReads['facts'];
  /** @throws KeelsonError where the database does not keep its promises. */
  readonly checkLedger: () => Promise<void>;
  /** See `TradingReads`. */
  readonly patienceMs?: number;
  readonly venuePatienceMs?: number;
  readonly reconcileNow: TradingReads['isReconciled'];
}

/** Start-up and graceful shutdown, with what they read and change. */
export function tradingRunbooks(parts: TradingRunbookParts): Readonly<Record<'startUp' | 'gracefulShutdown', BoundRunbook>> {
  const {
    pool,
    config,
    clock,
    stopping,
    log,
    venueOf,
    books,
    facts,
    checkLedger,
    reconcileNow,
    patienceMs = MOST_PATIENCE_MS,
    venuePatienceMs = MOST_VENUE_PATIENCE_MS,
  } = parts;
  const state = createTradingStateStore(pool);
  const pause = async (ms: number): Promise<void> => {
    await wait(ms, undefined, { signal: stopping.signal });
  };
  const reads: TradingReads = {
    state,
    venueOf,
    rulesOf: (account) => tradingRules(config, account),
    facts,
    ledger: () =>
      checkLedger().then(
        () => [],
        (error: unknown) => {
          if (error instanceof KeelsonError) return [error.message];
          throw error;
        },
      ),
    schema: async () => {
      const missing = await missingMigrations(pool);
      return missing.length === 0 ? [] : [`the database lacks ${missing.join(', ')}`];
    },
    isReconciled: reconcileNow,
    patienceMs,
    venuePatienceMs,
    clock,
    pause,
  };
  const writes = tradingWrites({ state, withdraw: createWithdraw({ ...books, venueOf }), isReconciled: reconcileNow, clock, pause, log });
  return { startUp: startUp(reads, writes), gracefulShutdown: gracefulShutdown(reads, writes) };
}

function tradingRules({ accounts, strategies }: Config, account: string): TradingRules {
  const configured = accounts[account];
  invariant(configured !== undefined, `account ${account} is configured`);
  const streams = new Map<string, TradingRules['streams'][number]>();
  for (const { id, account: of, interval, instruments } of strategies) {
    if (of !== account) continue;
    for (const instrument of instruments) {
      const key = `${instrument} ${interval}`;
      const lookbackBars = Math.max(findStrategy(id)?.lookbackBars ?? 0, streams.get(key)?.lookbackBars ?? 0);
      streams.set(key, { instrument, intervalMs: INTERVALS[interval], lookbackBars });
    }
  }
  return { venue: configured.venue, ...configured.startUp, ...configured.shutdown, streams: [...streams.values()] };
}

/** Runs that a part of ours starts, or ends, as workflows on the guardian's queue. One that was terminated goes on where its records end. */
export function createRunbookRuns(client: Client, clock: () => number, taskQueue: string = TASK_QUEUES.guardian): RunbookRuns {
  return {
    async wake({ runId, account, runbook }) {
      try {
        await client.withDeadline(clock() + CALL_MS, () =>
          client.workflow.signalWithStart(WORKFLOW_TYPES.runbook, {
            taskQueue,
            workflowId: runbookWorkflowId(runId),
            args: [runId],
            signal: runbookChangedSignal,
            workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
            searchAttributes: { [SEARCH_ATTRIBUTES.account]: [account], [SEARCH_ATTRIBUTES.status]: ['running'] },
            staticSummary: `${runbook} of ${account}`,
          }),
        );
      } catch (error) {
        // It has come to its end meanwhile.
        if (error instanceof WorkflowExecutionAlreadyStartedError) return;
        throw noAnswer(error);
      }
    },
    async end({ runId }) {
      try {
        const handle = client.workflow.getHandle(runbookWorkflowId(runId));
        await client.withDeadline(clock() + CALL_MS, () => handle.terminate('its row has ended: another run has superseded it'));
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw noAnswer(error);
      }
    },
  };
}

const noAnswer = (cause: unknown): KeelsonError =>
  new KeelsonError('INFRA_TEMPORAL', { detail: cause instanceof Error ? cause.message : String(cause) }, { cause });
