import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { applyEvent } from '../../activities/order/evidence.js';
import type { HaltCause } from '../../activities/ports/halt.js';
import type { OrderStore } from '../../activities/ports/store.js';
import type { OrderRequest, SubmitVerdict, Venue } from '../../activities/ports/venue.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import type { Latch } from '../../core/control/mode.js';
import type { DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { signalWorkflowId, type TradeSignal } from '../../core/signal/signal.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import {
  ACCOUNT,
  INSTRUMENT,
  LIMITS,
  openTradingStack,
  startWorker,
  type StackWorker,
  type TradingStack,
} from '../../test/support/trading-stack.js';
import { disagreements } from '../../test/support/witness.js';
import { killWorkflowId } from '../names.js';
import type { OrderOutcome } from '../order/status.js';
import { killStateQuery, type KillState } from './messages.js';

const temporal = await temporalIfAny();
const CAUSE: HaltCause = { subject: 'watch', underKey: null, reason: 'a test', policy: 'atOnce' };
const STRATEGIES = ['momentum', 'other'] as const;
const LIMIT = { timeout: 30_000, interval: 20 };
const d = (text: string): DecimalText => text as DecimalText;

describe.skipIf(temporal === undefined)('killSwitch, in a part of an account, and in the states of a stop', () => {
  let stack: TradingStack;
  let worker: StackWorker;
  let halts: HaltStore;
  let sending: ((request: OrderRequest) => Promise<void>) | undefined;
  let beginning: ((order: StoredOrder) => Promise<void>) | undefined;
  let bar = 0;
  /** Lets go on what a test holds back; also when the test fails meanwhile. */
  let release = (): void => undefined;

  beforeAll(async () => {
    const opened = await openTradingStack({
      venueOf: (venue: Venue) => ({
        ...venue,
        sender: {
          submit: async (request, deadlineMs): Promise<SubmitVerdict> => {
            await sending?.(request);
            return venue.sender.submit(request, deadlineMs);
          },
        },
      }),
    });
    const { store } = opened.dependencies;
    const held: OrderStore = {
      ...store,
      beginSubmit: async (input) => {
        const order = await store.order(input.intentId);
        if (order !== undefined) await beginning?.(order);
        return store.beginSubmit(input);
      },
    };
    stack = { ...opened, dependencies: { ...opened.dependencies, store: held } };
    await createControlStore(stack.pool).applyConfiguration({
      ...{ account: ACCOUNT, venue: 'paper', limits: LIMITS, subject: 'test' },
      strategies: STRATEGIES.map((strategy) => ({ strategy, instrument: INSTRUMENT, version: '1', modelHash: 'none' })),
    });
    halts = openHaltStore(stack.database.url);
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
  });
  afterAll(async () => {
    await halts?.close();
    await worker?.stop();
    await stack?.close();
  });
  afterEach(async () => {
    release();
    [sending, beginning] = [undefined, undefined];
    stack.paper.movePrice('BTCUSDT', unitsOf('50000'), 0n);
    // What a narrow halt has left goes, too.
    await halts.latch({ scope: 'account', scopeValue: ACCOUNT }, CAUSE);
    await vi.waitFor(async () => {
      const left = JSON.stringify([await held(), await openAtVenue()]);
      if (left !== '[[0,0],[]]') throw new Error(`the halt has left ${left}`);
    }, LIMIT);
    // As a re-arm would, without its conditions.
    await stack.database.pool.query(`update latches set released_at = clock_timestamp() where released_at is null`);
    await stack.database.pool.query(`insert into outbox (kind, data) values ('haltChanged', jsonb_build_object('account', $1::text))`, [
      ACCOUNT,
    ]);
    await kill()
      .result()
      .catch(() => undefined);
    await stack.database.pool.query('update incidents set closed_at = clock_timestamp(); delete from blocked_instruments');
  });

  const start = (signal: TradeSignal): Promise<WorkflowHandle> =>
    worker.client.workflow.start('signalToOrder', {
      taskQueue: worker.taskQueue,
      workflowId: signalWorkflowId(signal),
      args: [signal],
      workflowTaskTimeout: '5s',
    });
  const signal = async (leg: TradeSignal['leg'], strategy: string): Promise<TradeSignal> => {
    // A file may take longer than what was seen when it began stays fresh.
    stack.market.seePrice(ACCOUNT, INSTRUMENT, d('50000'), { seenTime: Date.now() });
    stack.market.seeClock(ACCOUNT, await stack.venue.reader.clock());
    return { ...stack.signal(leg, (bar += 1_000)), strategy };
  };
  const open = async (strategy: string): Promise<OrderOutcome> =>
    (await start(await signal('open', strategy))).result() as Promise<OrderOutcome>;
  const buy = async (strategy = 'momentum'): Promise<void> => expect(await open(strategy)).toMatchObject({ status: 'filled', codes: [] });
  const orders = async (where: string): Promise<StoredOrder[]> => {
    const { rows } = await stack.pool.query<{ o: StoredOrder }>(
      `select order_json(o) as o from orders o where account = $1 and ${where} order by created_at, sequence`,
      [ACCOUNT],
    );
    return rows.map((row) => row.o);
  };
  const stopOf = async (strategy = 'momentum'): Promise<StoredOrder | undefined> =>
    (await orders(`purpose = 'stop' and final_at is null and strategy = '${strategy}'`))[0];
  const resting = (strategy = 'momentum'): Promise<StoredOrder> =>
    vi.waitFor(async () => {
      const stop = await stopOf(strategy);
      expect(stop).toMatchObject({ status: 'accepted' });
      return stop as StoredOrder;
    }, LIMIT);
  /** What each strategy holds; less than the venue would take is nothing. */
  const held = (): Promise<number[]> =>
    Promise.all(
      STRATEGIES.map(async (strategy) => {
        const { quantity } = await stack.dependencies.store.position({ account: ACCOUNT, strategy, instrument: INSTRUMENT });
        return quantity.lt('0.00002') ? 0 : quantity.toNumber();
      }),
    );
  const kill = (): WorkflowHandle => worker.client.workflow.getHandle(killWorkflowId(ACCOUNT));
  const verified = (): Promise<KillState> =>
    vi.waitFor(async () => {
      const seen = await kill().query(killStateQuery);
      expect(seen).toMatchObject({ phase: 'verified', unverified: [] });
      return seen;
    }, LIMIT);
  const openAtVenue = async (): Promise<string[]> => (await stack.venue.haltReader.openOrders()).map((one) => one.clientOrderId).toSorted();
  const agrees = async (): Promise<void> => {
    const found = await disagreements(stack.database.pool, ACCOUNT, stack.witness());
    expect(found.filter((one) => !one.includes('somebody-else'))).toEqual([]);
  };

  it.each<readonly [Latch, sold: readonly boolean[], foreignGoes: boolean]>([
    [{ scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT }, [true, false], false],
    [{ scope: 'strategy', scopeValue: 'other' }, [false, true], false],
    [{ scope: 'instrument', scopeValue: INSTRUMENT }, [true, true], false],
    [{ scope: 'instrument', scopeValue: 'ETH/USDT', account: ACCOUNT }, [false, false], false],
    [{ scope: 'venue', scopeValue: 'paper' }, [true, true], true],
    [{ scope: 'account', scopeValue: ACCOUNT }, [true, true], true],
    [{ scope: 'everything', scopeValue: '' }, [true, true], true],
  ])('P28, P29: %j is verified when what is in it is sold, and what is not stays with its stop', async (latch, sold, foreignGoes) => {
    for (const strategy of STRATEGIES) await buy(strategy);
    const stops = [await resting('momentum'), await resting('other')];
    const foreign = `somebody-else-${randomUUID().slice(0, 8)}`;
    const terms = { instrument: INSTRUMENT, side: 'sell', type: 'limit', postOnly: false, timeInForce: 'GTC' } as const;
    const placed = { clientOrderId: foreign, quantity: d('0.5'), price: d('60000'), signedTimestamp: Date.now(), receiveWindowMs: 1_000 };
    expect(await stack.venue.sender.submit({ ...terms, ...placed }, 1_000)).toMatchObject({ kind: 'accepted' });
    const before = await held();

    await halts.latch(latch, CAUSE);
    await verified();
    expect(await held()).toEqual(before.map((quantity, index) => (sold[index] ? 0 : quantity)));
    const kept = stops.filter((_, index) => !sold[index]).map((stop) => stop.clientOrderId);
    expect(await openAtVenue()).toEqual([...kept, ...(foreignGoes ? [] : [foreign])].toSorted());
    await agrees();
    // What is in it opens nothing; the rest only denies what it holds already.
    for (const [index, strategy] of STRATEGIES.entries()) {
      expect((await open(strategy)).codes.includes('RISK_KILLED')).toBe(sold[index]);
    }
  });

  /** Holds back what comes first. @returns when it has come */
  const heldBack = (take: (hold: () => Promise<void>) => void): Promise<void> =>
    new Promise((reached) => {
      take(async () => {
        reached();
        await new Promise<void>((done) => (release = done));
      });
    });
  /** Each leaves a stop of what was bought in a state of its life. @returns what is to be done after the halt was called. */
  const STATES: Readonly<Record<string, () => Promise<(() => Promise<void>) | void>>> = {
    async 'authorised and not sent'() {
      const reached = heldBack((hold) => {
        beginning = async ({ purpose }) => (purpose === 'stop' ? hold() : undefined);
      });
      await buy();
      await reached;
      expect(await stopOf()).toMatchObject({ status: 'authorised' });
      return async () => {
        await verified();
        // Whoever had it begins to send: it was proven unsent meanwhile.
        release();
      };
    },
    async 'in flight, and late'() {
      const reached = heldBack((hold) => {
        sending = async ({ stopPrice }) => (stopPrice === undefined ? undefined : hold());
      });
      await buy();
      await reached;
      expect(await stopOf()).toMatchObject({ status: 'submitting' });
      return async () => {
        await vi.waitFor(async () => expect(await orders(`purpose = 'stop' and status = 'notPlaced'`)).not.toEqual([]), LIMIT);
        release();
      };
    },
    async 'partially filled'() {
      await buy();
      const { price } = await resting();
      // It wakes under its limit, and rests; then somebody takes a part of it.
      stack.paper.movePrice('BTCUSDT', unitsOf('48000'), 0n);
      await vi.waitFor(async () => expect((await stopOf())?.triggeredTime).not.toBeNull(), LIMIT);
      stack.paper.movePrice('BTCUSDT', unitsOf(String(Number(price) + 1)), unitsOf('0.004'));
      await vi.waitFor(async () => expect(await orders(`purpose = 'stop' and executed_quantity > 0`)).not.toEqual([]), LIMIT);
    },
    async 'being canceled by its owner'() {
      await buy();
      await applyEvent(stack.dependencies, (await resting()).intentId, { kind: 'requestCancel' });
    },
    async 'taken away for an exit that is in flight'() {
      await buy();
      await resting();
      const reached = heldBack((hold) => {
        sending = async ({ side, stopPrice }) => (side === 'sell' && stopPrice === undefined ? hold() : undefined);
      });
      await start(await signal('close', 'momentum'));
      await reached;
      expect(await orders(`purpose = 'exit' and final_at is null`)).toMatchObject([{ status: 'submitting' }]);
      // Only the owner's is late.
      sending = undefined;
      return async () => {
        await vi.waitFor(async () => expect(await orders(`purpose = 'exit' and status = 'notPlaced'`)).not.toEqual([]), LIMIT);
        release();
      };
    },
  };
  it.each(Object.keys(STATES))('P22, P25: what a stop protects is sold once, while the stop is %s', async (name) => {
    const after = await STATES[name]?.();
    await halts.latch({ scope: 'account', scopeValue: ACCOUNT }, CAUSE);
    await after?.();
    await verified();
    expect(await held()).toEqual([0, 0]);
    expect(await openAtVenue()).toEqual([]);
    expect(await orders('final_at is null')).toEqual([]);
    await agrees();
  });
});
