import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createMarketStore } from '../../adapters/store/market-store.js';
import { MARKET } from '../../core/execution/policy.js';
import type { DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { eventually } from '../../test/support/eventually.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { createOrderActivities, type OrderActivities } from '../order/index.js';
import { createResolve, createWithdraw } from '../order/resolve.js';
import { streamAccount, type AccountStreamDependencies } from './account.js';

/** What stops entries, as it is written to the database, and what the order is told to have been withdrawn for. */
const STOPPED = [
  ['the watch pauses its account', `select hold_for_watch('${ACCOUNT}', 'equityUnknown', 'a test')`, 'is in mode paused'],
  ['its account may only reduce', `select tighten_mode('${ACCOUNT}', 'reduceOnly', 'a test')`, 'is in mode reduceOnly'],
  ['its account observes', `update control set mode = 'observation', version = version + 1`, 'is in mode observation'],
  [
    'its instrument is blocked',
    `insert into blocked_instruments (account, instrument, reason) values ('${ACCOUNT}', '${INSTRUMENT}', 'an incident')`,
    `entries in ${INSTRUMENT} are blocked: an incident`,
  ],
  [
    'its strategy is disabled',
    `insert into strategy_switches (account, strategy, disabled_reason) values ('${ACCOUNT}', 'momentum', 'a person')`,
    'momentum is disabled: a person',
  ],
  ['another version is active', `update active_strategies set version = '2'`, 'version 2 of momentum is the active one, not 1'],
  [
    'a marked event of its instrument is near',
    `insert into calendar (source_sha256, before_ms, after_ms, max_age_ms, refreshed_at) values ('a', 60000, 60000, 86400000, now());
     insert into calendar_events (event_time, title, instruments, is_marked)
       values (epoch_ms(now()) + 59000, 'rates', '["${INSTRUMENT}"]', true)`,
    `entries in ${INSTRUMENT} are blocked around the event: rates`,
  ],
  ['no version is active', 'delete from active_strategies', `momentum is active in ${INSTRUMENT} no more`],
] as const;

describe('entries that rest, on a real ledger and paper venue', () => {
  let stack: TradingStack;
  let orders: OrderActivities;
  let environment: MockActivityEnvironment;
  let running: Promise<void> | undefined;
  let bar = 0;
  const warnings: string[] = [];

  beforeAll(async () => {
    stack = await openTradingStack();
    orders = createOrderActivities(stack.dependencies);
    stack.ledger.workEntries(ACCOUNT, { execution: { kind: 'limit', offsetBps: 500, workMs: 86_400_000, postOnly: true } });
  });
  afterAll(() => stack?.close());
  afterEach(async () => {
    environment?.cancel();
    await Promise.allSettled([running]);
    stack.paper.movePrice('BTCUSDT', unitsOf('50000'), 0n);
    const { pool } = stack.database;
    await pool.query('delete from blocked_instruments');
    await pool.query('delete from calendar');
    await pool.query('delete from calendar_events');
    await pool.query('delete from strategy_switches');
    await pool.query('delete from active_strategies');
    await pool.query(
      `insert into active_strategies (account, strategy, instrument, version, model_hash) values ($1, 'momentum', $2, '1', 'none')`,
      [ACCOUNT, INSTRUMENT],
    );
    await pool.query(`update control set mode = 'normal', reconciliation_hold = null, version = version + 1`);
    const { rows } = await pool.query<{ intent_id: string }>('select intent_id from orders where final_at is null');
    for (const { intent_id } of rows) await createWithdraw(stack.dependencies)(intent_id, 'the test is over');
  });

  const watch = (): void => {
    environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    const dependencies: AccountStreamDependencies = {
      books: { store: stack.dependencies.store, epoch: stack.dependencies.epoch },
      venueOf: stack.dependencies.venueOf,
      venueNameOf: () => 'paper',
      bars: createMarketStore(stack.pool),
      resolve: createResolve(stack.dependencies),
      protection: stack.protection,
      owners: { wake: async () => undefined, revive: async () => false },
      reconciliations: { start: async () => undefined },
      tradedOf: () => [{ instrument: INSTRUMENT, intervalMs: 1_000 }],
      watchersOf: () => 1,
      clock: Date.now,
      stopping: new AbortController().signal,
      log: { warn: (_, message) => void warnings.push(message) },
    };
    running = environment.run(streamAccount, dependencies, ACCOUNT);
    running.catch(() => undefined);
  };
  const resting = async (): Promise<string> => {
    const signal = { ...stack.signal('open', (bar += 1_000)), validUntil: Date.now() + 86_400_000 };
    expect(await orders.authorise(signal)).toMatchObject({ kind: 'authorised' });
    const intentId = intentIdOf(signal);
    expect(await orders.record(intentId, await orders.submit(intentId, ACCOUNT))).toMatchObject({
      status: 'accepted',
      workingUntil: expect.any(Number),
    });
    return intentId;
  };
  const ended = (intentId: string): Promise<StoredOrder> =>
    eventually(async () => {
      const order = await stack.dependencies.store.order(intentId);
      if (order === undefined || !order.isFinal) throw new Error(`order ${intentId} is ${order?.status}`);
      return order;
    });
  const fallsBelow = (): void => stack.paper.movePrice('BTCUSDT', unitsOf('46000'), unitsOf('10'));
  const expectWithdrawn = (order: StoredOrder | undefined, reason: string): void => {
    expect(order).toMatchObject({ status: 'canceled', executedQuantity: '0', failures: [{ code: 'ORDER_ENTRY_WITHDRAWN' }] });
    expect(order?.failures[0]?.message).toContain(reason);
  };

  it.each(STOPPED)('are withdrawn by the guardian alone when %s, and no fall of the price fills them', async (_, stops, reason) => {
    const intentId = await resting();
    watch();
    await stack.database.pool.query(stops);
    const order = await ended(intentId);
    expectWithdrawn(order, reason);
    fallsBelow();
    expect(
      stack
        .witness()
        .orders.get(order.clientOrderId)
        ?.map(({ status, executed }) => [status, Number(executed)]),
    ).toEqual([['CANCELED', 0]]);
    const { rows } = await stack.database.pool.query<{ failures: readonly { code: string }[] }>(
      `select data->'failures' as failures from audit_events where kind = 'order.pendingCancel' and data->>'intentId' = $1`,
      [intentId],
    );
    expect(rows.map(({ failures }) => failures.map(({ code }) => code))).toEqual([['ORDER_ENTRY_WITHDRAWN']]);
  });

  it.each(STOPPED)('are withdrawn by whoever looks after them when %s', async (_, stops, reason) => {
    const intentId = await resting();
    expect(await orders.resolve(intentId)).toMatchObject({ order: { status: 'accepted' } });
    await stack.database.pool.query(stops);
    expectWithdrawn((await orders.resolve(intentId)).order, reason);
  });

  it.each([
    ['of another instrument', `'["ETH/USDT"]'`, 'true', 0],
    ['that nobody has marked', 'null', 'false', 0],
    ['whose window has not begun', 'null', 'true', 3_600_000],
    ['whose window is over', 'null', 'true', -3_600_000],
  ])('stay where an event %s is in the calendar', async (_, instruments, isMarked, inMs) => {
    const intentId = await resting();
    await stack.database.pool.query(
      `insert into calendar (source_sha256, before_ms, after_ms, max_age_ms, refreshed_at) values ('a', 60000, 60000, 86400000, now());
       insert into calendar_events (event_time, title, instruments, is_marked) values (epoch_ms(now()) + ${inMs}, 'rates', ${instruments}, ${isMarked})`,
    );
    expect(await orders.resolve(intentId)).toMatchObject({ order: { status: 'accepted' } });
  });

  it('of a person who took them over while the account was stopped stay, and are withdrawn when it stops anew', async () => {
    const intentId = await resting();
    const { pool } = stack.database;
    const adopted = 'update orders set control_version = (select version from control), working_until = null where intent_id = $1';
    await pool.query(`update control set mode = 'paused', version = version + 1`);
    await pool.query(adopted, [intentId]);
    expect(await orders.resolve(intentId)).toMatchObject({ order: { status: 'accepted', workingUntil: null } });
    for (const mode of ['observation', 'normal']) await pool.query(`update control set mode = $1, version = version + 1`, [mode]);
    expect(await orders.resolve(intentId)).toMatchObject({ order: { status: 'accepted' } });
    await pool.query(`update control set mode = 'reduceOnly', version = version + 1`);
    expectWithdrawn((await orders.resolve(intentId)).order, 'is in mode reduceOnly');
  });

  it('are a graceful shutdown’s to cancel or to wait for, until something else stops the account too', async () => {
    const intentId = await resting();
    const { pool } = stack.database;
    const hold = (runbook: string, was: string): string => JSON.stringify({ runbook, was, mode: 'paused' });
    const reason = () => stack.dependencies.store.whyWithdrawn(intentId);
    const held = `update control set mode = 'paused', version = version + 1, runbook_hold = $1, reconciliation_hold = $2`;
    await pool.query(held, [hold('gracefulShutdown', 'normal'), null]);
    expect(await reason()).toBeUndefined();
    for (const [runbook, was, other] of [
      ['gracefulShutdown', 'reduceOnly', null],
      ['gracefulShutdown', 'normal', '{}'],
      ['startUp', 'normal', null],
    ] as const) {
      await pool.query(held, [hold(runbook, was), other]);
      expect(await reason()).toContain('is in mode paused');
    }
    await pool.query('update control set runbook_hold = null, reconciliation_hold = null');
  });

  it('under a halt are the halt’s to cancel; stops and exits stay whatever stands', async () => {
    const intentId = await resting();
    const { pool } = stack.database;
    await pool.query(`insert into latches (scope, scope_value, reason, subject) values ('account', $1, 'a test', 'test')`, [ACCOUNT]);
    expect(await orders.resolve(intentId)).toMatchObject({ order: { status: 'accepted' } });
    await pool.query('delete from latches');
    await pool.query(`update control set mode = 'paused', version = version + 1`);
    for (const [purpose, leg] of [
      ['stop', 'close'],
      ['exit', 'close'],
      ['escape', 'close'],
      ['flatten', 'open'],
    ]) {
      await pool.query('update orders set purpose = $2, leg = $3 where intent_id = $1', [intentId, purpose, leg]);
      expect(await stack.dependencies.store.whyWithdrawn(intentId)).toBeUndefined();
    }
    await pool.query(`update orders set purpose = 'entry', leg = 'open' where intent_id = $1`, [intentId]);
  });

  it('stay while entries are allowed, and after a resume nothing comes back', async () => {
    const intentId = await resting();
    await stack.database.pool.query(`update control set mode = 'paused', version = version + 1`);
    await orders.resolve(intentId);
    await stack.database.pool.query(`update control set mode = 'normal', version = version + 1`);
    const next = await resting();
    watch();
    expect(await orders.resolve(next)).toMatchObject({ order: { status: 'accepted' } });
    expect(await stack.dependencies.store.order(intentId)).toMatchObject({ status: 'canceled' });
  });

  it('what fills before its cancel arrives is booked, and the rest is withdrawn', async () => {
    const intentId = await resting();
    const price = (await stack.dependencies.store.order(intentId))?.price as DecimalText;
    stack.paper.movePrice('BTCUSDT', unitsOf(price), unitsOf('0.002'));
    await stack.database.pool.query(`update control set mode = 'paused', version = version + 1`);
    const { order } = await orders.resolve(intentId);
    expect(order.isFinal).toBe(true);
    const seen = stack.witness().orders.get(order.clientOrderId);
    expect(seen?.map(({ executed }) => Number(executed))).toEqual([Number(order.executedQuantity)]);
    await stack.database.pool.query(`update control set mode = 'normal', version = version + 1`);
    stack.ledger.workEntries(ACCOUNT, { execution: MARKET });
  });
});
