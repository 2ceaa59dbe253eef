import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker, type WorkflowBundle } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createControlActivities } from '../../activities/control/index.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { apiUnderTest, type ApiUnderTest, askAs, controlVersion, KEYS, seedPeople } from '../../test/support/api.js';
import { foundClean } from '../../test/support/found-clean.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { tradingControlWorkflowId } from '../../workflows/names.js';
import type { ControlPort } from './control-port.js';
import { recordCommand } from './record-command.js';
import { temporalControl } from './temporal-control.js';

// The SDK tells of every state of a worker; here only what goes wrong is of interest.
const logger = new DefaultLogger('WARN', () => undefined);
const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('pause and resume, through the workflow to the ledger', () => {
  const { address = '', namespace = '' } = temporal ?? {};
  const taskQueue = `control-${randomUUID()}`;
  const account = `a${randomUUID().slice(0, 8)}`;
  let store: TestDatabase;
  let bundle: WorkflowBundle;
  let ownerKey: string;
  let connection: NativeConnection;
  let control: ControlPort;
  /** What the venue tells of the account's key. */
  let withdraws: () => Promise<boolean | undefined>;
  let compare: (account: string) => Promise<void>;
  let api: ApiUnderTest;

  beforeAll(async () => {
    store = await testDatabase();
    await seedPeople(store.pool);
    const { rows } = await store.pool.query<{ key: string }>(
      `select key_id as key from api_keys where subject = 'owner' and revoked_at is null`,
    );
    ownerKey = rows[0]?.key ?? '';
    await store.pool.query(`insert into accounts (account, venue) values ($1, 'paper')`, [account]);
    await store.pool.query('insert into control (account) values ($1)', [account]);
    Runtime.install({ logger });
    bundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
      logger,
    });
    connection = await NativeConnection.connect({ address });
  });
  afterAll(async () => {
    const client = await Connection.connect({ address });
    await new Client({ connection: client, namespace }).workflow.getHandle(tradingControlWorkflowId(account)).terminate('the test is over');
    await client.close();
    await connection.close();
    await store.drop();
  });
  /** The usual limit is for people; a busy machine may take longer to bring a worker up. */
  const open = (answerLimitMs: number): void => {
    control = temporalControl({ connection: { address }, namespace, taskQueue, answerLimitMs });
    api = apiUnderTest(store, { control });
  };
  beforeEach(() => {
    withdraws = () => Promise.resolve(false);
    compare = () => Promise.resolve();
    open(60_000);
  });
  afterEach(async () => {
    await api.close();
    await control.close();
  });

  const whileWorking = async <T>(work: () => Promise<T>): Promise<T> => {
    const activities = createControlActivities(
      createControlStore(store.pool),
      () => withdraws(),
      (one) => compare(one),
    );
    const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle: bundle, activities });
    return worker.runUntil(work);
  };
  const ask = async (
    kind: 'pause' | 'resume' | 'mode',
    body: Record<string, unknown>,
    key: string = KEYS.owner,
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const seen = kind === 'resume' ? { expectedVersion: await controlVersion(store.pool, account) } : {};
    const headers = { host: 'localhost', authorization: `Bearer ${key}` };
    const answer = await api.server.inject({
      method: 'POST',
      url: `/v1/control/${kind}`,
      headers,
      payload: { account, reason: 'a test', ...seen, ...body },
    });
    return { status: answer.statusCode, body: answer.json() };
  };
  const mode = async (): Promise<string | undefined> =>
    (await store.pool.query<{ mode: string }>('select mode from control where account = $1', [account])).rows[0]?.mode;

  test('the mode changes and is audited under the caller’s name', async () => {
    await whileWorking(async () => {
      // Named in capitals, as some programs print ids.
      const commandId = randomUUID();
      expect(await ask('pause', { commandId: commandId.toUpperCase() })).toMatchObject({
        status: 200,
        body: { commandId, mode: 'paused' },
      });
      expect(await mode()).toBe('paused');
      expect(await ask('resume', {})).toMatchObject({ status: 200, body: { mode: 'normal' } });
    });
    const { rows } = await store.pool.query(
      `select subject, data ->> 'mode' as mode from audit_events where account = $1 order by event_id`,
      [account],
    );
    expect(rows).toEqual([
      { subject: 'owner', mode: 'paused' },
      { subject: 'owner', mode: 'normal' },
    ]);
  });

  test('a key that may withdraw trades by nobody’s resume; a venue that does not tell, or not in time, stands in no way', async () => {
    await whileWorking(async () => {
      withdraws = () => Promise.resolve(true);
      expect(await ask('pause', {})).toMatchObject({ status: 200 });
      const commandId = randomUUID();
      const refused = {
        status: 422,
        body: { code: 'RISK_KEY_WITHDRAWS', detail: expect.stringContaining(`The key of ${account} at paper`) as string },
      };
      expect(await ask('resume', { commandId })).toMatchObject(refused);
      const [row] = (await store.pool.query<{ version: string }>('select version from control where account = $1', [account])).rows;
      expect(await ask('mode', { mode: 'normal', expectedVersion: Number(row?.version) })).toMatchObject(refused);
      expect(await mode()).toBe('paused');
      // It is mended, and the same command is carried out.
      withdraws = () => Promise.resolve(false);
      expect(await ask('resume', { commandId })).toMatchObject({ status: 200, body: { mode: 'normal' } });
      for (const unknown of [
        () => Promise.resolve(undefined),
        () => Promise.reject(new Error('away')),
        () => new Promise<undefined>(() => undefined),
      ]) {
        withdraws = unknown;
        expect(await ask('pause', {})).toMatchObject({ status: 200 });
        expect(await ask('resume', {})).toMatchObject({ status: 200, body: { mode: 'normal' } });
      }
    });
  });

  test('what has to be found clean first is compared by the resume itself, and refused where it is not', async () => {
    const held = { since: new Date(Date.now() - 60_000).toISOString(), was: 'paused', classes: ['unknown'] };
    await whileWorking(async () => {
      await store.pool.query(`update control set mode = 'paused', reconciliation_hold = $2 where account = $1`, [account, held]);
      expect(await ask('resume', {})).toMatchObject({ status: 422, body: { code: 'RISK_NOT_RECONCILED' } });
      compare = (one) => foundClean(store.pool, one);
      expect(await ask('resume', {})).toMatchObject({ status: 200, body: { mode: 'normal' } });
    });
  });

  test('without a guardian the caller is told, and the recorded command is carried out when one comes', async () => {
    const commandId = randomUUID();
    await api.close();
    await control.close();
    open(1_000);
    const waiting = await ask('pause', { commandId });
    expect(waiting).toMatchObject({ status: 503, body: { code: 'INFRA_TEMPORAL' } });
    expect(waiting.body['detail']).toContain(`the command ${commandId} is recorded but was not carried out within 1 s`);
    await api.close();
    await control.close();
    open(60_000);
    await whileWorking(async () => {
      expect(await ask('pause', { commandId })).toMatchObject({ status: 200, body: { mode: 'paused' } });
      // Asked a third time it is the same command, also after another has been carried out.
      expect(await ask('resume', {})).toMatchObject({ body: { mode: 'normal' } });
      expect(await ask('pause', { commandId })).toMatchObject({ status: 200, body: { mode: 'normal' } });
    });
  });

  test('a command without a row is refused by the workflow', async () => {
    await whileWorking(async () => {
      const command = { commandId: randomUUID(), account, kind: 'pause' } as const;
      await expect(control.execute(command)).rejects.toThrow('was made under a person');
    });
    expect(await mode()).toBe('normal');
  });

  test('what a risk officer paused waits for two, however Temporal is told', async () => {
    await whileWorking(async () => {
      expect(await ask('pause', {}, KEYS.risk)).toMatchObject({ status: 200 });
      const commandId = randomUUID();
      const waiting = await ask('resume', { commandId }, KEYS.operator);
      expect(waiting).toMatchObject({ status: 409, body: { code: 'AUTH_APPROVAL_NEEDED' } });
      await expect(control.execute({ commandId, account, kind: 'resume' })).rejects.toMatchObject({
        failure: { code: 'AUTH_APPROVAL_CLOSED', values: { state: 'not approved yet' } },
      });
      expect(await mode()).toBe('paused');
      const headers = { host: 'localhost', authorization: `Bearer ${KEYS.owner}` };
      const listed = await api.server.inject({ url: `/v1/approvals?requestId=${commandId}`, headers });
      const payloadHash = listed.json<{ requests: { payloadHash: string }[] }>().requests[0]?.payloadHash;
      const payload = { requestId: commandId, payloadHash, reason: 'seen' };
      const approved = await api.server.inject({ method: 'POST', url: '/v1/approvals/approve', headers, payload });
      expect(approved.json()).toMatchObject({ state: 'used', requestedBy: 'operator' });
      expect(await mode()).toBe('normal');
    });
  });

  test('any mode, on the version that was seen; to let an account do more is for fewer', async () => {
    const version = (): Promise<number> => controlVersion(store.pool, account);
    await whileWorking(async () => {
      const seen = await version();
      expect(await ask('mode', { mode: 'reduceOnly', expectedVersion: seen }, KEYS.trader)).toMatchObject({
        status: 200,
        body: { mode: 'reduceOnly' },
      });
      // Somebody was quicker.
      expect(await ask('mode', { mode: 'paused', expectedVersion: seen }, KEYS.trader)).toMatchObject({
        status: 409,
        body: { code: 'INPUT_MODE_MOVED', detail: expect.stringContaining('is in mode reduceOnly') },
      });
      const now = await version();
      expect(await ask('mode', { mode: 'observation', expectedVersion: now }, KEYS.trader)).toMatchObject({ status: 403 });
      expect(await ask('mode', { mode: 'observation', expectedVersion: now }, KEYS.operator)).toMatchObject({
        status: 200,
        body: { mode: 'observation' },
      });
      expect(await mode()).toBe('observation');
      // What a risk officer tightens, nobody loosens alone.
      expect(await ask('mode', { mode: 'paused', expectedVersion: await version() }, KEYS.risk)).toMatchObject({ status: 200 });
      const commandId = randomUUID();
      const wish = { mode: 'normal', expectedVersion: await version(), commandId };
      expect(await ask('mode', wish, KEYS.operator)).toMatchObject({ status: 409, body: { code: 'AUTH_APPROVAL_NEEDED' } });
      expect(await mode()).toBe('paused');
      const { body } = await askAs(api.server, KEYS.owner, 'GET', `/v1/approvals?requestId=${commandId}`);
      const [request] = body['requests'] as { payloadHash: string }[];
      const decision = { requestId: commandId, payloadHash: request?.payloadHash, reason: 'seen' };
      expect(await askAs(api.server, KEYS.owner, 'POST', '/v1/approvals/approve', decision)).toMatchObject({ status: 200 });
      expect(await mode()).toBe('normal');
    });
  });

  test('a resume that was decided on what is not so any more is refused where it is carried out', async () => {
    await whileWorking(async () => {
      expect(await ask('pause', {})).toMatchObject({ status: 200 });
      const seen = await controlVersion(store.pool, account);
      expect(await ask('pause', { reason: 'another person' }, KEYS.trader)).toMatchObject({ status: 200 });
      // As if that pause had come between the look of the API and the statement.
      const commandId = randomUUID();
      await recordCommand(api.context.database, {
        ...{ commandId, account, kind: 'resume', subject: 'owner', keyId: ownerKey, reason: 'a test', holds: false, expectedVersion: seen },
      });
      expect(await ask('resume', { commandId })).toMatchObject({
        status: 409,
        body: { code: 'INPUT_MODE_MOVED', detail: expect.stringContaining(`is in mode paused at version ${seen + 1} by now`) as string },
      });
      expect(await mode()).toBe('paused');
      expect(await ask('resume', {})).toMatchObject({ status: 200, body: { mode: 'normal' } });
    });
  });

  test('ready means that the namespace answers', async () => {
    await expect(control.check()).resolves.toBeUndefined();
    const nowhere = temporalControl({ connection: { address: '127.0.0.1:1' }, namespace });
    await expect(nowhere.check()).rejects.toThrow(/connect|UNAVAILABLE|DEADLINE/i);
    await nowhere.close();
  });
});
