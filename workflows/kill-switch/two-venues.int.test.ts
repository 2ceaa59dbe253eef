import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import type { FaultRule } from '../../exchange/faults/rule.js';
import { INSTRUMENT, openLedger, testSignal, type Ledger } from '../../test/support/ledger.js';
import { startOrderWorker, type OrderWorker } from '../../test/support/order-worker.js';
import { openPaperAccount, PATIENT, type PaperAccount } from '../../test/support/paper-account.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { killWorkflowId } from '../names.js';
import { killStateQuery, type KillState } from './messages.js';

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
});
