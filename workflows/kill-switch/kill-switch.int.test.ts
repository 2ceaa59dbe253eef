import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { applyEvent } from '../../activities/order/evidence.js';
import { createOrderActivities } from '../../activities/order/index.js';
import type { Engaged, HaltCause } from '../../activities/ports/halt.js';
import type { OrderRequest, SubmitVerdict, Venue } from '../../activities/ports/venue.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { failure } from '../../core/errors.js';
import { MARKET, type ExecutionPolicy } from '../../core/execution/policy.js';
import { decimal, text, type DecimalText } from '../../core/money/index.js';
import type { Unverified } from '../../core/kill/verify.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { intentIdOf, signalWorkflowId, type TradeSignal } from '../../core/signal/signal.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { readHaltEvidence } from '../../test/support/halt-evidence.js';
import { seedCommand, seedPerson } from '../../test/support/people.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import {
  ACCOUNT,
  INSTRUMENT,
  openTradingStack,
  startWorker,
  workflowBundle,
  type StackWorker,
  type TradingStack,
} from '../../test/support/trading-stack.js';
import { disagreements } from '../../test/support/witness.js';
import { killWorkflowId } from '../names.js';
import type { OrderOutcome } from '../order/status.js';
import { haltChangedSignal, killStateQuery, rearmUpdate, type KillState, type RearmAnswer } from './messages.js';

const temporal = await temporalIfAny();
const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };
const CAUSE: HaltCause = { subject: 'watch', underKey: null, reason: 'a test', policy: 'atOnce' };
const LOST: SubmitVerdict = { kind: 'unknown', failure: failure('VENUE_OUTCOME_UNKNOWN', { order: 'x', venue: 'paper', detail: 'cut' }) };
/** An entry that rests 1 % under the price. */
const RESTING: ExecutionPolicy = { kind: 'limit', offsetBps: 100, postOnly: true, workMs: 60_000 };
const d = (text: string): DecimalText => text as DecimalText;
const LIMIT = { timeout: 30_000, interval: 20 };

describe.skipIf(temporal === undefined)('killSwitch, on a real server, ledger and paper venue', () => {
  let stack: TradingStack;
  let worker: StackWorker;
  let halts: HaltStore;
  let sending: ((request: OrderRequest, send: () => Promise<SubmitVerdict>) => Promise<SubmitVerdict>) | undefined;
  let isDown = false;
  let bar = 0;
  /** Keys of two people with the role risk. */
  let rik: string;
  let olga: string;
  /** Lets a send go on that a test holds back; also when the test fails meanwhile. */
  let release = (): void => undefined;

  beforeAll(async () => {
    stack = await openTradingStack({
      venueOf: (venue: Venue) => ({
        ...venue,
        sender: {
          submit: (request, deadlineMs) => {
            const send = (): Promise<SubmitVerdict> => venue.sender.submit(request, deadlineMs);
            return sending === undefined ? send() : sending(request, send);
          },
        },
        haltReader: new Proxy(venue.haltReader, {
          get: (target, name: keyof Venue['reader']) => (isDown ? () => Promise.reject(new Error('the venue is down')) : target[name]),
        }),
      }),
    });
    halts = openHaltStore(stack.database.url);
    [rik, olga] = [await seedPerson(stack.pool, 'rik', ['risk']), await seedPerson(stack.pool, 'olga', ['risk'])];
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
  });
  afterAll(async () => {
    await halts?.close();
    await worker?.stop();
    await stack?.close();
  });
  afterEach(async () => {
    release();
    sending = undefined;
    isDown = false;
    stack.ledger.workEntries(ACCOUNT, { execution: MARKET });
    stack.paper.movePrice('BTCUSDT', unitsOf('50000'), 0n);
    // As a re-arm would, without its conditions.
    await stack.database.pool.query(`update latches set released_at = clock_timestamp() where released_at is null`);
    await changed();
    await kill()
      .result()
      .catch(() => undefined);
    await stack.database.pool.query('update incidents set closed_at = clock_timestamp(); delete from blocked_instruments');
  });

  /** The kill is told, as by the outbox of a halt. */
  const changed = (): Promise<unknown> =>
    stack.database.pool.query(`insert into outbox (kind, data) values ('haltChanged', jsonb_build_object('account', $1::text))`, [ACCOUNT]);
  const next = (leg: TradeSignal['leg']): TradeSignal => stack.signal(leg, (bar += 1_000));
  const start = (signal: TradeSignal): Promise<WorkflowHandle> =>
    worker.client.workflow.start('signalToOrder', {
      taskQueue: worker.taskQueue,
      workflowId: signalWorkflowId(signal),
      args: [signal],
      workflowTaskTimeout: '5s',
    });
  const open = async (): Promise<OrderOutcome> => {
    // What was seen when the tests began is too old for an entry by now.
    stack.market.seePrice(ACCOUNT, INSTRUMENT, d('50000'), { seenTime: Date.now() });
    stack.market.seeClock(ACCOUNT, await stack.venue.reader.clock());
    return (await start(next('open'))).result() as Promise<OrderOutcome>;
  };
  const buy = async (): Promise<void> => expect(await open()).toMatchObject({ status: 'filled', codes: [] });
  const orders = async (where: string): Promise<StoredOrder[]> => {
    const { rows } = await stack.pool.query<{ o: StoredOrder }>(
      `select order_json(o) as o from orders o where account = $1 and ${where} order by created_at, sequence`,
      [ACCOUNT],
    );
    return rows.map((row) => row.o);
  };
  const resting = (): Promise<StoredOrder> =>
    vi.waitFor(async () => {
      const [stop] = await orders(`purpose = 'stop' and final_at is null`);
      expect(stop).toMatchObject({ status: 'accepted' });
      return stop as StoredOrder;
    }, LIMIT);
  const held = async (): Promise<number> => (await stack.dependencies.store.position(KEY)).quantity.toNumber();
  const halt = (cause: Partial<HaltCause> = {}): Promise<Engaged> =>
    halts.latch({ scope: 'account', scopeValue: ACCOUNT }, { ...CAUSE, ...cause });
  const kill = (): WorkflowHandle => worker.client.workflow.getHandle(killWorkflowId(ACCOUNT));
  const state = (): Promise<KillState> => kill().query(killStateQuery);
  const verified = (): Promise<KillState> =>
    vi.waitFor(async () => {
      const seen = await state();
      expect(seen).toMatchObject({
        phase: 'verified',
        unverified: [],
        evidence: expect.objectContaining({ path: expect.any(String) as string }) as object,
      });
      return seen;
    }, LIMIT);
  /** What the venue itself says: nothing open but these, and no more than was there before us, but for dust. */
  const shown = async (stops = 0): Promise<void> => {
    const { orders: atVenue, balances, fills } = stack.witness();
    const filled = new Set(fills.filter(({ status }) => status === 'FILLED').map(({ orderId }) => orderId));
    const isOpen = (status: string): boolean => status === 'NEW' || status === 'PARTIALLY_FILLED';
    const working = [...atVenue.values()].flat().filter(({ status, orderId }) => isOpen(status) && !filled.has(orderId));
    expect(working).toHaveLength(stops);
    if (stops === 0)
      expect(
        decimal(balances.get('BTC') ?? '0')
          .minus(2)
          .toNumber(),
      ).toBeLessThan(0.00002);
    expect(decimal(balances.get('BTC') ?? '0').toNumber()).toBeGreaterThanOrEqual(2);
    const found = await disagreements(stack.database.pool, ACCOUNT, stack.witness());
    // What others placed is not in our books.
    expect(found.filter((one) => !one.includes('somebody-else'))).toEqual([]);
  };

  it('sells what is held, with its stop gone first, and writes its evidence', async () => {
    await buy();
    await resting();
    await halt();
    const { evidence } = await verified();
    await shown();
    const sold = await orders(`purpose = 'flatten'`);
    expect(sold).toMatchObject([{ status: 'filled', timeInForce: 'IOC' }]);
    const { wrong, sections, sales, looks } = await readHaltEvidence(evidence ?? { path: '', sha256: '' });
    expect(wrong).toEqual([]);
    expect(sections).toEqual(expect.arrayContaining(['latches', 'timeline', 'venueReplies', 'orders', 'fills', 'equity']));
    expect(sales).toEqual(sold.map(({ intentId, executedQuantity }) => ({ intentId, sides: ['sell'], quantity: executedQuantity })));
    // The two looks that found nothing more, and those before.
    expect(looks.slice(-2)).toEqual([1, 2].map(() => ({ openOrders: [], unverified: [] })));
    await vi.waitFor(async () => {
      const { rows } = await stack.pool.query(`select phase, evidence->>'sha256' as hash from kills`);
      expect(rows).toEqual([{ phase: 'verified', hash: evidence?.sha256 }]);
    }, LIMIT);
    const incidents = await stack.pool.query(`select kind from incidents where closed_at is null`);
    expect(incidents.rows).toEqual([{ kind: 'halt' }]);
    // It stays latched: nothing is opened any more.
    expect(await open()).toMatchObject({ status: 'denied', codes: ['RISK_KILLED'] });
  });

  it('P22: keeps the stop where nothing is to be sold, and places it anew when somebody takes it away', async () => {
    await buy();
    const stop = await resting();
    await halt({ policy: 'none' });
    expect(await verified()).toMatchObject({ kept: [stop.intentId], dust: [] });
    await shown(1);
    await stack.venue.reader.cancel(INSTRUMENT, stop.clientOrderId);
    await changed();
    const again = await vi.waitFor(async () => {
      const [one] = await orders(`purpose = 'stop' and final_at is null and intent_id <> '${stop.intentId}'`);
      expect(one).toMatchObject({ status: 'accepted' });
      return one as StoredOrder;
    }, LIMIT);
    expect(again.quantity).toBe(stop.quantity);
    // A latch with another policy over the same scope makes it stricter: now it goes.
    await halt();
    await vi.waitFor(async () => expect(await held()).toBeLessThan(0.00001), LIMIT);
    await verified();
    await shown();
  });

  it('what keeps its evidence from being written keeps no stop from being tended, and no halt from being widened', async () => {
    await buy();
    const stop = await resting();
    await rm(worker.evidenceFolder, { recursive: true });
    await writeFile(worker.evidenceFolder, 'no folder');
    onTestFinished(async () => {
      await rm(worker.evidenceFolder, { recursive: true, force: true });
      await mkdir(worker.evidenceFolder);
    });
    await halt({ policy: 'none' });
    const unwritten = expect.stringContaining('its evidence is not written yet') as string;
    await vi.waitFor(async () => expect(await state()).toMatchObject({ phase: 'verified', evidence: null, doing: unwritten }), LIMIT);
    const { rows } = await stack.pool.query(
      `select data->>'error' as error from incidents where kind = 'haltEvidenceMissing' and closed_at is null`,
    );
    expect(rows).toEqual([{ error: expect.stringMatching(/EEXIST|ENOTDIR/) as string }]);
    await stack.venue.reader.cancel(INSTRUMENT, stop.clientOrderId);
    await changed();
    await vi.waitFor(async () => {
      const [one] = await orders(`purpose = 'stop' and final_at is null and intent_id <> '${stop.intentId}'`);
      expect(one).toMatchObject({ status: 'accepted' });
    }, LIMIT);
    await halt();
    await vi.waitFor(async () => expect(await held()).toBeLessThan(0.00001), LIMIT);

    await rm(worker.evidenceFolder);
    await mkdir(worker.evidenceFolder);
    await changed();
    await verified();
    await shown();
  });

  /** The order of this very signal; those of earlier tests stand in the same ledger. */
  const entry = async (signal: TradeSignal): Promise<StoredOrder> => {
    const [order] = await orders(`intent_id = '${intentIdOf(signal)}'`);
    if (order === undefined) throw new Error('no order yet');
    return order;
  };
  const working = async (): Promise<TradeSignal> => {
    stack.ledger.workEntries(ACCOUNT, { execution: RESTING });
    const signal = next('open');
    await start(signal);
    await vi.waitFor(async () => expect((await entry(signal)).status).toBe('accepted'), LIMIT);
    return signal;
  };
  const steps = () => createOrderActivities(stack.dependencies);
  /** Each leaves one entry in a state of its life. @returns what is to be done after the halt was called. */
  const STATES: Readonly<Record<string, () => Promise<(() => Promise<void>) | void>>> = {
    async 'authorised and not sent'() {
      const signal = next('open');
      expect(await steps().authorise(signal)).toMatchObject({ kind: 'authorised' });
      return async () => {
        await vi.waitFor(
          async () => expect(await orders(`intent_id = '${intentIdOf(signal)}'`)).toMatchObject([{ status: 'expired' }]),
          LIMIT,
        );
        expect(await steps().submit(intentIdOf(signal), ACCOUNT)).toMatchObject({ kind: 'settled' });
      };
    },
    async 'in flight, and late'() {
      sending = async (request, send) => {
        if (request.side === 'buy') await new Promise<void>((resolve) => (release = resolve));
        return send();
      };
      const signal = next('open');
      await start(signal);
      await vi.waitFor(async () => expect((await entry(signal)).status).toBe('submitting'), LIMIT);
      return async () => {
        // Its window is over when the process that had it wakes: the venue refuses it.
        await vi.waitFor(async () => expect((await entry(signal)).status).toBe('notPlaced'), LIMIT);
        release();
      };
    },
    async 'unknown, and filled'() {
      sending = async (request, send) => {
        const verdict = await send();
        return request.side === 'buy' ? LOST : verdict;
      };
      const signal = next('open');
      await start(signal);
      await vi.waitFor(async () => expect(['unknown', 'filled']).toContain((await entry(signal)).status), LIMIT);
    },
    async 'bought, its stop unknown'() {
      const reached = new Promise<void>((resolve) => {
        sending = async (request, send) => {
          const verdict = await send();
          if (request.stopPrice === undefined) return verdict;
          // It rests at the venue, and who sent it is not told. (The stream may tell of it at once.)
          resolve();
          await new Promise<void>((done) => (release = done));
          return LOST;
        };
      });
      await buy();
      await reached;
      return async () => {
        await vi.waitFor(async () => expect(await orders(`purpose = 'flatten' and final_at is null`)).toEqual([]), LIMIT);
        release();
      };
    },
    async 'bought, its stop woken'() {
      await buy();
      await resting();
      // The halt comes while the stop sells.
      stack.paper.movePrice('BTCUSDT', unitsOf('48000'), 0n);
    },
    async 'bought, its stop partially filled'() {
      await buy();
      const { intentId, price } = await resting();
      // It wakes under its limit, where nobody buys, and then a little is bought at it.
      const limit = decimal(price);
      stack.paper.movePrice('BTCUSDT', unitsOf(text(limit.minus(500))), 0n);
      stack.paper.movePrice('BTCUSDT', unitsOf(text(limit.plus(1))), unitsOf('0.002'));
      const stop = (): Promise<StoredOrder[]> => orders(`intent_id = '${intentId}'`);
      await vi.waitFor(async () => expect(Number((await stop())[0]?.executedQuantity)).toBeGreaterThan(0), LIMIT);
    },
    async 'bought, its stop being canceled'() {
      await buy();
      await applyEvent(stack.dependencies, (await resting()).intentId, { kind: 'requestCancel' });
    },
    async working() {
      await working();
    },
    async 'partially filled'() {
      const signal = await working();
      stack.paper.movePrice('BTCUSDT', unitsOf('49499'), unitsOf('0.004'));
      await vi.waitFor(async () => expect(Number((await entry(signal)).executedQuantity)).toBeGreaterThan(0), LIMIT);
    },
    async 'being canceled'() {
      const signal = await working();
      await applyEvent(stack.dependencies, intentIdOf(signal), { kind: 'requestCancel' });
    },
  };
  it.each(Object.keys(STATES))('P25: what is %s is over, and what was bought is sold', async (name) => {
    const after = await STATES[name]?.();
    await halt();
    await after?.();
    await verified();
    await shown();
    expect(await orders('final_at is null')).toEqual([]);
  });

  it('P28: tells what is not verified while the venue does not answer, and tells people; then it goes on', async () => {
    await buy();
    await resting();
    isDown = true;
    await halt();
    await vi.waitFor(async () => {
      const { unverified } = await state();
      expect(unverified).toEqual(expect.arrayContaining([{ kind: 'unanswered', detail: expect.stringContaining('the venue is down') }]));
    }, LIMIT);
    expect((await state()).phase).toBe('running');
    isDown = false;
    await verified();
    await shown();
  });

  it('P29: cancels what others have placed, and never sells what was there before us', async () => {
    const foreign = { clientOrderId: 'somebody-else', instrument: INSTRUMENT, side: 'sell', type: 'limit', postOnly: false } as const;
    const terms = { timeInForce: 'GTC', quantity: d('0.5'), price: d('60000') } as const;
    const window = { signedTimestamp: Date.now(), receiveWindowMs: 1_000 };
    expect(await stack.venue.sender.submit({ ...foreign, ...terms, ...window }, 1_000)).toMatchObject({ kind: 'accepted' });
    await halt();
    await verified();
    expect(await stack.venue.haltReader.openOrders()).toEqual([]);
    expect(decimal(stack.witness().balances.get('BTC') ?? '0').toNumber()).toBeGreaterThanOrEqual(2);
    expect(await orders(`purpose = 'flatten' and created_at > (select max(engaged_at) from latches)`)).toEqual([]);
  });

  const rearmOf =
    (latchId: string) =>
    (requestId: string): Promise<RearmAnswer> =>
      kill().executeUpdate(rearmUpdate, { args: [{ latchId, requestId }] });
  /** One person asks for the end of a halt, and names every incident. */
  const asked = async (latchId: string): Promise<string> => {
    const requestId = randomUUID();
    const incidents = (await stack.pool.query<{ id: string }>('select incident_id::text as id from incidents')).rows.map(({ id }) => id);
    await stack.pool.query('select request_rearm($1)', [
      { requestId, latchId, reason: 'a test', incidents, subject: 'rik', underKey: rik, validForMs: 600_000 },
    ]);
    return requestId;
  };
  /** Another one approves it. */
  const approve = async (requestId: string): Promise<void> => {
    const { rows } = await stack.pool.query<{ hash: string }>(
      `select encode(payload_sha256, 'hex') as hash from approval_requests where request_id = $1`,
      [requestId],
    );
    const decision = { requestId, decision: 'approved', reason: 'seen', subject: 'olga', keyId: olga, payloadHash: rows[0]?.hash };
    await stack.pool.query('select decide_approval($1)', [decision]);
  };

  it('P30: a message without the rows of two people ends nothing, and with them the owner places a stop again', async () => {
    await buy();
    const stop = await resting();
    const { latchId } = await halt({ policy: 'none' });
    await verified();
    const rearm = rearmOf(latchId);
    expect(await rearm(randomUUID())).toEqual({ kind: 'notApproved', state: 'missing' });
    await expect(kill().executeUpdate(rearmUpdate, { args: [{ latchId, requestId: 'x' }] })).rejects.toThrow('Workflow Update failed');
    const requestId = await asked(latchId);
    // Who asked, alone, in the name of another, and with what the message says: nothing.
    expect(await rearm(requestId)).toEqual({ kind: 'notApproved', state: 'pending' });
    await approve(requestId);
    // With those that were taken away before it, it would be an incident that the request does not name.
    await stack.pool.query(`update orders set failures = '[]' where purpose = 'stop' and final_at is not null`);
    await stack.venue.reader.cancel(INSTRUMENT, stop.clientOrderId);
    expect(await rearm(requestId)).toEqual({ kind: 'released' });
    await kill().result();
    expect((await resting()).intentId).not.toBe(stop.intentId);
    await halt();
    await verified();
    await shown();
  });

  it('P31: over a database that is another than before nothing trades by one person’s word; two end the halt, and then it does', async () => {
    await buy();
    const stop = await resting();
    await stack.database.pool.query(`update instance set system_identifier = 'another', timeline = 1`);
    expect((await stack.pool.query('select check_instance_identity() as told')).rows).toEqual([{ told: 'changed' }]);
    // Those that work here stand for processes that are started over it: the ones of before end.
    await stack.pool.query('update instance set epoch = $1', [stack.dependencies.epoch]);
    expect(await verified()).toMatchObject({ kept: [stop.intentId] });
    await shown(1);
    const found = await stack.pool.query<{ latch_id: string }>('select latch_id from latches where released_at is null');
    const latchId = found.rows[0]?.latch_id ?? '';
    // A comparison that is clean, and one person who resumes: the halt stands.
    const requestId = await asked(latchId);
    expect(await rearmOf(latchId)(requestId)).toEqual({ kind: 'notApproved', state: 'pending' });
    await stack.pool.query('update reconciliations set last_clean_at = clock_timestamp()');
    const commandId = await seedCommand(stack.pool, { account: ACCOUNT, kind: 'resume', subject: 'rik' });
    const resume = { account: ACCOUNT, commandId, kind: 'resume', mode: 'normal' } as const;
    expect(await createControlStore(stack.pool).applyModeCommand(resume)).toMatchObject({ kind: 'applied', mode: 'normal' });
    expect(await open()).toMatchObject({ status: 'denied', codes: ['RISK_KILLED', 'RISK_POSITION_EXISTS'] });
    await approve(requestId);
    expect(await rearmOf(latchId)(requestId)).toEqual({ kind: 'released' });
    await kill().result();
    expect((await stack.pool.query('select mode from control where account = $1', [ACCOUNT])).rows).toEqual([{ mode: 'normal' }]);
    // Only what is held forbids another entry.
    expect(await open()).toMatchObject({ status: 'denied', codes: ['RISK_POSITION_EXISTS'] });
    await halt();
    await verified();
    await shown();
  });

  it('tells people after 30 s and each 5 min, by the database’s clock, until it is verified; then it waits for the latch to go', async () => {
    const calls: string[] = [];
    let time = 1_000_000;
    let looks = 0;
    let isStanding = true;
    const missing: Unverified = { kind: 'unanswered', detail: 'the venue is down' };
    const note = (name: string) => async (): Promise<void> => void calls.push(name);
    const taskQueue = `kill-${randomUUID()}`;
    const connection = await NativeConnection.connect({ address: temporal?.address ?? '' });
    const alone = await Worker.create({
      connection,
      namespace: temporal?.namespace ?? '',
      taskQueue,
      workflowBundle: await workflowBundle(),
      activities: {
        // Each look is 200 s after the one before.
        killLatches: async () => ({
          latches: isStanding ? [{ latchId: 'l', policy: 'atOnce' }] : [],
          time: (time += 200_000),
          directs: [],
        }),
        killCancel: note('cancel'),
        killFlatten: note('flatten'),
        killVerify: async () => ({ unverified: (looks += 1) < 5 ? [missing] : [], dust: [], kept: [] }),
        killEscalate: async (_: string, count: number) => void calls.push(`escalate ${count} at look ${looks}`),
        killConclude: async () => (calls.push('conclude'), { path: 'file', sha256: 'hash' }),
        killTell: async (_: string, phase: string) => void calls.push(phase),
      },
    });
    await alone.runUntil(async () => {
      const handle = await worker.client.workflow.start('killSwitch', { taskQueue, workflowId: taskQueue, args: ['some'] });
      await vi.waitFor(() => expect(calls).toContain('verified'), LIMIT);
      isStanding = false;
      await handle.signal(haltChangedSignal);
      await handle.result();
    });
    await connection.close();
    // Due after 30, 330 and 630 s; the looks are at 0, 200, 400, 600 and 800 s, and the last finds nothing missing.
    expect(calls.filter((call) => call.startsWith('escalate'))).toEqual(['escalate 1 at look 2', 'escalate 2 at look 3']);
    expect(calls.filter((call) => !/escalate|cancel|flatten/.test(call))).toEqual([
      ...Array.from({ length: 5 }, () => 'running'),
      // Whoever waits is told before the file is written.
      'verified',
      'conclude',
      'verified',
      'released',
    ]);
  });
});
