import { setTimeout as wait } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { decimalTextOf } from '../../core/money/index.js';
import { signalWorkflowId, type Leg, type TradeSignal } from '../../core/signal/signal.js';
import { findStrategy } from '../../core/strategy/registry.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';
import type { OrderOutcome } from '../../workflows/order/status.js';
import { cpuMsOf } from './cpu.js';
import { quantile, round } from './figures.js';
import { INSTRUMENTS } from './schedule.js';
import type { Stage } from './stage.js';

const VALID_MS = 20_000;
const STRATEGY = 'momentum';
const POLL_MS = 100;
/** All lanes begin at once; then they spread. */
const WARM_UP_MS = 5_000;

/**
 * Complete lifecycles in a closed loop, a lane for each instrument: entry, fills, booking, a stop that rests at the venue,
 * exit through the owner of the position, until the ledger is flat.
 */
export async function benchLifecycles(stage: Stage, seconds: number): Promise<Record<string, number>> {
  const connection = await Connection.connect({ address: stage.temporalAddress });
  const database = new pg.Client({ connectionString: stage.databaseUrl });
  await database.connect();
  try {
    const client = new Client({ connection });
    const from = performance.now() + WARM_UP_MS;
    const until = from + seconds * 1_000;
    const durations: number[] = [];
    const stops = new StopWatch(database);
    const lane = async (instrument: string): Promise<void> => {
      while (performance.now() < until) {
        const begun = performance.now();
        const opened = await trade(client, instrument, 'open');
        if (opened.codes.includes('RISK_POSITION_EXISTS')) {
          // Whatever ran before has left it: it is sold first, and counts for nothing.
          await trade(client, instrument, 'close');
          continue;
        }
        if (opened.status !== 'filled') continue;
        await stops.resting(instrument, until);
        const closed = await trade(client, instrument, 'close');
        const ended = performance.now();
        if (closed.status === 'filled' && ended >= from && ended < until) durations.push(ended - begun);
      }
    };
    const watching = stops.watch(until);
    const lanes = Promise.all(INSTRUMENTS.map(lane));
    await wait(WARM_UP_MS);
    const parts = Object.keys(stage.pids);
    const before = cpuMsOf(Object.values(stage.pids));
    await wait(until - performance.now());
    const after = cpuMsOf(Object.values(stage.pids));
    await Promise.all([lanes, watching]);
    const count = Math.max(1, durations.length);
    const cpu = parts.map((part, index) => [`lifecycles.cpuMsEach.${part}`, round(((after[index] ?? 0) - (before[index] ?? 0)) / count)]);
    return {
      'lifecycles.perSecond': round(durations.length / seconds),
      'lifecycles.lanes': INSTRUMENTS.length,
      'lifecycles.p50Ms': quantile(durations, 0.5),
      'lifecycles.p99Ms': quantile(durations, 0.99),
      ...(Object.fromEntries(cpu) as Record<string, number>),
    };
  } finally {
    await database.end();
    await connection.close();
  }
}

/** Runs a signal's workflow to its end. @returns how it ended, and why nothing was traded. */
async function trade(client: Client, instrument: string, leg: Leg): Promise<Pick<OrderOutcome, 'status' | 'codes'>> {
  const now = Date.now();
  const signal: TradeSignal = {
    account: 'main',
    strategy: STRATEGY,
    strategyVersion: findStrategy(STRATEGY)?.version ?? '',
    instrument,
    leg,
    barCloseTime: now,
    decidedTime: now,
    validUntil: now + VALID_MS,
    referencePrice: decimalTextOf('100'),
    stopDistanceRatio: 0.05,
    features: [],
    reason: 'a lifecycle',
  };
  return (await client.workflow.execute(WORKFLOW_TYPES.signalToOrder, {
    taskQueue: TASK_QUEUES.trading,
    workflowId: signalWorkflowId(signal),
    args: [signal],
    workflowTaskTimeout: '5s',
  })) as OrderOutcome;
}

/** Looks for resting stops, of all lanes at once. */
class StopWatch {
  readonly #database: pg.Client;
  #resting = new Set<string>();

  constructor(database: pg.Client) {
    this.#database = database;
  }

  async watch(until: number): Promise<void> {
    while (performance.now() < until) {
      const { rows } = await this.#database.query<{ instrument: string }>(
        `select instrument from orders where purpose = 'stop' and status = 'accepted' and final_at is null`,
      );
      this.#resting = new Set(rows.map((row) => row.instrument));
      await wait(POLL_MS);
    }
  }

  async resting(instrument: string, until: number): Promise<void> {
    while (!this.#resting.has(instrument) && performance.now() < until) await wait(POLL_MS);
  }
}
