import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import type { FaultRule } from '../../exchange/faults/rule.js';
import { INSTRUMENT, openLedger, testSignal, type Ledger } from '../../test/support/ledger.js';
import { seedPerson } from '../../test/support/people.js';
import { startOrderWorker, type OrderWorker } from '../../test/support/order-worker.js';
import { openPaperAccount, PATIENT, type PaperAccount } from '../../test/support/paper-account.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { killWorkflowId } from '../names.js';
import { killStateQuery, rearmUpdate, type KillState, type RearmAnswer } from './messages.js';

const temporal = await temporalIfAny();
const d = (text: string): DecimalText => text as DecimalText;
const LIMIT = { timeout: 60_000, interval: 50 };
const ORDERS = 20;
/** Every call is answered by this. */
const DOWN: Omit<FaultRule, 'id'> = {
  ...{ fault: 'refuse', after: 0, times: 0, probability: 1, seed: 1, until: undefined, delayMs: 0, percent: 0 },
  ...{ status: 503, code: -1, message: 'down', body: undefined, retryAfterSeconds: undefined },
};

describe.skipIf(temporal === undefined)('a halt over two venues of which one is down for a while', () => {
  let database: TestDatabase;
  let ledger: Ledger;
  let accounts: PaperAccount[];
  let worker: OrderWorker;
  let halts: HaltStore;

  beforeAll(async () => {
    database = await testDatabase();
    ledger = await openLedger(database);
    accounts = await Promise.all(
      ['up', 'down'].map((name) => openPaperAccount({ account: `${name}-${process.pid}`, venueName: name, windows: PATIENT })),
    );
    for (const account of accounts) await ledger.enrol(account);
    halts = openHaltStore(database.url);
    if (temporal !== undefined) worker = await startOrderWorker(ledger, temporal);
  });
  afterAll(async () => {
    await halts?.close();
    await worker?.stop();
    for (const account of accounts ?? []) await account.close();
    await ledger?.close();
    await database?.drop();
  });

  /** Something that is held, and many orders that rest. */
  const trade = async ({ account, venue }: PaperAccount): Promise<void> => {
    const steps = createOrderActivities(ledger.dependencies);
    const signal = testSignal(account, 'open', 1_000);
    expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
    const bought = await steps.record(intentIdOf(signal), await steps.submit(intentIdOf(signal), account));
    expect(bought).toMatchObject({ status: 'filled' });
    for (let index = 0; index < ORDERS; index += 1) {
      const terms = {
        instrument: INSTRUMENT,
        side: 'buy',
        type: 'limit',
        postOnly: false,
        timeInForce: 'GTC',
        quantity: d('0.001'),
      } as const;
      const request = {
        ...terms,
        clientOrderId: `${account}-${index}`,
        price: d('40000'),
        signedTimestamp: Date.now(),
        receiveWindowMs: 2_000,
      };
      expect(await venue.sender.submit(request, 5_000)).toMatchObject({ kind: 'accepted' });
    }
  };
  const state = ({ account }: PaperAccount): Promise<KillState> =>
    worker.client.workflow.getHandle(killWorkflowId(account)).query(killStateQuery);
  /** The venue's own word: what was there before us, and nothing open. */
  const isFlat = async (one: PaperAccount): Promise<void> => {
    expect(await one.venue.haltReader.openOrders()).toEqual([]);
    const above = decimal(one.witness().balances.get('BTC') ?? '0').minus(2);
    expect([above.gte(0), above.lt('0.00002')]).toEqual([true, true]);
  };

  it('the other is verified flat meanwhile; the one says what is missing, and is verified when it is back', async () => {
    const [up, down] = accounts;
    if (up === undefined || down === undefined) throw new Error('there are two accounts');
    await trade(up);
    await trade(down);
    down.paper.faults.add(DOWN);
    await halts.latch({ scope: 'everything', scopeValue: '' }, { subject: 'watch', underKey: null, reason: 'a test', policy: 'atOnce' });
    await vi.waitFor(async () => expect(await state(up)).toMatchObject({ phase: 'verified' }), LIMIT);
    await isFlat(up);
    // It may not have been asked yet when the other is done already.
    await vi.waitFor(async () => {
      const waiting = await state(down);
      expect(waiting).toMatchObject({ phase: 'running' });
      expect(waiting.unverified.map(({ kind }) => kind)).toContain('unanswered');
    }, LIMIT);
    down.paper.faults.clear();
    await vi.waitFor(async () => expect(await state(down)).toMatchObject({ phase: 'verified' }), LIMIT);
    await isFlat(down);
  });

  it(
    'P30: while one of the accounts is not clean nothing ends, also not for the other; when both are, it ends',
    { timeout: 240_000 },
    async () => {
      const [up, down] = accounts;
      if (up === undefined || down === undefined) throw new Error('there are two accounts');
      const { pool } = database;
      const [rik, olga] = [await seedPerson(pool, 'rik', ['risk']), await seedPerson(pool, 'olga', ['risk'])];
      const standing = async (): Promise<string[]> => {
        const { rows } = await pool.query<{ latch_id: string }>('select latch_id from latches where released_at is null');
        return rows.map((row) => row.latch_id);
      };
      const [latchId = ''] = await standing();
      /** Two people want it, and name every incident that is open now. */
      const approved = async (): Promise<string> => {
        const requestId = randomUUID();
        const open = await pool.query<{ id: string }>('select incident_id::text as id from incidents where closed_at is null');
        const incidents = open.rows.map(({ id }) => id);
        const request = { requestId, latchId, reason: 'a test', incidents, subject: 'rik', underKey: rik, validForMs: 600_000 };
        await pool.query('select request_rearm($1)', [request]);
        const { rows } = await pool.query<{ answer: string }>(
          `select decide_approval(jsonb_build_object('requestId', request_id, 'payloadHash', encode(payload_sha256, 'hex'), 'subject', 'olga',
           'decision', 'approved', 'reason', 'seen', 'keyId', $2::text)) as answer from approval_requests where request_id = $1`,
          [requestId, olga],
        );
        expect(rows).toEqual([{ answer: 'written' }]);
        return requestId;
      };
      const rearm = (requestId: string): Promise<RearmAnswer[]> =>
        Promise.all(
          [up, down].map(({ account }) =>
            worker.client.workflow.getHandle(killWorkflowId(account)).executeUpdate(rearmUpdate, { args: [{ latchId, requestId }] }),
          ),
        );
      // It was verified less than a minute ago, before anybody approved. That does not count.
      await vi.waitFor(async () => expect(await state(down)).toMatchObject({ phase: 'verified' }), LIMIT);
      down.paper.faults.add(DOWN);
      const [ofUp, ofDown] = await rearm(await approved());
      expect(ofUp).toEqual({ kind: 'notClean', found: `not verified anew: ${down.account}` });
      expect(ofDown).toMatchObject({ kind: 'notClean' });
      expect(await standing()).toEqual([latchId]);
      const steps = createOrderActivities(ledger.dependencies);
      ledger.market.seePrice(up.account, INSTRUMENT, d('50000'), { seenTime: Date.now() });
      expect(await steps.authorise(testSignal(up.account, 'open', 2_000))).toMatchObject({
        kind: 'denied',
        failures: expect.arrayContaining([expect.objectContaining({ code: 'RISK_KILLED' })]) as unknown,
      });

      down.paper.faults.clear();
      // A look that began before that may still say no.
      await vi.waitFor(
        async () => {
          const answers = await rearm(await approved());
          expect(answers.map(({ kind }) => kind)).toContain('released');
        },
        { timeout: 120_000, interval: 500 },
      );
      expect(await standing()).toEqual([]);
      for (const { account } of [up, down]) await worker.client.workflow.getHandle(killWorkflowId(account)).result();
    },
  );
});
