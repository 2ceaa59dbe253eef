import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { failure, KeelsonError } from '../../core/errors.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { planProtection } from '../../core/protection/plan.js';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import { intentIdOf, signalId, signalWorkflowId, type TradeSignal } from '../../core/signal/signal.js';
import type { OrderRequest, SubmitVerdict, Venue, VenueReader } from '../../activities/ports/venue.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { VENUE_ACCOUNT } from '../../test/support/paper-account.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import {
  ACCOUNT,
  INSTRUMENT,
  openTradingStack,
  startWorker,
  type StackWorker,
  type TradingStack,
} from '../../test/support/trading-stack.js';
import { disagreements } from '../../test/support/witness.js';
import { decimal, floorToStep } from '../../core/money/index.js';
import type { OrderOutcome } from '../order/status.js';
import { doingQuery, positionChangedSignal } from './messages.js';
import { runPage } from '../../test/support/run-page.js';
import { eventually } from '../../test/support/eventually.js';

const temporal = await temporalIfAny();
const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };

describe.skipIf(temporal === undefined)('protectPosition, on a real server, ledger and paper venue', () => {
  let stack: TradingStack;
  let sending: ((request: OrderRequest, send: () => Promise<SubmitVerdict>) => Promise<SubmitVerdict>) | undefined;
  /** What a look-up does instead of asking, and what a cancel waits for before it asks. */
  let lookUp: VenueReader['lookUp'] | undefined;
  let beforeCancel: (() => Promise<void>) | undefined;
  let worker: StackWorker;
  let bar = 0;

  beforeAll(async () => {
    stack = await openTradingStack({
      venueOf: (venue: Venue) => ({
        ...venue,
        reader: new Proxy(
          {
            ...venue.reader,
            cancel: (...order) => (beforeCancel?.() ?? Promise.resolve()).then(() => venue.reader.cancel(...order)),
          } satisfies VenueReader,
          {
            get: (target, key: keyof VenueReader) => (key === 'lookUp' ? lookUp : undefined) ?? target[key],
          },
        ),
        sender: {
          submit: (request, deadlineMs) => {
            const send = (): Promise<SubmitVerdict> => venue.sender.submit(request, deadlineMs);
            return sending === undefined ? send() : sending(request, send);
          },
        },
      }),
    });
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
  });
  afterEach(() => {
    [sending, lookUp, beforeCancel] = [undefined, undefined, undefined];
    move('50000');
  });
  afterAll(async () => {
    await worker?.stop();
    await stack?.close();
  });

  const run = (signal: TradeSignal): Promise<OrderOutcome> =>
    worker.client.workflow.execute('signalToOrder', {
      taskQueue: worker.taskQueue,
      workflowId: signalWorkflowId(signal),
      args: [signal],
      workflowTaskTimeout: '5s',
    });
  const buy = async (): Promise<void> => expect(await run(next('open'))).toMatchObject({ status: 'filled', codes: [] });
  const next = (leg: TradeSignal['leg']): TradeSignal => stack.signal(leg, (bar += 1_000));
  const orders = async (purpose: string): Promise<StoredOrder[]> => {
    const { rows } = await stack.pool.query<{ o: StoredOrder }>(
      'select order_json(o) as o from orders o where purpose = $1 order by created_at, sequence',
      [purpose],
    );
    return rows.map((row) => row.o);
  };
  const resting = (): Promise<StoredOrder> =>
    eventually(async () => {
      const stop = (await orders('stop')).findLast((order) => !order.isFinal);
      expect(stop).toMatchObject({ status: 'accepted' });
      return stop as StoredOrder;
    });
  const held = async (): Promise<string> => (await stack.dependencies.store.position(KEY)).quantity.toFixed();
  const owner = (): WorkflowHandle => worker.client.workflow.getHandle(ownerWorkflowId(KEY));
  // The owner is woken a moment after the fill: until the position is sold, the run before it is the latest, and ended.
  const gone = async (): Promise<void> => {
    await eventually(async () => expect(Number(await held())).toBeLessThan(0.00001), 30_000);
    await owner().result();
    await eventually(async () => expect(await disagreements(stack.database.pool, ACCOUNT, stack.witness())).toEqual([]));
  };
  const move = (price: string): void => stack.paper.movePrice('BTCUSDT', unitsOf(price), 0n);

  it('a stop for exactly what was received rests after the fill, and an exit takes it away first', async () => {
    await buy();
    const stop = await resting();
    expect(stop).toMatchObject({ purpose: 'stop', type: 'stopMarket', side: 'sell', triggeredTime: null });
    // 2 % under what the entry cost, which the book of the moment decides.
    expect(Number(stop.stopPrice) / 49_000).toBeCloseTo(1, 2);
    const position = await stack.dependencies.store.position(KEY);
    expect(position.quantity.minus(stop.quantity).toNumber()).toBeLessThan(0.00001);
    const page = await eventually(async () => {
      const seen = await runPage(owner());
      expect(seen.currentDetails).toContain('a stop rests');
      return seen;
    });
    expect(page.summary).toBe(`owner of momentum’s position in ${INSTRUMENT} (${ACCOUNT})`);
    expect(page.currentDetails).toBe(
      [
        `**holds ${position.quantity.toFixed()}** ${INSTRUMENT} (momentum): a stop rests for all that is held`,
        `- **accepted** stop: sell ${stop.quantity} ${INSTRUMENT} when ${stop.stopPrice} is reached`,
      ].join('\n\n'),
    );
    expect(page.steps).toEqual(
      expect.arrayContaining(['what is held, and what protects it', 'authorises a stop', 'sends the order, once']),
    );
    expect(await run(next('close'))).toMatchObject({ status: 'filled' });
    expect(await orders('stop')).toMatchObject([{ status: 'canceled' }]);
    await gone();
    const { currentDetails, steps } = await runPage(owner());
    expect(currentDetails).toMatch(/^\*\*holds [\d.]+\*\* BTC\/USDT \(momentum\): done$/);
    expect(steps).toEqual(
      expect.arrayContaining(['authorises the exit, or names the stops in its way', 'cancels the order, and asks what became of it']),
    );
  });

  it('a stop that the price reaches sells all, and its owner ends', async () => {
    await buy();
    const stop = await resting();
    move('48000');
    await gone();
    const { intentId } = stop;
    expect((await orders('stop')).find((order) => order.intentId === intentId)).toMatchObject({ status: 'filled' });
  });

  it('P21: while a stop is unknown no second is sent, and the exit waits for it', async () => {
    let stopsSent = 0;
    sending = async (request, send) => {
      const verdict = await send();
      if (request.type === 'limit') return verdict;
      stopsSent += 1;
      return { kind: 'unknown', failure: failure('VENUE_OUTCOME_UNKNOWN', { order: 'x', venue: 'paper', detail: 'cut' }) };
    };
    await buy();
    await eventually(() => expect(stopsSent).toBe(1));
    expect(await run(next('close'))).toMatchObject({ status: 'filled' });
    await gone();
    expect(stopsSent).toBe(1);
    expect((await orders('stop')).every((order) => order.isFinal)).toBe(true);
  });

  it('P14: an exit that a person has decided is not made anew; what is held has its stop again', async () => {
    await buy();
    const before = await resting();
    const signal = next('close');
    // It never gets there, and while nobody can ask the venue nothing is proven.
    sending = async (request, send) => {
      if (request.type !== 'limit' || request.side !== 'sell') return send();
      lookUp = () => Promise.reject(new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'order', detail: 'gone' }));
      return { kind: 'unknown', failure: failure('VENUE_OUTCOME_UNKNOWN', { order: 'x', venue: 'paper', detail: 'cut' }) };
    };
    const exiting = run(signal);
    const intentId = intentIdOf(signal);
    await eventually(async () => expect(await stack.dependencies.store.order(intentId)).toMatchObject({ status: 'unknown' }), 30_000);
    await stack.database.pool.query(`update orders set updated_at = updated_at - interval '61 seconds' where intent_id = $1`, [intentId]);
    const decision = { intentId, subject: 'rik', reason: 'the venue says so', message: 'decided' };
    const { rows } = await stack.database.pool.query<{ answer: string }>('select decide_order($1) as answer', [decision]);
    expect(rows).toEqual([{ answer: 'done' }]);
    [lookUp, sending] = [undefined, undefined];
    expect(await exiting).toMatchObject({ status: 'notPlaced', executedQuantity: '0' });
    expect((await orders('exit')).filter(({ intentId: of }) => of.startsWith(signalId(signal)))).toMatchObject([
      { intentId, status: 'notPlaced' },
    ]);
    expect((await resting()).sequence).toBeGreaterThan(before.sequence);
    await stack.database.pool.query('delete from blocked_instruments');
    expect(await run(next('close'))).toMatchObject({ status: 'filled' });
    await gone();
  });

  it('P2, P20: an exit whose stop takes longer to go than its signal is valid sells all the same', async () => {
    await buy();
    const stop = await resting();
    const signal = { ...next('close'), validUntil: Date.now() + 1_500 };
    beforeCancel = () => eventually(() => expect(Date.now()).toBeGreaterThan(signal.validUntil));
    expect(await run(signal)).toMatchObject({ status: 'filled' });
    expect((await orders('stop')).find((one) => one.intentId === stop.intentId)).toMatchObject({ status: 'canceled' });
    await gone();
  });

  it('an exit that is denied leaves the stop where it is', async () => {
    await buy();
    const stop = await resting();
    const expired = { ...next('close'), validUntil: 1 };
    expect(await run(expired)).toMatchObject({ status: 'denied', codes: ['RISK_SIGNAL_EXPIRED'] });
    expect((await resting()).intentId).toBe(stop.intentId);
    expect(await run(next('close'))).toMatchObject({ status: 'filled' });
    await gone();
  });

  it('P19: an exit of more than the venue takes in one order goes on in parts until all is sold', async () => {
    await buy();
    await resting();
    const all = floorToStep(decimal(await held()), decimal('0.00001'));
    const most = floorToStep(all.mul('0.4'), decimal('0.00001')).toFixed();
    const setMost = (quantity: string): Promise<unknown> =>
      stack.database.pool.query(
        `update instruments set rules = rules || jsonb_build_object('maxQuantity', $2::text) where instrument = $1`,
        [INSTRUMENT, quantity],
      );
    const { rows } = await stack.pool.query<{ most: string }>(
      `select rules->>'maxQuantity' as most from instruments where instrument = $1`,
      [INSTRUMENT],
    );
    const before = (await orders('exit')).length;
    await setMost(most);
    try {
      expect(await run(next('close'))).toMatchObject({ status: 'filled', executedQuantity: all.toFixed() });
    } finally {
      await setMost(rows[0]?.most ?? '');
    }
    const parts = (await orders('exit')).slice(before);
    expect(parts).toMatchObject([{ quantity: most }, { quantity: most }, { status: 'filled' }]);
    await gone();
  });

  it('a stop beside a changed tick is placed anew on the grid of now; a raised minimum takes none away', async () => {
    const told = async (): Promise<string> => {
      const { rows } = await stack.pool.query<{ rules: string }>('select rules::text as rules from instruments where instrument = $1', [
        INSTRUMENT,
      ]);
      return rows[0]?.rules ?? '';
    };
    const change = (rules: object): Promise<unknown> =>
      stack.pool.query('update instruments set rules = rules || $2 where instrument = $1', [INSTRUMENT, rules]);
    const before = await told();
    await buy();
    const stop = await resting();
    try {
      await change({ minNotional: '1000000', minQuantity: '10' });
      expect(planProtection(KEY, await stack.protection.readProtection(KEY))).toEqual({ kind: 'rest', because: 'protected' });
      expect(await stack.protection.unprotected(ACCOUNT)).toEqual([]);

      // Nobody tells its owner: who looks after owners sees that the stop is not right any more.
      await change({ ...(JSON.parse(before) as object), tickSize: '1000' });
      const anew = await eventually(async () => {
        const order = (await orders('stop')).at(-1);
        expect(order).toMatchObject({ status: 'accepted', sequence: stop.sequence + 1, quantity: stop.quantity });
        return order as StoredOrder;
      }, 30_000);
      expect(
        decimal(anew.stopPrice ?? '1')
          .mod(1_000)
          .toNumber(),
      ).toBe(0);
      expect((await orders('stop')).at(-2)).toMatchObject({ intentId: stop.intentId, status: 'canceled' });
    } finally {
      await change(JSON.parse(before) as object);
    }
    expect(await run(next('close'))).toMatchObject({ status: 'filled' });
    await gone();
  });

  it('P19, P21: where less is there than the position says, stop and exit are for what is there, and people are told once', async () => {
    const missing = '0.001';
    const setInventory = (quantity: string): Promise<unknown> =>
      stack.database.pool.query(
        `insert into inventory as i (account, asset, quantity) values ($1, 'BTC', $2)
         on conflict (account, asset) do update set quantity = excluded.quantity`,
        [ACCOUNT, quantity],
      );
    const {
      rows: [before],
    } = await stack.pool.query<{ inventory: string; ledger: string }>(
      `select coalesce((select quantity from inventory where account = $1 and asset = 'BTC'), 0)::text as inventory,
         coalesce((select quantity from ledger_balances where account = $1 and asset = 'BTC'), 0)::text as ledger`,
      [ACCOUNT],
    );
    const { inventory, ledger } = before as { inventory: string; ledger: string };
    const told = async (): Promise<number> => {
      const { rows } = await stack.pool.query(`select from incidents where account = $1 and kind = 'positionUncovered'`, [ACCOUNT]);
      return rows.length;
    };
    const toldBefore = await told();
    await setInventory(
      decimal(await held())
        .minus(missing)
        .minus(ledger)
        .toFixed(),
    );
    await buy();
    const stop = await resting();
    const there = decimal(await held()).minus(missing);
    expect(there.minus(stop.quantity).toNumber()).toBeGreaterThanOrEqual(0);
    expect(there.minus(stop.quantity).toNumber()).toBeLessThan(0.00001);
    await eventually(async () => expect(await told()).toBe(toldBefore + 1), 30_000);
    // Protected as far as may be, and people know: its owner is not woken for it again and again, and no check says that it lacks its stop.
    expect(await stack.protection.unprotected(ACCOUNT)).toEqual([]);
    expect((await runPage(owner())).currentDetails).toContain(`- **${missing}** of it is not there`);

    expect(await run(next('close'))).toMatchObject({ status: 'filled', executedQuantity: stop.quantity });
    await eventually(async () => expect(await owner().query(doingQuery)).toBe('resting: short'), 30_000);
    expect(await told()).toBe(toldBefore + 1);
    expect(await stack.protection.unprotected(ACCOUNT)).toEqual([]);

    await setInventory(inventory);
    expect(await stack.protection.unprotected(ACCOUNT)).toHaveLength(1);
    await owner().signal(positionChangedSignal);
    await eventually(async () => expect((await orders('stop')).at(-1)).toMatchObject({ status: 'accepted', quantity: missing }), 30_000);
    expect(await run(next('close'))).toMatchObject({ status: 'filled', executedQuantity: missing });
    await gone();
  });

  it('a stop whose price is reached already is refused, and what is held leaves at once', async () => {
    sending = async (request, send) => {
      if (request.type !== 'limit') move('48500');
      return send();
    };
    await buy();
    await gone();
    expect((await orders('escape')).at(-1)).toMatchObject({ status: 'filled' });
  });

  it('a stop that another hand cancels again and again is placed anew each time; people are told once, and when it is over', async () => {
    const told = async (): Promise<readonly unknown[]> => {
      const { rows } = await stack.pool.query<{ ids: string[]; open: boolean }>(
        `select data->'intentIds' as ids, closed_at is null as open from incidents where kind = 'stopsTakenAway' order by incident_id`,
      );
      return rows.map(({ ids, open }) => [ids, open]);
    };
    await buy();
    const taken: string[] = [];
    for (let times = 0; times < 3; times += 1) {
      const { intentId } = await resting();
      const [atVenue] = stack.paper.orders.open(VENUE_ACCOUNT, 'BTCUSDT');
      if (atVenue === undefined) throw new Error('no stop rests at the venue');
      stack.paper.engine.cancel(atVenue, undefined, stack.paper.now());
      await eventually(async () => {
        const canceled = (await orders('stop')).find((order) => order.intentId === intentId);
        expect(canceled).toMatchObject({ status: 'canceled', failures: [{ code: 'ORDER_CANCELED_ELSEWHERE' }] });
      }, 30_000);
      taken.unshift(intentId);
    }
    expect(await resting()).not.toMatchObject({ intentId: taken[0] });
    expect(await told()).toEqual([[taken.slice(1), true]]);
    expect(await run(next('close'))).toMatchObject({ status: 'filled' });
    // The one that the exit has canceled is none of these.
    expect((await orders('stop')).at(-1)).toMatchObject({ status: 'canceled', failures: [] });
    await gone();
    await eventually(async () => expect(await told()).toEqual([[taken.slice(1), false]]), 30_000);
  });

  it.each([
    ['to nothing', '0'],
    ['to less', '0.6'],
    ['to more', '2'],
  ])('P18, P20: a row that somebody has changed %s takes no stop away, and nothing more is sold than was bought', async (_, factor) => {
    const row = (): Promise<{ quantity: string; cost: string }> =>
      stack.pool
        .query<{ quantity: string; cost: string }>('select quantity::text, cost::text from positions where account = $1', [ACCOUNT])
        .then(({ rows }) => rows[0] ?? { quantity: '0', cost: '0' });
    const change = (sql: string, values: readonly unknown[]): Promise<unknown> => stack.database.pool.query(sql, [...values]);
    const moveInventory = (by: string): Promise<unknown> =>
      change(
        `insert into inventory as i (account, asset, quantity) values ($1, 'BTC', $2)
         on conflict (account, asset) do update set quantity = i.quantity + excluded.quantity`,
        [ACCOUNT, by],
      );
    const setRow = ({ quantity, cost }: { quantity: string; cost: string }): Promise<unknown> =>
      change('update positions set quantity = $2, cost = $3 where account = $1', [ACCOUNT, quantity, cost]);
    const told = async (): Promise<readonly unknown[]> => {
      const incidents = `select data - 'stops' - 'escapes' - 'entered' as data from incidents where kind = 'positionContradicted' order by incident_id`;
      return (await stack.pool.query<{ data: unknown }>(incidents)).rows.map(({ data }) => data);
    };
    /** The next comparison pauses the account for it, whenever that is; a person lets it go on. */
    const goOn = (): Promise<unknown> => change(`update control set mode = 'normal', version = version + 1 where account = $1`, [ACCOUNT]);
    const closed = (): Promise<OrderOutcome> =>
      eventually(async () => {
        await goOn();
        const outcome = await run(next('close'));
        expect(outcome.codes).not.toContain('RISK_MODE');
        return outcome;
      }, 30_000);
    const before = (await told()).length;
    await buy();
    const stop = await resting();
    const right = await row();
    // Coins that were there before us: of a row that says too much they could be sold.
    if (factor === '2') await moveInventory(right.quantity);
    const kept = decimal(right.quantity).mul(factor).toFixed();
    await setRow({ ...right, quantity: kept });
    await owner().signal(positionChangedSignal);
    await eventually(async () => expect(await owner().query(doingQuery)).toBe('resting: contradicted'), 30_000);
    expect((await runPage(owner())).currentDetails).toContain(`- its fills add up to **${decimal(right.quantity).toFixed()}**`);
    await eventually(async () => expect((await told()).slice(before)).toMatchObject([{ kept, strategy: 'momentum' }]));
    await owner().signal(positionChangedSignal);
    expect(await stack.protection.unprotected(ACCOUNT)).toEqual([]);
    expect(await resting()).toMatchObject({ intentId: stop.intentId, quantity: stop.quantity });

    await closed();
    const most = Math.min(1, Number(factor)) * Number(right.quantity);
    const exit = (await orders('exit')).at(-1);
    expect(exit?.status).toBe(factor === '0' ? 'denied' : 'filled');
    expect(Number(exit?.quantity)).toBeLessThanOrEqual(most);
    if (factor === '0') expect(await resting()).toMatchObject({ intentId: stop.intentId });
    await eventually(async () => expect(await owner().query(doingQuery)).toBe('resting: contradicted'), 30_000);

    // A person mends the row: what its fills add up to.
    const { rows } = await stack.pool.query<{ filled: string }>('select quantity::text as filled from position_sums where account = $1', [
      ACCOUNT,
    ]);
    await setRow({ ...right, quantity: rows[0]?.filled ?? '0' });
    if (factor === '2') await moveInventory(`-${right.quantity}`);
    await owner().signal(positionChangedSignal);
    if (factor !== '2') expect(await closed()).toMatchObject({ status: 'filled' });
    await goOn();
    expect((await told()).length).toBeLessThanOrEqual(before + 2);
    await gone();
  });
});
