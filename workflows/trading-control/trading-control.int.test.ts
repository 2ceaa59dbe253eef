import { Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createControlActivities } from '../../activities/control/index.js';
import { createOrderActivities } from '../../activities/order/index.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { bundleEdited } from '../../test/support/edited-bundle.js';
import { seedCommand, seedPerson } from '../../test/support/people.js';
import { temporalIfAny, type TestTemporal } from '../../test/support/temporal.js';
import { codeOfUpdate } from '../../test/support/update-failure.js';
import { ACCOUNT, openTradingStack, workflowBundle, type TradingStack } from '../../test/support/trading-stack.js';
import type { ModeChange } from './messages.js';
import { eventually } from '../../test/support/eventually.js';

const temporal = await temporalIfAny();
type Kind = 'pause' | 'resume';

describe.skipIf(temporal === undefined)('tradingControl, on a real server and ledger', () => {
  const server = temporal as TestTemporal;
  let stack: TradingStack;
  let connection: NativeConnection;
  let client: Client;
  let handle: WorkflowHandle;
  let taskQueue: string;
  let working: { stop(): Promise<void> } | undefined;

  beforeAll(async () => {
    stack = await openTradingStack();
    connection = await NativeConnection.connect({ address: server.address });
    client = new Client({ connection, namespace: server.namespace });
    for (const [subject, role] of [
      ['ada', 'admin'],
      ['rik', 'risk'],
      ['otto', 'operator'],
    ] as const)
      await seedPerson(stack.database.pool, subject, [role]);
    await stack.database.pool.query(`insert into accounts (account, venue) values ('other', 'paper')`);
    await stack.database.pool.query(`insert into control (account) values ('other')`);
  });
  afterAll(async () => {
    await connection?.close();
    await stack?.close();
  });

  const work = async (workflowCode: Promise<WorkflowBundle> = workflowBundle()): Promise<void> => {
    const worker = await Worker.create({
      connection,
      namespace: server.namespace,
      taskQueue,
      workflowBundle: await workflowCode,
      activities: createControlActivities(
        createControlStore(stack.database.pool),
        () => Promise.resolve(false),
        () => Promise.resolve(),
      ),
    });
    const running = worker.run();
    working = {
      async stop() {
        worker.shutdown();
        await running;
        working = undefined;
      },
    };
  };
  const begin = (): Promise<WorkflowHandle> =>
    client.workflow.start('tradingControl', { taskQueue, workflowId: `control-${randomUUID()}`, args: [ACCOUNT] });
  beforeEach(() => {
    taskQueue = `control-${randomUUID()}`;
  });
  afterEach(async () => {
    await handle.terminate('the test is over');
    await working?.stop();
  });

  const row = (kind: Kind, account = ACCOUNT): Promise<string> => seedCommand(stack.database.pool, { account, kind, subject: 'ada' });
  const tell = (kind: Kind, commandId: unknown): Promise<ModeChange> => handle.executeUpdate(kind, { args: [{ commandId }] });
  const control = async (account = ACCOUNT): Promise<{ mode: string; version: string }> => {
    const { rows } = await stack.database.pool.query<{ mode: string; version: string }>(
      'select mode, version from control where account = $1',
      [account],
    );
    return rows[0] ?? { mode: '', version: '' };
  };

  it('pause and resume change the mode because a person’s row says so, and are audited under that person', async () => {
    await work();
    handle = await begin();
    expect(await tell('pause', await row('pause'))).toMatchObject({ account: ACCOUNT, mode: 'paused', subject: 'ada', reason: 'a test' });
    expect((await control()).mode).toBe('paused');
    expect(await handle.query('lastChange')).toMatchObject({ mode: 'paused', subject: 'ada' });
    expect(await tell('resume', await row('resume'))).toMatchObject({ mode: 'normal' });
    expect((await control()).mode).toBe('normal');
    const { rows } = await stack.database.pool.query(
      `select subject, data->>'mode' as mode from audit_events where kind = 'mode.changed' order by event_id desc limit 2`,
    );
    expect(rows).toEqual([
      { subject: 'ada', mode: 'normal' },
      { subject: 'ada', mode: 'paused' },
    ]);
  });

  it('the same command twice changes once', async () => {
    await work();
    handle = await begin();
    const pause = await row('pause');
    await tell('pause', pause);
    await tell('resume', await row('resume'));
    const before = await control();
    expect(await tell('pause', pause)).toMatchObject({ mode: 'normal' });
    expect(await control()).toEqual(before);
  });

  it('a raw update changes nothing: without a row, with one of another account or kind, or with no id at all', async () => {
    await work();
    handle = await begin();
    const before = [await control(), await control('other')];
    expect(await codeOfUpdate(tell('pause', randomUUID()))).toBe('AUTH_FORBIDDEN');
    expect(await codeOfUpdate(tell('pause', await row('pause', 'other')))).toBe('AUTH_FORBIDDEN');
    expect(await codeOfUpdate(tell('pause', await row('resume')))).toBe('AUTH_FORBIDDEN');
    for (const malformed of ['', 'no-id', `${randomUUID()}' or true --`, undefined, null, 7, [await row('pause')], { mode: 'paused' }]) {
      expect(await codeOfUpdate(tell('pause', malformed))).toBe('INPUT_INVALID');
    }
    expect(await codeOfUpdate(handle.executeUpdate('pause', { args: [] }))).toBe('INPUT_INVALID');
    expect([await control(), await control('other')]).toEqual(before);
    expect(await handle.query('lastChange')).toBeNull();
  });

  it('what a risk officer paused goes on by two people’s rows; a raw update ends it neither before nor with names in it', async () => {
    await work();
    handle = await begin();
    const { pool } = stack.database;
    await tell('pause', await seedCommand(pool, { account: ACCOUNT, kind: 'pause', subject: 'rik', holds: true }));
    const resume = await seedCommand(pool, { account: ACCOUNT, kind: 'resume', subject: 'otto' });
    const raw = (more: object = {}) => handle.executeUpdate('resume', { args: [{ commandId: resume, ...more }] });
    expect(await codeOfUpdate(raw())).toBe('AUTH_APPROVAL_CLOSED');
    await pool.query('select request_resume($1)', [{ commandId: resume, validForMs: 60_000 }]);
    for (const claim of [{ approvedBy: ['rik', 'ada'] }, { subject: 'rik', approved: true }, { state: 'approved', payload: {} }]) {
      expect(await codeOfUpdate(raw(claim))).toBe('AUTH_APPROVAL_CLOSED');
    }
    expect((await control()).mode).toBe('paused');
    const decided = await pool.query<{ answer: string }>(
      `select decide_approval(jsonb_build_object('requestId', request_id, 'payloadHash', encode(payload_sha256, 'hex'), 'subject', 'ada',
         'decision', 'approved', 'reason', 'a test', 'keyId', (select key_id from api_keys where subject = 'ada'))) as answer
         from approval_requests where request_id = $1`,
      [resume],
    );
    expect(decided.rows).toEqual([{ answer: 'written' }]);
    expect(await raw({ subject: 'nobody' })).toMatchObject({ mode: 'normal', subject: 'otto' });
    expect((await control()).mode).toBe('normal');
  });

  it('the mode holds over a restart of the worker, and what was asked meanwhile is carried out', async () => {
    await work();
    handle = await begin();
    await tell('pause', await row('pause'));
    await working?.stop();
    expect((await control()).mode).toBe('paused');
    const asked = handle.executeUpdate('resume', { args: [{ commandId: await row('resume') }] });
    expect((await control()).mode).toBe('paused');
    await work();
    expect(await asked).toMatchObject({ mode: 'normal' });
    expect((await control()).mode).toBe('normal');
  });

  it('a long conversation goes on in a new run that knows the last change, with no command lost', async () => {
    await work(bundleEdited('workflows/trading-control/trading-control.ts', [['HISTORY_LIMIT = 2_000', 'HISTORY_LIMIT = 40']]));
    handle = await begin();
    const first = (await handle.describe()).runId;
    const latest = client.workflow.getHandle(handle.workflowId);
    handle = latest;
    for (let turn = 0; turn < 4; turn += 1) {
      expect(await tell('pause', await row('pause'))).toMatchObject({ mode: 'paused' });
      expect(await tell('resume', await row('resume'))).toMatchObject({ mode: 'normal' });
    }
    await eventually(async () => expect((await latest.describe()).runId).not.toBe(first), 20_000);
    expect(await latest.query('lastChange')).toMatchObject({ mode: 'normal', subject: 'ada' });
  });

  it('P5: an order that was authorised before the pause is not sent after it', async () => {
    await work();
    handle = await begin();
    const orders = createOrderActivities(stack.dependencies);
    const authorisation = await orders.authorise(stack.signal('open', 1_000));
    if (authorisation.kind !== 'authorised') throw new Error(`denied: ${JSON.stringify(authorisation.failures)}`);
    await tell('pause', await row('pause'));
    const { intentId } = authorisation.order;
    expect(await orders.submit(intentId, ACCOUNT)).toMatchObject({ kind: 'refused', failures: [{ code: 'RISK_CONTROL_CHANGED' }] });
    expect(stack.witness().orders.size).toBe(0);
    expect(await stack.dependencies.store.order(intentId)).toMatchObject({ status: 'expired', reservedNotional: '0' });
    const denied = await orders.authorise(stack.signal('open', 2_000));
    expect(denied).toMatchObject({ kind: 'denied', failures: [{ code: 'RISK_MODE' }] });
    await tell('resume', await row('resume'));
    expect(await orders.authorise(stack.signal('open', 3_000))).toMatchObject({ kind: 'authorised' });
  });
});
