import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { Caller } from '../auth/caller.js';
import { decide as decideRequest } from '../people/decide.js';
import { openDatabase, type Database } from './database.js';
import { readApprovals, type ApprovalRequest } from './approvals.js';

describe('what a request for a second person has come to', () => {
  let store: TestDatabase;
  let database: Database & { close(): Promise<void> };
  const keys: Record<string, string> = {};

  beforeAll(async () => {
    store = await testDatabase();
    for (const [subject, role] of [
      ['olga', 'operator'],
      ['rik', 'risk'],
      ['rita', 'risk'],
    ] as const) {
      keys[subject] = await seedPerson(store.pool, subject, [role]);
    }
    await store.pool.query(`insert into accounts (account, venue) values ('main', 'paper')`);
    await store.pool.query(`insert into control (account) values ('main')`);
    database = openDatabase(store.url, () => undefined);
  });
  afterAll(async () => {
    await database?.close();
    await store?.drop();
  });
  beforeEach(() => store.pool.query('delete from runbook_locks'));

  const call = async <Answer>(name: string, values: object): Promise<Answer> =>
    (await store.pool.query<{ answer: Answer }>(`select ${name}($1) as answer`, [values])).rows[0]?.answer as Answer;
  const told = async (requestId: string): Promise<Pick<ApprovalRequest, 'state' | 'detail'>> => {
    const [{ state, detail } = { state: 'pending' as const, detail: null }] = await readApprovals(database, { requestId, limit: 1 });
    return { state, detail };
  };
  const approve = async (requestId: string): Promise<void> => {
    const [request] = await readApprovals(database, { requestId, limit: 1 });
    const how = { requestId, payloadHash: request?.payloadHash, subject: 'rik', keyId: keys['rik'], decision: 'approved', reason: 'seen' };
    expect(await call('decide_approval', how)).toBe('written');
  };
  const decide = async (requestId: string, decision: 'approved' | 'refused'): Promise<void> => {
    const [request] = await readApprovals(database, { requestId, limit: 1 });
    const how = { requestId, payloadHash: request?.payloadHash ?? '', reason: 'seen' };
    await decideRequest(database, { subject: 'rita', keyId: keys['rita'] ?? '' } as Caller, decision, how);
  };
  const plan = { steps: [] };
  const askedRun = async (): Promise<string> => {
    const runId = randomUUID();
    const run = { runId, runbook: 'morningChecks', account: 'main', resource: 'test:main', inputs: {}, reason: 'a test' };
    expect(await call('ask_runbook', { ...run, subject: 'olga', underKey: keys['olga'] })).toBe('asked');
    expect(await call('plan_runbook', { runId, plan, needsApproval: true, validForMs: 60_000 })).toBe('pending');
    return runId;
  };
  const askedLimit = async (version: number): Promise<string> => {
    const requestId = randomUUID();
    const payload = { scope: 'account', scopeValue: 'main', account: 'main', key: 'maxOpenOrders', from: '5', value: '9', version };
    const asked = { requestId, action: 'loosenLimit', account: 'main', payload, reason: 'a test', subject: 'rik', underKey: keys['rik'] };
    expect(await call('request_approval', { ...asked, validForMs: 60_000 })).toMatchObject({ result: 'pending' });
    return requestId;
  };

  it('of a run that was given up before anybody decided, nothing comes any more', async () => {
    const runId = await askedRun();
    expect(await told(runId)).toMatchObject({ state: 'pending' });
    await call('end_runbook', { runId, status: 'aborted', detail: 'by olga' });
    expect(await told(runId)).toEqual({ state: 'lapsed', detail: 'its run has ended: aborted, by olga' });
  });

  it('what nothing can come of is not approved: nothing is written, and it is said why and what to do; to refuse it stays possible', async () => {
    const runId = await askedRun();
    await call('end_runbook', { runId, status: 'aborted', detail: 'by olga' });
    await expect(decide(runId, 'approved')).rejects.toMatchObject({
      failure: { code: 'AUTH_APPROVAL_CLOSED' },
      message: expect.stringMatching(
        /lapsed \(its run has ended: aborted, by olga\): nothing is done\. Who still wants it asks for it anew/,
      ) as string,
    });
    const { rows } = await store.pool.query(
      `select decision from approvals where request_id = $1 union all select kind from audit_events where data->>'requestId' = $1::text and kind = 'approval.approved'`,
      [runId],
    );
    expect(rows).toEqual([]);
    await decide(runId, 'refused');
    expect(await told(runId)).toMatchObject({ state: 'refused' });
  });

  it('of one that was approved and did not begin, neither; of one that began, it tells how that is', async () => {
    const [ended, begun] = [await askedRun(), await askedRun()];
    await approve(ended);
    await call('end_runbook', { runId: ended, status: 'preempted', detail: 'a halt' });
    expect(await told(ended)).toEqual({ state: 'lapsed', detail: 'its run has ended: preempted, a halt' });
    // What it waited for does not stay on its row when it has begun.
    await call('tell_runbook', { runId: begun, status: 'waitingForApproval', detail: 'another person approves its plan' });
    await approve(begun);
    expect(await call('begin_runbook', { runId: begun, plan, runsUnderHalt: true })).toMatchObject({ result: 'begun' });
    expect(await told(begun)).toEqual({ state: 'used', detail: 'running' });
    await call('end_runbook', { runId: begun, status: 'completed', detail: null });
    expect(await told(begun)).toEqual({ state: 'used', detail: 'completed' });
  });

  it('a limit that was changed since is not changed by it, and who may not ask any more has asked for nothing', async () => {
    expect(await told(await askedLimit(7))).toEqual({ state: 'lapsed', detail: 'the limit was changed since it was asked for' });
    const fresh = await askedLimit(0);
    expect(await told(fresh)).toEqual({ state: 'pending', detail: null });
    await store.pool.query(`update people set roles = '{viewer}' where subject = 'rik'`);
    expect(await told(fresh)).toMatchObject({ state: 'lapsed', detail: expect.stringContaining('may not ask for it any more') as string });
    await store.pool.query(`update people set roles = '{risk}' where subject = 'rik'`);
  });
});
