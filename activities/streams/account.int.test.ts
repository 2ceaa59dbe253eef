import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMarketStore } from '../../adapters/store/market-store.js';
import { openPool } from '../../adapters/store/pool.js';
import { failure, KeelsonError } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { disagreements } from '../../test/support/witness.js';
import { createOrderActivities, type OrderActivities } from '../order/index.js';
import type { PositionKey } from '../../core/protection/position-key.js';
import { bookFill } from '../order/evidence.js';
import { createResolve } from '../order/resolve.js';
import type { StreamEvent, Venue, VenueReader } from '../ports/venue.js';
import { streamAccount } from './account.js';
import { eventually } from '../../test/support/eventually.js';

const unavailable = new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'order', detail: 'gone' });
const gone = (): Promise<never> => Promise.reject(unavailable);
const lost = failure('VENUE_OUTCOME_UNKNOWN', { order: 'x', venue: 'paper', detail: 'cut' });

describe('streamAccount, on a real ledger and paper venue', () => {
  let stack: TradingStack;
  let orders: OrderActivities;
  let bars: ReturnType<typeof createMarketStore>;
  let pool: ReturnType<typeof openPool>;
  /** What the test does to the venue, and how far our clock is ahead of the real one: waits are not waited out. */
  let reads: Partial<VenueReader> = {};
  let isStreaming = true;
  const TRADED = [{ instrument: INSTRUMENT, intervalMs: 1_000 }];
  let traded = TRADED;
  let aheadMs = 0;
  /** Ticks that have begun. */
  let ticks = 0;
  let bar = 0;
  const clock = (): number => Date.now() + aheadMs;

  beforeAll(async () => {
    stack = await openTradingStack({
      venueOf: (venue): Venue => ({
        ...venue,
        reader: new Proxy(venue.reader, {
          get: (target, key: keyof VenueReader) => reads[key] ?? target[key],
        }),
        streams: {
          ...venue.streams,
          watchAccount: (onEvent, signal) => {
            emit = onEvent;
            if (isStreaming) return venue.streams.watchAccount(onEvent, signal);
            return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
          },
        },
      }),
    });
    orders = createOrderActivities(stack.dependencies);
    pool = openPool(stack.database.url, { applicationName: 'test' });
    bars = createMarketStore(pool);
  });
  afterAll(async () => {
    await pool?.end();
    await stack?.close();
  });

  let emit: (event: StreamEvent) => void = () => {};
  let environment: MockActivityEnvironment;
  let stopping: AbortController;
  const running: Promise<void>[] = [];
  const warnings: string[] = [];
  const woken: PositionKey[] = [];
  const reconciled: string[] = [];
  const watch = (): void => {
    const dependencies = {
      books: {
        store: {
          ...stack.dependencies.store,
          watchedOrders: (account: string) => ((ticks += 1), stack.dependencies.store.watchedOrders(account)),
        },
        epoch: stack.dependencies.epoch,
      },
      venueOf: stack.dependencies.venueOf,
      venueNameOf: () => 'paper',
      bars,
      resolve: createResolve(stack.dependencies),
      protection: stack.protection,
      owners: { wake: async () => undefined, revive: async (key: PositionKey) => (woken.push(key), false) },
      reconciliations: { start: async (account: string, scope: string) => void reconciled.push(`${account} ${scope}`) },
      tradedOf: () => traded,
      watchersOf: () => 1,
      clock,
      stopping: stopping.signal,
      log: { warn: (data: { error?: string }, message: string) => void warnings.push(`${message}: ${data.error ?? ''}`) },
    };
    const one: Promise<void> = environment.run(streamAccount, dependencies, ACCOUNT);
    one.catch(() => undefined);
    running.push(one);
  };
  beforeEach(() => {
    [reads, isStreaming, aheadMs, traded, emit] = [{}, true, 0, TRADED, () => {}];
    environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    stopping = new AbortController();
    running.length = 0;
    warnings.length = 0;
  });
  afterEach(async () => {
    environment.cancel();
    await Promise.allSettled(running);
    reads = {};
    // Flat again, for the next test.
    const signal = stack.signal('close', (bar += 1_000));
    if ((await orders.authorise(signal)).kind !== 'authorised') return;
    const intentId = intentIdOf(signal);
    await orders.record(intentId, await orders.submit(intentId, ACCOUNT));
    await until(intentId, (order) => order.isFinal || orders.resolve(intentId).then(() => false));
  });

  const until = (intentId: string, condition: (order: StoredOrder) => boolean | Promise<boolean>): Promise<StoredOrder> =>
    eventually(async () => {
      const order = await stack.dependencies.store.order(intentId);
      if (order === undefined || !(await condition(order))) throw new Error(`order ${intentId} is ${order?.status}`);
      return order;
    });
  const authorised = async (): Promise<string> => {
    const signal = stack.signal('open', (bar += 1_000));
    expect(await orders.authorise(signal)).toMatchObject({ kind: 'authorised' });
    return intentIdOf(signal);
  };
  /** Sent and filled at the venue; the process that sent it told nobody. */
  const sent = async (): Promise<string> => {
    const intentId = await authorised();
    expect(await orders.submit(intentId, ACCOUNT)).toMatchObject({ kind: 'accepted' });
    return intentId;
  };
  /** Sent and filled; the ledger knows the venue's id and none of the fills. */
  const accepted = async (): Promise<string> => {
    const intentId = await authorised();
    const submission = await orders.submit(intentId, ACCOUNT);
    if (submission.kind !== 'accepted') throw new Error(submission.kind);
    await orders.record(intentId, { ...submission, order: { ...submission.order, status: 'accepted' }, fills: [] });
    return intentId;
  };
  /** As if so much time had gone by for it in the database. @returns when it changed last, as the row says now */
  const aged = async (intentId: string, ms: number): Promise<Date | undefined> => {
    const since = `- $2 * interval '1 ms'`;
    const { rows } = await stack.database.pool.query<{ updated_at: Date }>(
      `update orders set created_at = created_at ${since}, updated_at = updated_at ${since} where intent_id = $1 returning updated_at`,
      [intentId, ms],
    );
    return rows[0]?.updated_at;
  };
  /** How long an order stood unchanged since then until it was final, as the database says; undefined while it is not. */
  const finalAfterMs = async (intentId: string, since: Date | undefined): Promise<number | undefined> => {
    const { rows } = await stack.database.pool.query<{ final_at: Date | null }>('select final_at from orders where intent_id = $1', [
      intentId,
    ]);
    const finalAt = rows[0]?.final_at ?? undefined;
    return finalAt === undefined || since === undefined ? undefined : finalAt.getTime() - since.getTime();
  };
  const incidents = async (): Promise<string[]> => {
    const { rows } = await stack.database.pool.query<{ kind: string }>('select kind from incidents order by incident_id');
    return rows.map(({ kind }) => kind);
  };

  it('P15, P16: what the stream shows is booked, once, also by two that watch at once', async () => {
    watch();
    watch();
    const intentId = await sent();
    await until(intentId, (order) => order.status === 'filled');
    environment.cancel();
    await Promise.allSettled(running);
    expect(await disagreements(stack.database.pool, ACCOUNT, stack.witness())).toEqual([]);
    expect(await incidents()).toEqual([]);
  });

  it('P16: a gap of the stream is made good, again and again until the venue answers', async () => {
    isStreaming = false;
    const intentId = await accepted();
    reads = { fills: gone, lookUp: gone };
    watch();
    await eventually(() => expect(warnings.some((line) => line.startsWith('catch-up failed'))).toBe(true));
    emit({ kind: 'gap', reason: 'a test' });
    await eventually(() => expect(warnings.some((line) => line.startsWith('gap failed'))).toBe(true));
    expect(await stack.dependencies.store.order(intentId)).toMatchObject({ status: 'accepted', executedQuantity: '0' });
    // Only the fills come back: it is the catch-up that books them, not the poll.
    reads = { lookUp: gone };
    aheadMs = 2_500;
    await until(intentId, (order) => order.status === 'filled');
  });

  it('P16: so is what an instrument has filled that has left the configuration, while something of it is held or rests', async () => {
    isStreaming = false;
    const intentId = await accepted();
    // Nobody but the catch-up sees its fills.
    [traded, reads] = [[], { lookUp: gone }];
    watch();
    await until(intentId, (order) => order.status === 'filled');
    const close = stack.signal('close', (bar += 1_000));
    expect(await orders.authorise(close)).toMatchObject({ kind: 'authorised' });
    const submission = await orders.submit(intentIdOf(close), ACCOUNT);
    if (submission.kind !== 'accepted') throw new Error(submission.kind);
    await orders.record(intentIdOf(close), { ...submission, order: { ...submission.order, status: 'accepted' }, fills: [] });
    emit({ kind: 'gap', reason: 'a test' });
    await until(intentIdOf(close), (order) => order.status === 'filled');
  });

  it('P16: after a long silence it reaches back to where it had been', async () => {
    isStreaming = false;
    const froms: number[] = [];
    reads = { fills: async (_, from) => (froms.push(from), []) };
    const begunAt = Date.now();
    watch();
    await eventually(() => expect(froms).toHaveLength(1));
    reads = { fills: gone, lookUp: gone };
    aheadMs = 3_600_000;
    emit({ kind: 'gap', reason: 'the venue went away' });
    await eventually(() => expect(warnings.some((line) => line.startsWith('gap failed'))).toBe(true));
    reads = { fills: async (_, from) => (froms.push(from), []), lookUp: gone };
    emit({ kind: 'gap', reason: 'an hour later' });
    await eventually(() => expect(froms.length).toBeGreaterThan(1));
    expect(froms.at(-1)).toBeLessThan(begunAt - 590_000);
  });

  it('P16: a working order is polled, though the stream shows nothing', async () => {
    isStreaming = false;
    const intentId = await accepted();
    reads = { fills: gone };
    await aged(intentId, 2_500);
    watch();
    await until(intentId, (order) => order.status === 'filled');
  });

  it.each([
    ['as the database’s', 0],
    ['a minute ahead of the database’s', 60_000],
    ['a minute behind the database’s', -60_000],
  ])('P15: an authorised order that no workflow owns is proven unsent in its time, with a clock %s', async (_, skewMs) => {
    aheadMs = skewMs;
    const intentId = await authorised();
    const before = stack.witness().orders.size;
    watch();
    await ticked();
    const since = await aged(intentId, 4_000);
    aheadMs += 5_000;
    await ticked();
    // On a busy machine its time may be over by now; it is never ended before.
    expect((await finalAfterMs(intentId, since)) ?? Infinity).toBeGreaterThanOrEqual(7_000);
    await aged(intentId, 3_500);
    expect(await until(intentId, (order) => order.isFinal)).toMatchObject({ status: 'expired', reservedNotional: '0' });
    expect(await orders.submit(intentId, ACCOUNT)).toEqual({ kind: 'settled', status: 'expired' });
    expect(stack.witness().orders.size).toBe(before);
  });

  it('P11: an order whose sender died is fenced, looked up, and found', async () => {
    isStreaming = false;
    const intentId = await sent();
    reads = { fills: gone };
    await aged(intentId, 15_500);
    watch();
    await until(intentId, (order) => order.status === 'filled');
  });

  it('P13: an order that was called not placed stays on watch, and is adopted with an incident', async () => {
    isStreaming = false;
    const intentId = await sent();
    // A venue slower than its bound: its look-up shows the order too late.
    reads = {
      lookUp: async () => ({ kind: 'absent', venueTime: Date.now() + 60_000 }),
      fills: gone,
    };
    await orders.record(intentId, { kind: 'unknown', failure: lost });
    expect((await orders.resolve(intentId)).order.status).toBe('notPlaced');
    reads = { fills: gone };
    await aged(intentId, 61_000);
    watch();
    await until(intentId, (order) => order.status === 'filled');
    expect(await incidents()).toContain('evidenceAfterFinal');
    const { rows } = await stack.database.pool.query('select instrument, reason from blocked_instruments');
    expect(rows).toMatchObject([{ instrument: INSTRUMENT, reason: expect.stringContaining(intentId) }]);
    await stack.database.pool.query('delete from blocked_instruments');
    expect(await disagreements(stack.database.pool, ACCOUNT, stack.witness())).toEqual([]);
  });

  it('P11: an order unknown for a minute is an incident, once, also while the venue cannot be asked', async () => {
    isStreaming = false;
    const intentId = await authorised();
    const begun = await stack.dependencies.store.beginSubmit({ intentId, epoch: 1, signedTimestamp: Date.now(), receiveWindowMs: 500 });
    expect(begun).toMatchObject({ kind: 'submitting' });
    await orders.record(intentId, { kind: 'unknown', failure: lost });
    reads = { lookUp: gone, fills: gone };
    await aged(intentId, 61_000);
    watch();
    await eventually(async () => expect(await incidents()).toContain('unknownOverAMinute'));
    const polls = warnings.length;
    aheadMs = 90_000;
    await eventually(() => expect(warnings.length).toBeGreaterThan(polls + 1));
    expect((await incidents()).filter((kind) => kind === 'unknownOverAMinute')).toHaveLength(1);
    expect(await stack.dependencies.store.order(intentId)).toMatchObject({ status: 'unknown', isFinal: false });
    reads = { fills: gone };
    aheadMs = 120_000;
    expect(await until(intentId, (order) => order.isFinal)).toMatchObject({ status: 'notPlaced' });
  });

  it('P16: people are told once when nothing is heard of a resting order for a minute, and once when it is over', async () => {
    isStreaming = false;
    const intentId = await accepted();
    reads = { lookUp: gone, fills: gone };
    await aged(intentId, 2_500);
    const told = async (): Promise<readonly unknown[]> =>
      (
        await stack.database.pool.query<{ orders: readonly { readonly intentId: string }[]; open: boolean }>(
          `select data->'orders' as orders, closed_at is null as open from incidents where kind = 'lookUpsFail'`,
        )
      ).rows.map(({ orders: of, open }) => [of.map((one) => one.intentId), open]);
    watch();
    watch();
    const failed = (): number => warnings.filter((line) => line.startsWith(`poll of ${intentId}`)).length;
    await eventually(() => expect(failed()).toBeGreaterThan(0));
    expect(await told()).toEqual([]);
    aheadMs = 61_000;
    await eventually(async () => expect(await told()).toEqual([[[intentId], true]]));
    aheadMs = 90_000;
    const before = failed();
    await eventually(() => expect(failed()).toBeGreaterThan(before + 1));
    expect(await told()).toHaveLength(1);
    reads = { fills: gone };
    aheadMs = 120_000;
    await until(intentId, (order) => order.status === 'filled');
    await stack.database.pool.query(`update episodes set seen_at = seen_at - interval '1 hour'`);
    aheadMs = 150_000;
    await eventually(async () => expect(await told()).toEqual([[[intentId], false]]));
    const { rows } = await stack.database.pool.query(`select severity from alerts where kind = 'incident.over'`);
    expect(rows).toEqual([{ severity: 'warning' }]);
  });

  it('a fill that is none of ours is an incident, and changes no position', async () => {
    watch();
    const fill = { venueTradeId: '900', venueOrderId: '901', clientOrderId: 'theirs', instrument: INSTRUMENT, side: 'buy' as const };
    const amounts = { price: '1' as DecimalText, quantity: '1' as DecimalText, fee: '0' as DecimalText, feeAsset: 'BTC' };
    const event: StreamEvent = { kind: 'fill', fill: { ...fill, ...amounts, liquiditySide: 'taker', eventTime: Date.now() } };
    emit(event);
    emit(event);
    await eventually(async () => expect((await incidents()).filter((kind) => kind === 'foreignFill')).toHaveLength(1));
    expect(await disagreements(stack.database.pool, ACCOUNT, stack.witness())).toEqual([]);
  });

  it('P13: so is one that only a list tells, beside an order that was proven absent and is on watch', async () => {
    const intentId = await authorised();
    await stack.dependencies.store.beginSubmit({
      intentId,
      epoch: stack.dependencies.epoch,
      signedTimestamp: Date.now(),
      receiveWindowMs: 500,
    });
    await orders.record(intentId, { kind: 'unknown', failure: lost });
    await until(intentId, (order) => order.status === 'notPlaced' || orders.resolve(intentId).then(() => false));
    const theirs = {
      venueTradeId: '910',
      venueOrderId: '911',
      instrument: INSTRUMENT,
      side: 'buy' as const,
      liquiditySide: 'taker' as const,
    };
    const amounts = { price: '1' as DecimalText, quantity: '1' as DecimalText, fee: '0' as DecimalText, feeAsset: 'BTC' };
    expect(await bookFill(stack.dependencies, ACCOUNT, { ...theirs, ...amounts, eventTime: Date.now() })).toBeUndefined();
    const { rows } = await stack.database.pool.query(
      `select data->>'venueTradeId' as trade from incidents where data->>'venueTradeId' = '910'`,
    );
    expect(rows).toEqual([{ trade: '910' }]);
  });

  it('a worker that stops hands over to another', async () => {
    watch();
    stopping.abort();
    await expect(running[0]).rejects.toMatchObject({ type: 'WORKER_STOPS', nonRetryable: false });
  });

  /** Waits until a tick that begins from now on has ended. */
  async function ticked(): Promise<void> {
    const before = ticks;
    // The second one begins when the first has ended.
    await eventually(() => expect(ticks).toBeGreaterThan(before + 1));
  }
});
