import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTradingStateStore } from '../../../adapters/store/trading-state-store.js';
import { KeelsonError } from '../../../core/errors.js';
import { TEST_KEY, TEST_SECRET } from '../../../exchange/testing/open-venue.js';
import { eventually } from '../../../test/support/eventually.js';
import { VENUE_ACCOUNT } from '../../../test/support/paper-account.js';
import { temporalIfAny } from '../../../test/support/temporal.js';
import { openTradingRunbooks, type TradingRunbooks } from '../../../test/support/trading-runbooks.js';
import { ACCOUNT, INSTRUMENT } from '../../../test/support/trading-stack.js';
import { announceStart } from '../../../workers/composition/start-ups.js';

const temporal = await temporalIfAny();
const LIMIT_MS = 90_000;
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe.skipIf(temporal === undefined)('start-up and graceful shutdown, on real servers and the paper venue', () => {
  let bench: TradingRunbooks;
  beforeAll(async () => {
    if (temporal !== undefined) bench = await openTradingRunbooks(temporal);
  });
  beforeEach(() => bench.renew());
  afterEach(() => bench.clear());
  afterAll(() => bench?.close());

  it('a new start checks before it trades: in observation from the first moment, normal after the last step, and once for each start', async () => {
    const name = randomUUID();
    const begun = await announceStart(bench.stack.pool, name, ACCOUNT);
    expect(await bench.mode()).toBe('observation');
    const runId = await bench.start(name);
    expect(runId).toBe(begun?.runId);
    expect(await bench.endOf(runId)).toEqual({ status: 'completed', detail: null });
    expect(await bench.mode()).toBe('normal');
    expect(await bench.audited(runId)).toEqual(['normal -> observation', 'observation -> normal']);
    const parts = await bench.query<{ name: string }>(
      `select name from runbook_parts where run_id = $1 group by name order by min(started_at)`,
      runId,
    );
    expect(parts.map((part) => part.name)).toEqual([
      ...['entries', 'dependencies', 'migrations', 'venue', 'keys', 'reconcile', 'observation', 'bars', 'trade'],
    ]);
    // A worker that crashed and comes back, of the same start, changes nothing.
    expect(await announceStart(bench.stack.pool, name, ACCOUNT)).toMatchObject({ runId, isEnded: true });
    expect(await announceStart(bench.stack.pool, undefined, ACCOUNT)).toBeUndefined();
    expect(await bench.mode()).toBe('normal');
  });

  it('where it is configured so it stays in observation after all its checks, until a person lets it go on or a start does', async () => {
    bench.world.rules = { ...bench.world.rules, afterwards: 'observation' };
    const runId = await bench.start();
    expect(await bench.endOf(runId)).toEqual({ status: 'completed', detail: null });
    expect([await bench.mode(), await bench.audited(runId)]).toEqual(['observation', ['normal -> observation']]);
    const trade = (of: string) =>
      bench.query(`select part, outcome, output from runbook_parts where run_id = $1 and name = 'trade' and part = 'verification'`, of);
    expect(await trade(runId)).toEqual([{ part: 'verification', outcome: 'done', output: { stays: 'observation' } }]);
    // What is configured is of the account, not of its first start.
    const again = await bench.start();
    expect(await bench.endOf(again)).toEqual({ status: 'completed', detail: null });
    expect([await bench.mode(), await bench.audited(again)]).toEqual(['observation', []]);
    await bench.person('normal');
    expect(await bench.mode()).toBe('normal');
    bench.world.rules = { ...bench.world.rules, afterwards: 'asBefore' };
    const next = await bench.start();
    expect(await bench.endOf(next)).toEqual({ status: 'completed', detail: null });
    expect([await bench.mode(), await trade(next)]).toEqual(['normal', [{ part: 'verification', outcome: 'done', output: null }]]);
  });

  it('a key that may withdraw is refused, and the next start ends the run that waits', async () => {
    const may = { name: VENUE_ACCOUNT, key: TEST_KEY, secret: TEST_SECRET, feeAsset: 'received' };
    bench.stack.paper.openAccount({ ...may, permissions: ['read', 'trade', 'withdraw'] }, new Map());
    const runId = await bench.start();
    const waiting = await bench.waits(runId, 'keys');
    expect(waiting.detail).toContain('RISK_KEY_WITHDRAWS');
    expect(await bench.mode()).toBe('observation');
    bench.stack.paper.openAccount({ ...may, permissions: ['read', 'trade'] }, new Map());
    const next = await bench.start();
    await expect(bench.handleOf(runId).result()).rejects.toThrow('the system was started anew');
    expect(await bench.query('select status from runbook_runs where run_id = $1', runId)).toEqual([{ status: 'preempted' }]);
    // Whoever is still at work on it does nothing more: what is entered now is of the new start.
    expect(await createTradingStateStore(bench.stack.pool).standing(ACCOUNT, runId)).toMatchObject({ isAborted: true });
    expect(await bench.endOf(next)).toMatchObject({ status: 'completed' });
    expect(await bench.mode()).toBe('normal');
  });

  it.each([
    ['waits for a person', 'keys'],
    ['is at work', 'bars'],
  ] as const)('a shutdown ends a start-up that %s: nothing of that lets the account go on, and the next start does', async (_, step) => {
    const may = { name: VENUE_ACCOUNT, key: TEST_KEY, secret: TEST_SECRET, feeAsset: 'received' };
    if (step === 'keys') bench.stack.paper.openAccount({ ...may, permissions: ['read', 'trade', 'withdraw'] }, new Map());
    bench.world.areMissed = true;
    const up = await bench.start();
    if (step === 'keys') await bench.waits(up, 'keys');
    else await eventually(async () => expect((await bench.state(up)).steps[7]?.state).toBe('doing'), LIMIT_MS);
    const down = await bench.ask('gracefulShutdown');
    // What it looked for is there in the middle of it.
    bench.world.areMissed = false;
    expect(await bench.endOf(down)).toEqual({ status: 'completed', detail: null });
    // Also its workflow, which nobody would tell anything any more.
    await expect(bench.handleOf(up).result()).rejects.toThrow('another run has superseded it');
    expect(await bench.query('select status, detail from runbook_runs where run_id = $1', up)).toEqual([
      { status: 'preempted', detail: `the account is shut down by run ${down}, asked for by olga` },
    ]);
    expect([await bench.mode(), await bench.audited(up), await bench.audited(down)]).toEqual([
      ...['paused', ['normal -> observation'], ['observation -> paused']],
    ]);
    bench.stack.paper.openAccount({ ...may, permissions: ['read', 'trade'] }, new Map());
    expect(await bench.endOf(await bench.start())).toMatchObject({ status: 'completed' });
    expect(await bench.mode()).toBe('normal');
  });

  it('also where a person had paused the account a key that may withdraw is refused: nobody could resume with it unseen', async () => {
    const may = { name: VENUE_ACCOUNT, key: TEST_KEY, secret: TEST_SECRET, feeAsset: 'received' };
    bench.stack.paper.openAccount({ ...may, permissions: ['read', 'trade', 'withdraw'] }, new Map());
    await bench.query(`update control set mode = 'paused', version = version + 1 where account = $1`, ACCOUNT);
    const waiting = await bench.waits(await bench.start(), 'keys');
    expect(waiting.detail).toContain('RISK_KEY_WITHDRAWS');
    expect(await bench.mode()).toBe('paused');
  });

  it.each(['migrations', 'dependencies'] as const)(
    'a ledger with which the step %s fails keeps the account in observation, until it is mended and a person has it tried again',
    async (step) => {
      bench.world.isPatient = false;
      const owner = bench.stack.database.pool;
      const newest = await owner.query<{ name: string; checksum: string }>(
        'select name, checksum from schema_migrations order by name desc limit 1',
      );
      const { name = '', checksum } = newest.rows[0] ?? {};
      const refused = new KeelsonError('CONFIG_DATABASE', { address: 'the ledger', detail: 'fsync is off' });
      const lacks = step === 'migrations' ? `the database lacks ${name}` : refused.message;
      if (step === 'dependencies') bench.world.checkLedger = () => Promise.reject(refused);
      else await owner.query('delete from schema_migrations where name = $1', [name]);
      let runId: string;
      try {
        runId = await bench.start();
        const { detail, position } = await bench.waits(runId, step);
        expect(detail).toContain(lacks);
        expect([position, await bench.mode()]).toEqual([step === 'migrations' ? 2 : 1, 'observation']);
        // Tried again while it still fails, it waits as before.
        await bench.tell(runId, 'retry', position);
        await eventually(async () => {
          const parts = await bench.query(`select from runbook_parts where run_id = $1 and name = $2 and outcome = 'failed'`, runId, step);
          expect(parts).toHaveLength(2);
        }, LIMIT_MS);
        expect((await bench.waits(runId, step)).detail).toContain(lacks);
        expect(await bench.mode()).toBe('observation');
      } finally {
        if (step === 'migrations') await owner.query('insert into schema_migrations (name, checksum) values ($1, $2)', [name, checksum]);
        bench.world.checkLedger = () => Promise.resolve();
        bench.world.isPatient = true;
      }
      await bench.tell(runId, 'retry', step === 'migrations' ? 2 : 1);
      expect(await bench.endOf(runId)).toEqual({ status: 'completed', detail: null });
      expect(await bench.mode()).toBe('normal');
    },
  );

  it('a clock over the limit, and bars that were missed, keep the account in observation until a person has it tried again', async () => {
    bench.world.skewMs = 5_000;
    bench.world.rules = { ...bench.world.rules, observeAtMostMs: 10_000 };
    bench.world.areMissed = true;
    const runId = await bench.start();
    expect((await bench.waits(runId, 'venue')).detail).toContain('differs from ours');
    bench.world.skewMs = 0;
    await bench.tell(runId, 'retry', 3);
    expect((await bench.waits(runId, 'bars')).detail).toContain('bars have arrived in time');
    expect(await bench.mode()).toBe('observation');
    await eventually(async () => {
      const told = await bench.query<{ kind: string }>(
        `select kind from alerts where alert_key like 'runbook:' || $1 || '%' order by alert_id`,
        runId,
      );
      expect(told.map(({ kind }) => kind)).toEqual(['runbook.waits', 'runbook.waits']);
    }, LIMIT_MS);
    bench.world.areMissed = false;
    await bench.tell(runId, 'retry', 7);
    expect(await bench.endOf(runId)).toMatchObject({ status: 'completed' });
    expect(await bench.mode()).toBe('normal');
  });

  it('what has left the account since it was compared lets it not trade: it is compared once more at the end', async () => {
    bench.world.areMissed = true;
    const runId = await bench.start();
    await eventually(async () => expect((await bench.state(runId)).steps[7]?.state).toBe('doing'), LIMIT_MS);
    bench.stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', -100_000_000n);
    bench.world.areMissed = false;
    expect(await bench.endOf(runId)).toMatchObject({ detail: expect.stringContaining('balanceMovement') as string });
    // What was seen is a person's now.
    expect(await bench.mode()).toBe('paused');
    bench.stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', 100_000_000n);
  });

  it('what a person has paused stays so, and the run says it; so does one that pauses in the middle', async () => {
    await bench.person('paused');
    const before = await bench.start();
    expect(await bench.endOf(before)).toMatchObject({
      status: 'completedWithFailures',
      detail: expect.stringContaining('paused, set by olga') as string,
    });
    expect([await bench.mode(), await bench.audited(before)]).toEqual(['paused', []]);
    await bench.person('normal');
    bench.world.areMissed = true;
    const during = await bench.start();
    await eventually(async () => expect((await bench.state(during)).steps[7]?.state).toBe('doing'), LIMIT_MS);
    await bench.person('reduceOnly');
    bench.world.areMissed = false;
    expect(await bench.endOf(during)).toMatchObject({ status: 'completedWithFailures' });
    expect([await bench.mode(), await bench.audited(during)]).toEqual(['reduceOnly', ['normal -> observation']]);
  });

  it('a halt goes first: the run ends, and the account stays as strict as it was held', async () => {
    bench.world.areMissed = true;
    const runId = await bench.start();
    await eventually(async () => expect((await bench.state(runId)).steps[7]?.state).toBe('doing'), LIMIT_MS);
    await bench.query(`insert into latches (scope, scope_value, reason, subject) values ('account', $1, 'a test', 'olga')`, ACCOUNT);
    expect(await bench.endOf(runId)).toMatchObject({ status: 'preempted' });
    expect(await bench.mode()).toBe('observation');
    const [alert] = await bench.query<{ summary: string }>(`select summary from alerts where alert_key = 'runbook:' || $1`, runId);
    expect(alert?.summary).toContain('keelson runbooks run startUp');
  });

  it('shut down, a working entry is canceled; the next start trades again without a person; both killed in every part', async () => {
    const intentId = await bench.workingEntry();
    bench.dying.areDeadly = true;
    const down = await bench.ask('gracefulShutdown');
    expect(await bench.endOf(down)).toMatchObject({ status: 'completed' });
    expect(await bench.dying.survived(bench.stack.pool, down)).toEqual([]);
    expect([await bench.mode(), await bench.statusOf(intentId)]).toEqual(['paused', 'canceled']);
    expect(await bench.audited(down)).toEqual(['normal -> paused']);
    expect(await bench.query(`select output from runbook_parts where run_id = $1 and name = 'quiet'`, down)).toEqual([
      { output: { safeToStop: true } },
    ]);
    const up = await bench.start();
    expect(await bench.endOf(up)).toMatchObject({ status: 'completed' });
    expect([await bench.mode(), await bench.audited(up)]).toEqual(['normal', ['paused -> observation', 'observation -> normal']]);
    expect(await bench.dying.survived(bench.stack.pool, up)).toEqual([]);
    const canceled = await bench.query(`select from audit_events where kind = 'order.canceled' and data->>'intentId' = $1`, intentId);
    expect(canceled).toHaveLength(1);
  });

  it('checks killed in every part find what others find, and are signed once', async () => {
    const found = async (areDeadly: boolean): Promise<readonly object[]> => {
      bench.dying.areDeadly = areDeadly;
      const runId = await bench.ask('morningChecks');
      for (const step of ['signature', 'backup']) await bench.tell(runId, 'sign', (await bench.waits(runId, step)).position);
      await bench.endOf(runId);
      if (areDeadly) expect(await bench.dying.survived(bench.stack.pool, runId)).toEqual([]);
      return bench.query('select name, part, outcome from runbook_parts where run_id = $1 order by position, part', runId);
    };
    const undisturbed = await found(false);
    expect(await found(true)).toEqual(undisturbed);
    expect(undisturbed.at(-1)).toEqual({ name: 'backup', part: 'verification', outcome: 'done' });
  });

  it('aborted while it waits, a shutdown takes its pause back, and leaves alone what a person paused', async () => {
    bench.world.shutdown = { workingEntries: 'wait', waitAtMostMs: 300_000 };
    const intentId = await bench.workingEntry();
    for (const byPerson of [false, true]) {
      const down = await bench.ask('gracefulShutdown');
      await eventually(async () => expect((await bench.state(down)).steps[1]?.state).toBe('doing'), LIMIT_MS);
      if (byPerson) await bench.person('paused');
      await bench.tell(down, 'abort', null);
      expect(await bench.endOf(down)).toEqual({ status: 'aborted', detail: 'aborted by olga: a test' });
      expect(await bench.mode()).toBe(byPerson ? 'paused' : 'normal');
      if (!byPerson) expect(await bench.statusOf(intentId)).toBe('accepted');
    }
    // What a person pauses waits for nothing that rests.
    await eventually(async () => expect(await bench.statusOf(intentId)).toBe('canceled'), LIMIT_MS);
    // Where a person has paused it the rest is done all the same.
    bench.world.shutdown = { workingEntries: 'cancel', waitAtMostMs: 0 };
    expect(await bench.endOf(await bench.ask('gracefulShutdown'))).toMatchObject({ status: 'completed' });
  });

  it('shut down, an entry that rests is waited for as long as is configured, and no longer: then it is canceled at the venue', async () => {
    bench.world.shutdown = { workingEntries: 'wait', waitAtMostMs: 2_000 };
    const intentId = await bench.workingEntry();
    const [resting] = await bench.stack.venue.reader.openOrders(INSTRUMENT);
    const down = await bench.ask('gracefulShutdown');
    expect(await bench.endOf(down)).toEqual({ status: 'completed', detail: null });
    expect([await bench.mode(), await bench.statusOf(intentId)]).toEqual(['paused', 'canceled']);
    const { reader } = bench.stack.venue;
    expect(await reader.openOrders(INSTRUMENT)).toEqual([]);
    expect(await reader.lookUp(INSTRUMENT, resting?.clientOrderId ?? '')).toMatchObject({ order: { status: 'canceled' } });
    // By the shutdown, and not before the wait was over.
    const [waited] = await bench.query<{ because: string; is_waited: boolean }>(
      `select e.data->>'because' as because, e.occurred_at >= p.started_at + interval '1.9 seconds' as is_waited
         from audit_events e, runbook_parts p
         where e.kind = 'order.pendingCancel' and e.data->>'intentId' = $1 and p.run_id = $2 and p.name = 'entries' and p.part = 'action'`,
      intentId,
      down,
    );
    expect(waited).toEqual({ because: 'shutdown', is_waited: true });
    const quiet = await bench.query(`select output from runbook_parts where run_id = $1 and name = 'quiet'`, down);
    expect(quiet).toEqual([{ output: { safeToStop: true } }]);
  });

  it('shut down while it waits for an entry that fills: its stop stays, and what is left is told', async () => {
    bench.world.shutdown = { workingEntries: 'wait', waitAtMostMs: 300_000 };
    const intentId = await bench.workingEntry();
    const down = await bench.ask('gracefulShutdown');
    await eventually(async () => expect((await bench.state(down)).steps[1]?.state).toBe('doing'), LIMIT_MS);
    expect([await bench.mode(), await bench.statusOf(intentId)]).toEqual(['paused', 'accepted']);
    const [shown] = await bench.stack.venue.reader.openOrders(INSTRUMENT);
    const filled = await fetch(new URL(`/orders/${shown?.venueOrderId}/fill`, bench.stack.addresses.admin), { method: 'POST', body: '{}' });
    expect(filled.status).toBe(200);
    await bench.endOf(down);
    const rows = await bench.query<{ output: Record<string, readonly object[]> }>(
      `select output from runbook_parts where run_id = $1 and name = 'report'`,
      down,
    );
    expect(rows[0]?.output).toMatchObject({
      openOrders: [{ purpose: 'stop', instrument: INSTRUMENT, side: 'sell', stopPrice: expect.stringMatching(/^\d/) as string }],
      positions: [{ strategy: 'momentum', instrument: INSTRUMENT }],
      ...{ withoutStop: [], uncovered: [], unknownOrders: [] },
    });
    expect(await bench.mode()).toBe('paused');
  });
});
