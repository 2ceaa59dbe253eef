import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ACTIONS, mayDo } from '../core/people/actions.js';
import { ROLES } from '../core/people/roles.js';
import { type Answer, apiUnderTest, type ApiUnderTest, askAs, controlVersion, KEYS, seedPeople } from '../test/support/api.js';
import { seedKey, seedPerson } from '../test/support/people.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import type { ApprovalRequest } from './read/approvals.js';
import type { Person } from './read/people.js';
import { allRoutes } from './routes/all.js';

let store: TestDatabase;
let api: ApiUnderTest;
let server: FastifyInstance;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await store.pool.query(`insert into accounts (account, venue) values ('main', 'paper')`);
  await store.pool.query(`insert into control (account) values ('main')`);
});
afterAll(() => store.drop());
beforeEach(() => {
  api = apiUnderTest(store);
  server = api.server;
});
afterEach(() => api.close());

const call = (key: string, method: string, url: string, body?: unknown): Promise<Answer> => askAs(server, key, method, url, body);
const post = (key: string, url: string, body: unknown): Promise<Answer> => call(key, 'POST', url, body);
const people = async (): Promise<Person[]> => (await call(KEYS.owner, 'GET', '/v1/people')).body['people'] as Person[];
const person = async (name: string): Promise<Person | undefined> => (await people()).find((one) => one.person === name);

test('every role on every route: refused exactly where the table says so', async () => {
  const keyOf = { ...KEYS, admin: KEYS.owner };
  for (const { method, path, access } of allRoutes(api.context)) {
    for (const role of ROLES) {
      const { status, body } = await call(keyOf[role], method, path, method === 'POST' ? {} : undefined);
      const isAllowed = access === 'everyone' || mayDo([role], access);
      expect({ path, role, isForbidden: status === 403 }).toEqual({ path, role, isForbidden: !isAllowed });
      if (!isAllowed) expect(body['detail']).toContain(`one of ${ACTIONS[access].join(', ')} is needed`);
    }
  }
});

describe('people', () => {
  test('a key is shown once, kept as a hash, acts as its person, and its use is seen', async () => {
    const added = await post(KEYS.owner, '/v1/people', { person: 'tess', name: 'Tess Trader', roles: ['trader', 'operator'] });
    expect(added).toMatchObject({ status: 200, body: { person: 'tess', key: expect.stringMatching(/^keelson_[\w-]{43}$/) } });
    const key = String(added.body['key']);
    expect((await person('tess'))?.keys).toMatchObject([{ label: 'first', lastUsedTime: null, revokedTime: null }]);
    expect(await call(key, 'GET', '/v1/people/me')).toEqual({
      status: 200,
      body: { person: 'tess', name: 'Tess Trader', roles: ['trader', 'operator'] },
    });
    expect(Math.abs(Number((await person('tess'))?.keys[0]?.lastUsedTime) - Date.now())).toBeLessThan(60_000);
    const everything = await store.pool.query(
      `select (select jsonb_agg(to_jsonb(k)) from api_keys k)::text || (select jsonb_agg(to_jsonb(e)) from audit_events e)::text as text`,
    );
    expect(JSON.stringify(everything.rows)).not.toContain(key.slice('keelson_'.length));
    expect(JSON.stringify(await people())).not.toContain(key.slice('keelson_'.length));
  });

  test('changes are audited under the person and key of the caller, whoever the payload speaks of', async () => {
    await post(KEYS.owner, '/v1/people', { person: 'vera', name: 'Vera', roles: ['viewer'] });
    const forged = await post(KEYS.owner, '/v1/people/keys', { person: 'vera', subject: 'risk' });
    expect(forged.status).toBe(400);
    await post(KEYS.owner, '/v1/people/keys', { person: 'vera', label: 'laptop' });
    const { rows } = await store.pool.query(
      `select e.kind, e.subject, k.subject as key_of from audit_events e join api_keys k on k.key_id = (e.data->>'underKey')::uuid
         where e.data->>'person' = 'vera' order by event_id`,
    );
    expect(rows).toEqual([
      { kind: 'person.added', subject: 'owner', key_of: 'owner' },
      { kind: 'key.given', subject: 'owner', key_of: 'owner' },
    ]);
  });

  test('a revoked key and a deactivated person count no more from the next call', async () => {
    const first = await post(KEYS.owner, '/v1/people', { person: 'rob', name: 'Rob', roles: ['risk'] });
    const second = await post(KEYS.owner, '/v1/people/keys', { person: 'rob' });
    const [one, two] = [String(first.body['key']), String(second.body['key'])];
    expect((await post(KEYS.owner, '/v1/people/keys/revoke', { keyId: first.body['keyId'] })).status).toBe(200);
    expect((await post(KEYS.owner, '/v1/people/keys/revoke', { keyId: first.body['keyId'] })).status).toBe(200);
    expect((await call(one, 'GET', '/v1/status')).status).toBe(401);
    expect((await call(two, 'GET', '/v1/status')).status).toBe(200);
    expect((await post(KEYS.owner, '/v1/people/deactivate', { person: 'rob', reason: 'has left' })).status).toBe(200);
    expect((await call(two, 'GET', '/v1/status')).status).toBe(401);
    expect((await post(KEYS.owner, '/v1/people/keys', { person: 'rob' })).body['code']).toBe('INPUT_UNKNOWN_PERSON');
    expect((await post(KEYS.owner, '/v1/people', { person: 'rob', name: 'Rob', roles: ['risk'] })).body['code']).toBe(
      'INPUT_PERSON_EXISTS',
    );
  });

  test('roles are changed by an admin, count from the next call, and are audited from and to', async () => {
    expect((await post(KEYS.owner, '/v1/people/roles', { person: 'viewer', roles: ['auditor'] })).status).toBe(200);
    expect((await call(KEYS.viewer, 'GET', '/v1/people')).status).toBe(200);
    expect((await post(KEYS.owner, '/v1/people/roles', { person: 'viewer', roles: ['viewer'] })).status).toBe(200);
    expect((await call(KEYS.viewer, 'GET', '/v1/people')).status).toBe(403);
    expect((await post(KEYS.owner, '/v1/people/roles', { person: 'nobody', roles: ['viewer'] })).body['code']).toBe('INPUT_UNKNOWN_PERSON');
    expect((await post(KEYS.owner, '/v1/people/roles', { person: 'owner', roles: ['viewer'] })).body['code']).toBe('AUTH_LAST_ADMIN');
    const { rows } = await store.pool.query(
      `select subject, data->'from' as before, data->'to' as after from audit_events where kind = 'roles.changed'`,
    );
    expect(rows).toEqual([
      { subject: 'owner', before: ['viewer'], after: ['auditor'] },
      { subject: 'owner', before: ['auditor'], after: ['viewer'] },
    ]);
  });

  test('the last admin stays, by person and by key, also when two go at once', async () => {
    expect((await post(KEYS.owner, '/v1/people/deactivate', { person: 'owner', reason: 'a slip' })).body['code']).toBe('AUTH_LAST_ADMIN');
    const keyId = (await person('owner'))?.keys.find(({ revokedTime }) => revokedTime === null)?.keyId;
    expect((await post(KEYS.owner, '/v1/people/keys/revoke', { keyId })).body['code']).toBe('AUTH_LAST_ADMIN');
    await seedPerson(store.pool, 'ada', ['admin'], 'key-of-ada');
    const both = await Promise.all([
      post(KEYS.owner, '/v1/people/deactivate', { person: 'ada', reason: 'a race' }),
      post('key-of-ada', '/v1/people/deactivate', { person: 'owner', reason: 'a race' }),
    ]);
    // The slower of the two is refused, or its key has been revoked before it was looked at.
    expect(both.filter(({ status }) => status === 200)).toHaveLength(1);
    await store.pool.query(`update people set deactivated_at = null where subject in ('owner', 'ada')`);
    await store.pool.query(`update api_keys set revoked_at = null where label = 'owner'`);
  });

  test('no key is in any log, whatever is asked with it', async () => {
    const lines: string[] = [];
    const logged = apiUnderTest(store, { logger: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }) });
    server = logged.server;
    const added = await post(KEYS.owner, '/v1/people', { person: 'quinn', name: 'Quinn', roles: ['viewer'] });
    const key = String(added.body['key']);
    await call(key, 'GET', `/v1/status?key=${key}`);
    await post(key, '/v1/people/keys', { person: 'quinn' });
    await call(`${key}x`, 'GET', '/v1/status');
    await store.pool.query('alter table people rename to people_away');
    expect((await call(key, 'GET', '/v1/status')).status).toBe(500);
    await store.pool.query('alter table people_away rename to people');
    await logged.close();
    expect(lines.length).toBeGreaterThan(4);
    expect(lines.join('')).not.toContain(key.slice('keelson_'.length));
    expect(lines.join('')).not.toContain(KEYS.owner);
  });

  test('wrong input is told field by field', async () => {
    const { status, body } = await post(KEYS.owner, '/v1/people', { person: 'Tess!', name: '', roles: ['boss'] });
    expect(status).toBe(400);
    expect((body['problems'] as { path: string }[]).map(({ path }) => path)).toEqual(['body.person', 'body.name', 'body.roles.0']);
    expect((await post(KEYS.owner, '/v1/people/keys/revoke', { keyId: randomUUID() })).body['code']).toBe('INPUT_UNKNOWN_KEY');
  });
});

describe('four eyes', () => {
  const asked = async (key: string): Promise<ApprovalRequest> => {
    const commandId = randomUUID();
    const waiting = await post(key, '/v1/control/resume', {
      ...{ account: 'main', reason: 'looked into it', commandId },
      expectedVersion: await controlVersion(store.pool),
    });
    expect(waiting).toMatchObject({ status: 409, body: { code: 'AUTH_APPROVAL_NEEDED' } });
    expect(waiting.body['detail']).toContain(`keelson approvals approve ${commandId}`);
    return request(commandId);
  };
  const request = async (requestId: string): Promise<ApprovalRequest> =>
    ((await call(KEYS.viewer, 'GET', `/v1/approvals?requestId=${requestId}`)).body['requests'] as ApprovalRequest[])[0] as ApprovalRequest;
  const decide = (key: string, how: 'approve' | 'refuse', { requestId, payloadHash }: ApprovalRequest): Promise<Answer> =>
    post(key, `/v1/approvals/${how}`, { requestId, payloadHash, reason: 'seen by me' });
  const status = async (): Promise<Record<string, unknown> | undefined> =>
    ((await call(KEYS.viewer, 'GET', '/v1/status')).body['accounts'] as Record<string, unknown>[])[0];

  beforeEach(async () => {
    await post(KEYS.risk, '/v1/control/pause', { account: 'main', reason: 'odd fills' });
  });

  test('what a risk officer paused is resumed by two, the second of whom has it carried out', async () => {
    expect(await status()).toMatchObject({ mode: 'paused', heldBy: { subject: 'risk', reason: 'odd fills' } });
    const waiting = await asked(KEYS.operator);
    expect(waiting).toMatchObject({ action: 'resume', account: 'main', requestedBy: 'operator', state: 'pending', decisions: [] });
    expect(waiting.expiresTime - waiting.createdTime).toBeGreaterThan(3_500_000);
    expect(await decide(KEYS.risk, 'approve', waiting)).toMatchObject({
      status: 200,
      body: { state: 'used', decisions: [{ subject: 'risk', decision: 'approved', reason: 'seen by me' }] },
    });
    expect(await status()).toMatchObject({ mode: 'normal', heldBy: null });
    const { rows } = await store.pool.query(
      `select kind, subject, data->>'approvedBy' as approved from audit_events where coalesce(data->>'requestId', data->>'commandId') = $1 order by event_id`,
      [waiting.requestId],
    );
    expect(rows).toEqual([
      { kind: 'approval.requested', subject: 'operator', approved: null },
      { kind: 'approval.approved', subject: 'risk', approved: null },
      { kind: 'mode.changed', subject: 'operator', approved: '["risk"]' },
    ]);
  });

  test('nobody approves what is their own, with a second key neither', async () => {
    await seedKey(store.pool, 'risk', 'second-key-of-risk');
    const own = await asked(KEYS.risk);
    for (const key of [KEYS.risk, 'second-key-of-risk']) {
      expect(await decide(key, 'approve', own)).toMatchObject({ status: 403, body: { code: 'AUTH_OWN_REQUEST' } });
    }
    expect((await decide(KEYS.operator, 'approve', own)).body['code']).toBe('AUTH_FORBIDDEN');
    expect(await request(own.requestId)).toMatchObject({ state: 'pending', decisions: [] });
    expect((await decide(KEYS.owner, 'approve', own)).status).toBe(200);
    expect(await status()).toMatchObject({ mode: 'normal' });
  });

  test('refused is refused for ever; another hash, another request and a name in the payload get nowhere', async () => {
    const waiting = await asked(KEYS.operator);
    expect((await decide(KEYS.risk, 'approve', { ...waiting, payloadHash: 'f'.repeat(64) })).body['code']).toBe('AUTH_APPROVAL_CLOSED');
    expect((await decide(KEYS.risk, 'approve', { ...waiting, requestId: randomUUID() })).body['code']).toBe('INPUT_UNKNOWN_REQUEST');
    const claimed = { ...waiting, subject: 'owner' };
    expect((await post(KEYS.risk, '/v1/approvals/approve', claimed)).status).toBe(400);
    expect(await decide(KEYS.risk, 'refuse', waiting)).toMatchObject({ status: 200, body: { state: 'refused' } });
    expect((await decide(KEYS.owner, 'approve', waiting)).body['detail']).toContain('is refused');
    const again = { account: 'main', reason: 'looked into it', commandId: waiting.requestId };
    expect((await post(KEYS.operator, '/v1/control/resume', again)).body['code']).toBe('AUTH_APPROVAL_CLOSED');
    expect(await status()).toMatchObject({ mode: 'paused' });
  });

  test('without Temporal the approval stays, and the command is repeated under its id', async () => {
    const waiting = await asked(KEYS.operator);
    api.temporalIsUp = false;
    expect((await decide(KEYS.risk, 'approve', waiting)).body['code']).toBe('INFRA_TEMPORAL');
    expect(await request(waiting.requestId)).toMatchObject({ state: 'approved' });
    api.temporalIsUp = true;
    const again = { account: 'main', reason: 'looked into it', commandId: waiting.requestId };
    expect(await post(KEYS.operator, '/v1/control/resume', again)).toMatchObject({ status: 200, body: { mode: 'normal' } });
  });

  test('who approved under a key that was changed before it could be carried out approves it anew, as one person', async () => {
    const first = String((await post(KEYS.owner, '/v1/people', { person: 'rhea', name: 'Rhea', roles: ['risk'] })).body['key']);
    const waiting = await asked(KEYS.operator);
    api.temporalIsUp = false;
    expect((await decide(first, 'approve', waiting)).body['code']).toBe('INFRA_TEMPORAL');
    api.temporalIsUp = true;
    const second = String((await post(KEYS.owner, '/v1/people/keys', { person: 'rhea' })).body['key']);
    await post(KEYS.owner, '/v1/people/keys/revoke', { keyId: (await person('rhea'))?.keys.find(({ label }) => label === 'first')?.keyId });
    expect(await request(waiting.requestId)).toMatchObject({ state: 'pending' });
    const { status: answered, body } = await decide(second, 'approve', waiting);
    expect([answered, body['state'], body['decisions']]).toMatchObject([200, 'used', [{ subject: 'rhea', decision: 'approved' }]]);
    expect(await status()).toMatchObject({ mode: 'normal' });
  });

  test('approved on a state that is not any more, nothing goes on, and both are told to decide anew', async () => {
    const waiting = await asked(KEYS.operator);
    expect(waiting.payload).toMatchObject({ expectedVersion: await controlVersion(store.pool) });
    // The watch has seen something meanwhile.
    await store.pool.query(`update control set version = version + 1 where account = 'main'`);
    const again = { account: 'main', reason: 'looked into it', commandId: waiting.requestId };
    const lapsed = {
      status: 409,
      body: {
        code: 'AUTH_APPROVAL_CLOSED',
        detail: expect.stringMatching(/lapsed \(the account has changed since it was asked for.*asks for it anew/) as string,
      },
    };
    expect(await decide(KEYS.risk, 'approve', waiting)).toMatchObject(lapsed);
    expect(await post(KEYS.operator, '/v1/control/resume', again)).toMatchObject(lapsed);
    expect(await request(waiting.requestId)).toMatchObject({ state: 'lapsed', decisions: [] });
    expect(await status()).toMatchObject({ mode: 'paused' });
    await decide(KEYS.risk, 'approve', await asked(KEYS.operator));
    expect(await status()).toMatchObject({ mode: 'normal' });
  });

  test('a pause by anyone else is ended by one', async () => {
    const waiting = await asked(KEYS.operator);
    await decide(KEYS.owner, 'approve', waiting);
    for (const key of [KEYS.trader, KEYS.operator, KEYS.owner]) {
      await post(key, '/v1/control/pause', { account: 'main', reason: 'lunch' });
      const back = { account: 'main', reason: 'back', expectedVersion: await controlVersion(store.pool) };
      expect((await post(KEYS.operator, '/v1/control/resume', back)).body['mode']).toBe('normal');
    }
  });
});
