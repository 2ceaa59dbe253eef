import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import type { DecimalText } from '../../core/money/index.js';
import { ownerWorkflowId, type PositionKey } from '../../core/protection/position-key.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { calmRows, testInstrument } from '../../exchange/testing/open-venue.js';
import { eventually } from '../support/eventually.js';
import { LIMITS, openLedger, testSignal, type Ledger } from '../support/ledger.js';
import { startOrderWorker, type OrderWorker } from '../support/order-worker.js';
import { openPaperAccount, PATIENT, type PaperAccount } from '../support/paper-account.js';
import { testDatabase, type TestDatabase } from '../support/postgres.js';
import { temporalIfAny } from '../support/temporal.js';
import { disagreements } from '../support/witness.js';
import { GUARDIAN_TASKS } from '../../workers/composition/run-worker.js';
import { positionChangedSignal } from '../../workflows/protect-position/messages.js';

const temporal = await temporalIfAny();
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });
const ACCOUNT = `together-${process.pid}`;
const OWNERS = 30;
const PRICE = 100;
const INSTRUMENTS = Array.from({ length: OWNERS }, (_, index) => `C${String(index).padStart(2, '0')}/USDT`);
const keyOf = (instrument: string): PositionKey => ({ account: ACCOUNT, strategy: 'momentum', instrument });
const d = (text: string): DecimalText => text as DecimalText;

/** As after a restart with many positions, or a price that moves all of them: one worker of a guardian has all of it. */
describe.skipIf(temporal === undefined)(`${OWNERS} owners of positions on one worker`, () => {
  let database: TestDatabase;
  let ledger: Ledger;
  let paper: PaperAccount;
  let worker: OrderWorker;
  /** When each has looked at its position, since it was cleared. */
  const looks = new Map<string, number>();

  beforeAll(async () => {
    database = await testDatabase();
    const opened = await openLedger(database);
    const { protection: real } = opened;
    const protection = {
      ...real,
      readProtection: async (...asked: Parameters<Ledger['protection']['readProtection']>) => {
        const view = await real.readProtection(...asked);
        if (!looks.has(asked[0].instrument)) looks.set(asked[0].instrument, performance.now());
        return view;
      },
    };
    ledger = { ...opened, protection };
    const instruments = ['BTC/USDT', ...INSTRUMENTS].map((name) => testInstrument(name, calmRows(PRICE)));
    paper = await openPaperAccount({ account: ACCOUNT, venueName: 'paper', windows: PATIENT, instruments });
    await ledger.enrol(paper);
    const strategies = INSTRUMENTS.map((instrument) => ({ strategy: 'momentum', instrument, version: '1', modelHash: 'none' }));
    await createControlStore(ledger.pool).applyConfiguration({
      account: ACCOUNT,
      venue: 'paper',
      limits: LIMITS,
      strategies,
      subject: 'test',
    });
    // Nobody is at work yet: what wakes the owners waits in the outbox.
    const steps = createOrderActivities(ledger.dependencies);
    for (const [index, instrument] of INSTRUMENTS.entries()) {
      ledger.market.seePrice(ACCOUNT, instrument, d(String(PRICE)), { seenTime: Date.now() });
      ledger.market.seeClock(ACCOUNT, { skewMs: 0, roundTripMs: 1 });
      const signal: TradeSignal = { ...testSignal(ACCOUNT, 'open', 1_000 * (index + 1)), instrument, referencePrice: d(String(PRICE)) };
      const asked = await steps.authorise(signal);
      if (asked.kind !== 'authorised') throw new Error(`not authorised: ${JSON.stringify(asked)}`);
      const order = await steps.record(intentIdOf(signal), await steps.submit(intentIdOf(signal), ACCOUNT));
      if (order.status !== 'filled') throw new Error(`the entry is ${order.status}`);
    }
    looks.clear();
  });
  afterAll(async () => {
    await worker?.stop();
    await paper?.close();
    await ledger?.close();
    await database?.drop();
  });

  const resting = async (): Promise<number> => {
    const { rows } = await ledger.pool.query<{ count: number }>(
      `select count(distinct instrument)::integer as count from orders where purpose = 'stop' and status = 'accepted' and final_at is null`,
    );
    return rows[0]?.count ?? 0;
  };
  const allHaveLooked = (): Promise<void> => eventually(() => expect(looks.size).toBe(OWNERS), 120_000);
  const told = (since: number): string => {
    const took = [...looks.values()].map((at) => at - since).toSorted((one, other) => one - other);
    const ms = (at: number): string => `${Math.round(took[at] ?? Number.NaN)} ms`;
    return `first ${ms(0)}, half ${ms(OWNERS / 2)}, all ${ms(OWNERS - 1)}`;
  };

  it('that are woken at once each look, and each comes to its stop', async () => {
    if (temporal === undefined) throw new Error('skipped');
    worker = await startOrderWorker(ledger, temporal, { polls: GUARDIAN_TASKS });
    const since = performance.now();
    await allHaveLooked();
    console.info(`${OWNERS} new owners have looked: ${told(since)}`);
    await eventually(async () => expect(await resting()).toBe(OWNERS), 120_000);
    console.info(`${OWNERS} stops rest after ${Math.round(performance.now() - since)} ms`);
    expect(await disagreements(ledger.pool, ACCOUNT, paper.witness())).toEqual([]);
  });

  it('that rest and are told of a change at once each look again, and nobody’s step fails', async () => {
    const handles = INSTRUMENTS.map((instrument) => worker.client.workflow.getHandle(ownerWorkflowId(keyOf(instrument))));
    await eventually(async () => {
      const doing = await Promise.all(handles.map((handle) => handle.query<string>('doing')));
      expect(new Set(doing)).toEqual(new Set(['resting: protected']));
    }, 120_000);
    looks.clear();
    const since = performance.now();
    await Promise.all(handles.map((handle) => handle.signal(positionChangedSignal)));
    await allHaveLooked();
    console.info(`${OWNERS} owners at rest have looked again: ${told(since)}`);
    const [failed, late]: [string[], string[]] = [[], []];
    for (const handle of handles) {
      const { events } = await handle.fetchHistory();
      for (const { workflowTaskFailedEventAttributes: wrong, workflowTaskTimedOutEventAttributes: slow } of events ?? []) {
        if (wrong) failed.push(`${handle.workflowId}: ${wrong.cause}`);
        if (slow) late.push(handle.workflowId);
      }
    }
    console.info(`${late.length} workflow tasks were not done in time`);
    expect(failed).toEqual([]);
  });
});
