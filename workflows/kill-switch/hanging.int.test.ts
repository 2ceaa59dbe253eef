import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { decimal } from '../../core/money/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import type { FaultRule } from '../../exchange/faults/rule.js';
import { openLedger, testSignal, type Ledger } from '../../test/support/ledger.js';
import { startOrderWorker, type OrderWorker } from '../../test/support/order-worker.js';
import { openPaperAccount, PATIENT, type PaperAccount } from '../../test/support/paper-account.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { killWorkflowId } from '../names.js';
import { killStateQuery, type KillState } from './messages.js';

const temporal = await temporalIfAny();
const ACCOUNT = `hanging-${process.pid}`;
const BESIDE = `answering-${process.pid}`;
const LIMIT = { timeout: 120_000, interval: 50 };
/** Every call is taken, and answered in ten minutes. */
const HANGS: Omit<FaultRule, 'id'> = {
  ...{ fault: 'stallHeaders', after: 0, times: 0, probability: 1, seed: 1, until: undefined, delayMs: 600_000, percent: 0 },
  ...{ status: 200, code: 0, message: '', body: undefined, retryAfterSeconds: undefined },
};

describe.skipIf(temporal === undefined)('a halt at a venue that takes requests and never answers', () => {
  let database: TestDatabase;
  let ledger: Ledger;
  let paper: PaperAccount;
  /** At a venue that answers. */
  let beside: PaperAccount;
  let worker: OrderWorker;
  let halts: HaltStore;

  beforeAll(async () => {
    database = await testDatabase();
    ledger = await openLedger(database);
    paper = await openPaperAccount({ account: ACCOUNT, venueName: 'paper', windows: PATIENT });
    beside = await openPaperAccount({ account: BESIDE, venueName: 'another', windows: PATIENT });
    for (const one of [paper, beside]) await ledger.enrol(one);
    halts = openHaltStore(database.url);
    if (temporal !== undefined) worker = await startOrderWorker(ledger, temporal);
  });
  afterAll(async () => {
    await halts?.close();
    await worker?.stop();
    await paper?.close();
    await beside?.close();
    await ledger?.close();
    await database?.drop();
  });

  const state = (account = ACCOUNT): Promise<KillState> => worker.client.workflow.getHandle(killWorkflowId(account)).query(killStateQuery);
  const told = async (): Promise<readonly { readonly text: readonly string[]; readonly isOpen: boolean }[]> => {
    const sql = `select data->'text' as text, closed_at is null as "isOpen" from incidents where kind = 'haltNotVerified' order by incident_id`;
    return (await database.pool.query<{ text: string[]; isOpen: boolean }>(sql)).rows;
  };

  const buy = async (account: string): Promise<void> => {
    const steps = createOrderActivities(ledger.dependencies);
    const signal = testSignal(account, 'open', 1_000);
    expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
    const bought = await steps.record(intentIdOf(signal), await steps.submit(intentIdOf(signal), account));
    expect(bought).toMatchObject({ status: 'filled' });
  };
  const isFlat = (one: PaperAccount): void => {
    const above = decimal(one.witness().balances.get('BTC') ?? '0').minus(2);
    expect([above.gte(0), above.lt('0.00002')]).toEqual([true, true]);
  };

  it(
    'holds up no other account, is told to people while a round still waits for its answers, and is verified when it answers',
    { timeout: 240_000 },
    async () => {
      for (const account of [ACCOUNT, BESIDE]) await buy(account);
      paper.paper.faults.add(HANGS);
      await halts.latch({ scope: 'everything', scopeValue: '' }, { subject: 'watch', underKey: null, reason: 'a test', policy: 'atOnce' });
      await vi.waitFor(async () => expect(await state(BESIDE)).toMatchObject({ phase: 'verified' }), LIMIT);
      expect(await state()).toMatchObject({ phase: 'running' });
      isFlat(beside);
      await vi.waitFor(async () => expect(await told()).toHaveLength(1), LIMIT);
      expect((await told())[0]?.text.at(-1)).toMatch(/^(canceling|selling|verifying) has not come to its end$/);
      expect(await state()).toMatchObject({ phase: 'running', escalations: 1 });
      paper.paper.faults.clear();
      await vi.waitFor(async () => expect(await state()).toMatchObject({ phase: 'verified' }), LIMIT);
      isFlat(paper);
      // Its row is written right after.
      await vi.waitFor(async () => expect((await told()).map(({ isOpen }) => isOpen)).toEqual([false]), LIMIT);
    },
  );
});
