import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Pool } from 'pg';
import { createOrderActivities, createOwnerActivities } from '../../activities/order/index.js';
import { createLook, type Looked } from '../../activities/reconcile/look.js';
import type { ReconcileDependencies } from '../../activities/reconcile/dependencies.js';
import { decideDifference } from '../../api/reconciliations/decide.js';
import { createReconcileStore } from '../../adapters/store/reconcile-store.js';
import { KeelsonError, type ErrorCode } from '../../core/errors.js';
import { MARKET } from '../../core/execution/policy.js';
import type { DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { Role } from '../../core/people/roles.js';
import { planProtection } from '../../core/protection/plan.js';
import { ownerWorkflowId, type PositionKey } from '../../core/protection/position-key.js';
import { RECONCILE, type ReconcileRules, type ReconcileScope } from '../../core/reconcile/rules.js';
import { intentIdOf } from '../../core/signal/signal.js';
import type { LoadedInstrument } from '../../exchange/market/load.js';
import { seedPerson } from '../support/people.js';
import type { TestDatabase } from '../support/postgres.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../support/trading-stack.js';

/** Nothing is waited for: what is seen twice in a row has been seen twice. */
const AT_ONCE: ReconcileRules = {
  ...RECONCILE,
  inFlightMs: 0,
  secondLookMs: 0,
  lateListMs: 0,
  idleWorkflowMs: 0,
  idleSeenMs: 0,
  // So long that no slow test gets there.
  movingMs: 3_600_000,
};

/** A decision is refused for good, or until what it says is done. */
const REFUSED: ReadonlySet<string> = new Set<ErrorCode>(['INPUT_DECISION_IMPOSSIBLE', 'INPUT_DECISION_TOO_EARLY']);

export const KEY: PositionKey = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };

/** A row of what was found. */
export interface Found {
  readonly id: string;
  readonly class: string;
  readonly seenAs: string;
  readonly subject: string;
  readonly status: string;
  readonly incidentId: string | null;
}

/** An account with real ledger and paper venue, whose owners and workflows are a few lines of this file. */
export interface BenchAccount {
  readonly stack: TradingStack;
  readonly dependencies: ReconcileDependencies;
  /** What runs for the account, by workflow id. */
  readonly running: Set<string>;
  look(scope?: ReconcileScope, isLast?: boolean): Promise<Looked>;
  /** Looks until nothing more can be told, each after the time that the rules have between two. */
  cycle(scope?: ReconcileScope): Promise<Looked>;
  /** Oldest first. */
  found(): Promise<readonly Found[]>;
  /** The bar of the next signal; also a number that is new. */
  nextBar(): number;
  /** Buys so much for 50,000 each, and lets its owner protect it. */
  buy(notional?: string): Promise<StoredOrder>;
  /** An entry that rests at the venue. */
  rest(): Promise<StoredOrder>;
  /** What the owner of the position would do, until it rests. */
  protect(): Promise<void>;
  decide(id: string, decision: string, more?: object): Promise<{ readonly result: string; readonly why?: string }>;
  resume(): Promise<{ readonly result: string }>;
  /** The row alone: its command's id. */
  asksResume(): Promise<string>;
  mode(): Promise<string>;
  /** As somebody with the database's password could: no trigger is in the way. */
  damage(sql: string, values?: readonly unknown[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param lifts after which classes a pause of a reconciliation ends by itself.
 * @param database outside of a test run.
 * @param rules of time; by themselves nothing is waited for.
 * @param instruments what the venue lists.
 */
export async function openBenchAccount(
  lifts: readonly string[] = [],
  database?: TestDatabase,
  rules: ReconcileRules = AT_ONCE,
  instruments?: readonly LoadedInstrument[],
): Promise<BenchAccount> {
  return benchOf(await openTradingStack({ database, ...(instruments && { instruments }) }), lifts, rules);
}

/** @param firstBar after those of which this ledger, or another of the account, may know signals. */
export async function benchOf(
  stack: TradingStack,
  lifts: readonly string[] = [],
  rules: ReconcileRules = AT_ONCE,
  firstBar = 0,
): Promise<BenchAccount> {
  const { pool, protection, ledger } = stack;
  const steps = createOrderActivities(stack.dependencies);
  const owner = createOwnerActivities(stack.dependencies, protection);
  const running = new Set<string>();
  let bar = firstBar;
  const protect = async (): Promise<void> => {
    running.add(ownerWorkflowId(KEY));
    for (let count = 0; count < 12; count += 1) {
      const view = await protection.readProtection(KEY);
      const step = planProtection(KEY, view);
      if (step.kind === 'done') running.delete(ownerWorkflowId(KEY));
      if (step.kind === 'cancel') await owner.withdraw(step.intentId, 'a test');
      else if (step.kind === 'settle') await owner.resolve(step.intentId);
      else if (step.kind === 'placeStop') {
        const { sequence, quantity, stopPrice, limitPrice } = step.wish;
        const text = (value: { toFixed(): string }): DecimalText => value.toFixed() as DecimalText;
        const wish = { sequence, quantity: text(quantity), stopPrice: text(stopPrice), limitPrice: text(limitPrice) };
        const asked = await owner.authoriseStop(KEY, '1', wish);
        if (asked.kind !== 'authorised') throw new Error(`the stop was not authorised: ${JSON.stringify(asked)}`);
        await owner.submit(asked.order.intentId, ACCOUNT);
      } else return;
    }
    throw new Error('the owner comes to no rest');
  };
  const dependencies: ReconcileDependencies = {
    books: { store: stack.dependencies.store, epoch: stack.dependencies.epoch },
    reconciliations: createReconcileStore(pool),
    venueOf: stack.dependencies.venueOf,
    protection,
    owners: { revive: async () => (await protect(), false) },
    runs: {
      running: async () => [...running].map((workflowId) => ({ workflowId, startedMs: 600_000 })),
      owners: async (keys) => new Set(keys.map(ownerWorkflowId).filter((id) => running.has(id))),
      cancel: async (workflowId) => void running.delete(workflowId),
    },
    liftsOf: () => lifts,
    rulesAt: () => rules,
    paceOf: () => ({ eachMinutes: 1, place: 0 }),
    clock: Date.now,
    newId: randomUUID,
    pause: async () => undefined,
    log: { warn: () => undefined },
  };
  const lookAt = createLook(dependencies);
  const keyId = await personOf(stack.database, 'risk-officer', 'risk');
  await personOf(stack.database, 'operator', 'operator');
  const send = async (): Promise<StoredOrder> => {
    const signal = stack.signal('open', (bar += 1_000));
    const asked = await steps.authorise(signal);
    if (asked.kind !== 'authorised') throw new Error(`the entry was not authorised: ${JSON.stringify(asked)}`);
    const intentId = intentIdOf(signal);
    return steps.record(intentId, await steps.submit(intentId, ACCOUNT));
  };
  const asksResume = async (): Promise<string> => {
    const commandId = randomUUID();
    await stack.database.pool.query(
      `insert into commands (command_id, account, kind, subject, key_id, reason)
         select $1, $2, 'resume', 'operator', key_id, 'a test' from api_keys where subject = 'operator'`,
      [commandId, ACCOUNT],
    );
    return commandId;
  };
  const bench: BenchAccount = {
    stack,
    dependencies,
    running,
    look: (scope = 'minute', isLast = true) => lookAt({ runId: randomUUID(), account: ACCOUNT, scope }, isLast),
    async cycle(scope = 'minute') {
      const run = { runId: randomUUID(), account: ACCOUNT, scope };
      for (let count = 1; ; count += 1) {
        const looked = await lookAt(run, count >= RECONCILE.mostLooks);
        if (looked.result !== 'unsettled') return looked;
        await wait(rules.secondLookMs);
      }
    },
    nextBar: () => (bar += 1_000),
    async found() {
      const { rows } = await pool.query<Found>(
        `select difference_id::text as id, class, seen_as as "seenAs", subject, status, incident_id::text as "incidentId"
         from reconciliation_differences order by difference_id`,
      );
      return rows;
    },
    async buy(notional = '500') {
      ledger.workEntries(ACCOUNT, { execution: MARKET, sizing: { kind: 'fixedNotional', notional: notional as DecimalText } });
      const order = await send();
      if (order.status !== 'filled') throw new Error(`the entry is ${order.status}`);
      await protect();
      return order;
    },
    async rest() {
      ledger.workEntries(ACCOUNT, { execution: { kind: 'limit', offsetBps: 100, postOnly: true, workMs: 3_600_000 } });
      const order = await send();
      if (order.status !== 'accepted') throw new Error(`the entry is ${order.status}`);
      return order;
    },
    protect,
    async decide(id, decision, more = {}) {
      if (isByApi(decision)) {
        const officer = { subject: 'risk-officer', name: 'risk-officer', roles: ['risk'], keyId };
        try {
          await decideDifference(stack.database.pool, officer, { differenceId: id, decision, reason: 'looked into', ...more });
        } catch (error) {
          if (!(error instanceof KeelsonError) || !REFUSED.has(error.failure.code)) throw error;
          return { result: 'impossible', why: String(error.failure.values['why']) };
        }
        return { result: 'done' };
      }
      const asked = { differenceId: id, decision, reason: 'looked into', subject: 'risk-officer', underKey: keyId, ...more };
      return answer(pool, 'decide_difference', asked);
    },
    asksResume,
    async resume() {
      const commandId = await asksResume();
      return answer(pool, 'apply_mode_command', { commandId, account: ACCOUNT, kind: 'resume', mode: 'normal' });
    },
    async mode() {
      const { rows } = await pool.query<{ mode: string }>('select mode from control where account = $1', [ACCOUNT]);
      return rows[0]?.mode ?? 'none';
    },
    async damage(sql, values = []) {
      const client = await stack.database.pool.connect();
      try {
        await client.query('set session_replication_role = replica');
        await client.query(sql, [...values]);
      } finally {
        await client.query('set session_replication_role = origin');
        client.release();
      }
    },
    close: () => stack.close(),
  };
  return bench;
}

/** What the API does more for than to ask the database. */
function isByApi(decision: string): decision is 'adopt' | 'book' | 'rebuild' {
  return ['adopt', 'book', 'rebuild'].includes(decision);
}

/** Who may be there already, as in a ledger that is opened anew. @returns the key's id */
async function personOf({ pool }: TestDatabase, subject: string, role: Role): Promise<string> {
  const { rows } = await pool.query<{ id: string }>('select key_id::text as id from api_keys where subject = $1', [subject]);
  return rows[0]?.id ?? seedPerson(pool, subject, [role]);
}

async function answer<T>(pool: Pool, name: string, asked: object): Promise<T> {
  const { rows } = await pool.query<{ answer: T }>(`select ${name}($1::jsonb) as answer`, [JSON.stringify(asked)]);
  const [row] = rows;
  if (row === undefined) throw new Error(`${name} gave no answer`);
  return row.answer;
}

/** As if the fill had been told with another fee, in the base asset. */
export async function bookOtherFee(bench: BenchAccount, more: string): Promise<void> {
  await bench.damage(`update fills set fee = fee + $1::numeric`, [more]);
  await bench.damage(
    `update ledger_entries set delta = delta - sign(delta + 1) * $1::numeric where kind = 'fee' and ledger_account = 'venue'`,
    [more],
  );
  await bench.damage(`update ledger_entries set delta = delta + $1::numeric where kind = 'fee' and ledger_account = 'fees'`, [more]);
  await bench.damage(`update ledger_balances set quantity = quantity - $1::numeric where asset = 'BTC'`, [more]);
  await bench.damage('update positions set quantity = quantity - $1::numeric', [more]);
  await bench.damage('update position_sums set quantity = quantity - $1::numeric', [more]);
}
