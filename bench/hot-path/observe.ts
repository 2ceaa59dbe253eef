import { AsyncLocalStorage } from 'node:async_hooks';
import { Client } from '@temporalio/client';
import type { Pool, PoolClient } from 'pg';
import { clientOrderIdOf } from '../../activities/order/client-order-id.js';
import type { OrderActivities } from '../../activities/order/index.js';
import { intentIdOf, signalWorkflowId, type TradeSignal } from '../../core/signal/signal.js';
import type { Strategy } from '../../core/strategy/strategy.js';
import type { WorkerProcess } from '../../workers/composition/process.js';
import { WORKFLOW_TYPES } from '../../workflows/names.js';
import { watchSockets } from './sockets.js';
import { dueOn, hasBars, type Pace } from './schedule.js';
import { barKey, now, type SignalStamps, type WorkerStamps } from './stamps.js';

interface Statements {
  count: number;
  sockets: number;
  /** When the answers came, in their order. */
  readonly answered: number[];
}

/** Looks at the trading process from outside its parts: each is wrapped, none knows. */
export class Observer {
  pace: Pace = 'singly';
  #signals: SignalStamps[] = [];
  #begun: number[] = [];
  #ranAgain: string[] = [];
  readonly #byIntent = new Map<string, SignalStamps>();
  readonly #stepBegun = new Map<string, number>();
  readonly #statements = new AsyncLocalStorage<Statements>();

  /** What was seen since the last call. */
  take(): Pick<WorkerStamps, 'signals' | 'begun' | 'ranAgain'> {
    const seen = { signals: this.#signals, begun: this.#begun, ranAgain: this.#ranAgain };
    [this.#signals, this.#begun, this.#ranAgain] = [[], [], []];
    return seen;
  }

  /** The given strategy's own work, with an intention that only the bar's time decides. */
  strategy(strategy: Strategy, onFloor: () => void): Strategy {
    return {
      ...strategy,
      step: (window) => {
        const bar = window.at(-1);
        const begun = now();
        const step = strategy.step(window);
        if (bar === undefined || step.features.length === 0) return { ...step, intent: 'none', stance: 'undecided' };
        const due = hasBars(bar.instrument, this.pace) ? dueOn(bar.closeTime, this.pace) : 'nothing';
        if (due === 'floor' || due === 'nothing') {
          if (due === 'floor') onFloor();
          return { ...step, intent: 'none', stance: 'undecided' };
        }
        this.#stepBegun.set(bar.instrument, begun);
        // What the rest of this bar's handling asks of Postgres, or of anybody else, up to the start, is counted here.
        this.#statements.enterWith({ count: 0, sockets: 0, answered: [] });
        return { ...step, intent: due, stance: due === 'open' ? 'long' : 'flat' };
      },
    };
  }

  process(process: WorkerProcess): WorkerProcess {
    const { connection, env, orders, pool, instanceId } = process;
    this.#countStatements(pool);
    watchSockets(() => {
      const statements = this.#statements.getStore();
      if (statements !== undefined) statements.sockets += 1;
    });
    const client = new Client({
      connection,
      namespace: env['TEMPORAL_NAMESPACE'] ?? 'default',
      interceptors: {
        workflow: [
          {
            startWithDetails: async (input, next) => {
              if (input.workflowType !== WORKFLOW_TYPES.signalToOrder) return next(input);
              const signal = input.options.args[0] as TradeSignal;
              // An exit is sent by the owner of the position, which is another path.
              if (signal.leg === 'close') return next(input);
              const stamps = this.#begin(signal, instanceId);
              const output = await next(input);
              stamps.startAnswered = now();
              return output;
            },
          },
        ],
      },
    });
    return {
      ...process,
      client,
      orders: {
        ...orders,
        authoriseAndBegin: async (input, events, terms) => {
          const answers = await orders.authoriseAndBegin(input, events, terms);
          this.#sending(input.intent.intentId);
          return answers;
        },
        beginSubmit: async (input) => {
          const begun = await orders.beginSubmit(input);
          this.#sending(input.intentId);
          return begun;
        },
      },
    };
  }

  /** The send comes next; what follows it, in the same step, is not counted. */
  #sending(intentId: string): void {
    const stamps = this.#byIntent.get(intentId);
    if (stamps === undefined) return;
    const { count, answered } = this.#statements.getStore() ?? { count: 0, answered: [] };
    // The one before the last is the verdict's.
    Object.assign(stamps, { authorised: answered.at(-2), begun: now(), statements: count });
  }

  /** Of the pool itself, and of a connection that it has lent. */
  #countStatements(pool: Pool): void {
    const seen = <T>(asked: T): T => {
      const statements = this.#statements.getStore();
      if (statements === undefined || !(asked instanceof Promise)) return asked;
      statements.count += 1;
      void asked.then(
        () => statements.answered.push(now()),
        () => undefined,
      );
      return asked;
    };
    const query = pool.query.bind(pool) as (...values: unknown[]) => unknown;
    const connect = pool.connect.bind(pool) as (callback?: unknown) => unknown;
    const lent = (client: PoolClient): PoolClient =>
      new Proxy(client, {
        get(target, key) {
          const member: unknown = Reflect.get(target, key, target);
          if (typeof member !== 'function') return member;
          return (...values: unknown[]) => {
            const answer: unknown = Reflect.apply(member, target, values);
            return key === 'query' ? seen(answer) : answer;
          };
        },
      });
    Object.assign(pool, {
      query: (...values: unknown[]) => seen(query(...values)),
      // With a callback it is the pool that asks itself.
      connect: (callback?: unknown) => (callback === undefined ? (connect() as Promise<PoolClient>).then(lent) : connect(callback)),
    });
  }

  /** The step that authorises and submits, wherever it is begun. */
  enter(step: OrderActivities['enter']): OrderActivities['enter'] {
    return async (signal, which) => {
      const intentId = intentIdOf(signal, which?.attempt);
      const stamps = this.#byIntent.get(intentId);
      if (stamps === undefined) return step(signal, which);
      if (stamps.entered !== undefined) this.#ranAgain.push(intentId);
      stamps.entered = now();
      const entered = await this.#statements.run({ count: 0, sockets: 0, answered: [] }, () => step(signal, which));
      if (entered.kind !== 'denied') this.#signals.push(stamps);
      return entered;
    };
  }

  #begin(signal: TradeSignal, instanceId: string): SignalStamps {
    const intentId = intentIdOf(signal);
    const stamps: SignalStamps = {
      bar: barKey(signal.instrument, signal.barCloseTime),
      workflowId: signalWorkflowId(signal),
      clientOrderId: clientOrderIdOf(instanceId, intentId),
      stepBegun: this.#stepBegun.get(signal.instrument) ?? 0,
      startCalled: now(),
      statements: 0,
      statementsBeforeStart: this.#statements.getStore()?.count ?? 0,
      socketsBeforeStart: this.#statements.getStore()?.sockets ?? 0,
    };
    this.#byIntent.set(intentId, stamps);
    this.#begun.push(now());
    return stamps;
  }
}
