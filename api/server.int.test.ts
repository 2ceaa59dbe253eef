import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { apiUnderTest, controlVersion, KEYS, seedPeople, type ApiUnderTest } from '../test/support/api.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { problemSchema } from './http/problem.js';
import { openDatabase, type Database } from './read/database.js';
import { allRoutes } from './routes/all.js';

let store: TestDatabase;
let api: ApiUnderTest;
let server: FastifyInstance;
let routes: string[] = [];

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
  routes = allRoutes(api.context).map((route) => `${route.method} ${route.path}`);
});
afterEach(() => api.close());

interface Options {
  readonly key?: string | null;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}
const call = async (method: 'GET' | 'POST', url: string, { key = KEYS.owner, headers = {}, body }: Options = {}) => {
  const answer = await server.inject({
    method,
    url,
    headers: {
      host: '127.0.0.1:7400',
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const isJson = /json/.test(String(answer.headers['content-type']));
  return { status: answer.statusCode, headers: answer.headers, body: (isJson ? answer.json() : answer.body) as Record<string, unknown> };
};
/** Calls, and holds the answer to the form of a problem. */
const problem = async (...args: Parameters<typeof call>) => {
  const answer = await call(...args);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  const parsed = problemSchema.parse(answer.body);
  expect(parsed.status).toBe(answer.status);
  return parsed;
};

describe('access', () => {
  test('the index, probes and the description need no key; everything else does', async () => {
    for (const route of routes) {
      const [method, path] = route.split(' ') as ['GET' | 'POST', string];
      const { status } = await call(method, path, { key: null });
      expect({ route, status }).toEqual({ route, status: ['/', '/livez', '/readyz', '/openapi.json'].includes(path) ? 200 : 401 });
    }
  });

  test('the index says what answers, and leads only to what is there', async () => {
    const { status, body } = await call('GET', '/', { key: null });
    expect({ status, name: body['name'], version: body['version'] }).toEqual({ status: 200, name: 'keelson', version: '0.0.0' });
    for (const path of Object.values(body['links'] as Record<string, string>)) expect(routes).toContain(`GET ${path}`);
  });

  test('a missing, malformed, unknown or revoked key is refused', async () => {
    expect((await problem('GET', '/v1/status', { key: null })).code).toBe('AUTH_MISSING');
    expect((await problem('GET', '/v1/status', { key: null, headers: { authorization: 'Basic a2V5' } })).code).toBe('AUTH_MISSING');
    expect((await problem('GET', '/v1/status', { key: 'wrong' })).code).toBe('AUTH_INVALID');
    expect((await problem('GET', '/v1/status', { key: KEYS.gone })).code).toBe('AUTH_INVALID');
  });

  test('a lost role counts from the next call', async () => {
    const body = { account: 'main', reason: 'lunch break' };
    expect((await call('POST', '/v1/control/pause', { key: KEYS.trader, body })).status).toBe(200);
    await store.pool.query(`update people set roles = '{viewer}' where subject = 'trader'`);
    expect((await problem('POST', '/v1/control/pause', { key: KEYS.trader, body })).code).toBe('AUTH_FORBIDDEN');
    await store.pool.query(`update people set roles = '{trader}' where subject = 'trader'`);
  });

  test('stopping is easier than starting', async () => {
    const body = { account: 'main', reason: 'looks odd' };
    expect((await problem('POST', '/v1/control/pause', { key: KEYS.viewer, body })).status).toBe(403);
    expect((await call('POST', '/v1/control/pause', { key: KEYS.trader, body })).status).toBe(200);
    const refused = await problem('POST', '/v1/control/resume', { key: KEYS.trader, body });
    expect(refused.detail).toBe('trader has not the role for this: one of risk, operator, admin is needed.');
    const seen = { ...body, expectedVersion: await controlVersion(store.pool) };
    expect((await call('POST', '/v1/control/resume', { body: seen })).body['mode']).toBe('normal');
  });

  test('a resume is decided on what was seen; a pause only where it says so', async () => {
    const asked = { account: 'main', reason: 'looks fine' };
    await call('POST', '/v1/control/pause', { key: KEYS.trader, body: { account: 'main', reason: 'looks odd' } });
    const expectedVersion = await controlVersion(store.pool);
    const commandId = randomUUID();
    // As programs of before do: they are told what is missing, and nothing goes on.
    const without = await problem('POST', '/v1/control/resume', { body: { ...asked, commandId } });
    expect(without).toMatchObject({
      code: 'INPUT_INVALID',
      problems: [{ path: 'body.expectedVersion', message: expect.stringContaining('keelson status') as string }],
    });
    // Somebody else saw something meanwhile.
    await call('POST', '/v1/control/pause', { key: KEYS.risk, body: { account: 'main', reason: 'odd fills' } });
    for (const [kind, key] of [
      ['resume', KEYS.operator],
      ['pause', KEYS.trader],
    ] as const) {
      const stale = await problem('POST', `/v1/control/${kind}`, { key, body: { ...asked, commandId, expectedVersion } });
      expect(stale).toMatchObject({ code: 'INPUT_MODE_MOVED', status: 409 });
      const now = await controlVersion(store.pool);
      expect(stale.detail).toBe(
        `Account main is in mode paused at version ${now} by now, not at ${expectedVersion}: look at keelson status, and decide anew.`,
      );
    }
    expect((await store.pool.query('select from commands where command_id = $1', [commandId])).rows).toEqual([]);
    // Nothing holds a pause up that names no version.
    expect((await call('POST', '/v1/control/pause', { key: KEYS.trader, body: asked })).status).toBe(200);
    await store.pool.query(`update control set held_by = null where account = 'main'`);
    const body = { ...asked, commandId, expectedVersion: await controlVersion(store.pool) };
    expect((await call('POST', '/v1/control/resume', { key: KEYS.operator, body })).body['mode']).toBe('normal');
    // Told again it is the same command, with the version that it was told first and without.
    for (const again of [body, { ...asked, commandId }]) {
      expect((await call('POST', '/v1/control/resume', { key: KEYS.operator, body: again })).body['mode']).toBe('normal');
    }
    const { rows } = await store.pool.query(
      `select data->>'expectedVersion' as version from audit_events where kind = 'mode.changed' and data->>'commandId' = $1`,
      [commandId],
    );
    expect(rows).toEqual([{ version: String(body.expectedVersion) }]);
  });

  test('after ten failures an address waits, but nobody who has a key', async () => {
    for (let count = 0; count < 10; count += 1) expect((await call('GET', '/v1/status', { key: `wrong-${count}` })).status).toBe(401);
    for (const key of ['wrong-again', 'wrong-1']) {
      const limited = await call('GET', '/v1/status', { key });
      expect(limited.status).toBe(429);
      expect(limited.headers['retry-after']).toBe('6');
    }
    // Nor one that was not seen before: who is called at night has not used it for hours.
    for (const key of [KEYS.viewer, KEYS.owner]) expect((await call('GET', '/v1/status', { key })).status).toBe(200);
    expect((await call('GET', '/v1/status', { key: 'wrong-again' })).status).toBe(429);
    api.now += 6_000;
    expect((await call('GET', '/v1/status', { key: 'wrong-again' })).status).toBe(401);
    expect((await call('GET', '/v1/status', { key: 'wrong-again' })).status).toBe(429);
  });
});

describe('foreign pages', () => {
  test.each([
    ['a name that points here', { host: 'evil.example:7400' }],
    ['a name that begins like ours', { host: '127.0.0.1.evil.example' }],
    ['another origin', { origin: 'http://evil.example' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:9999' }],
    ['a sandboxed page', { origin: 'null' }],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
  ] as [string, Record<string, string>][])('%s is refused on every route', async (_, headers) => {
    for (const route of routes) {
      const [method, path] = route.split(' ') as ['GET' | 'POST', string];
      expect((await problem(method, path, { headers, key: null })).code).toBe('AUTH_ORIGIN');
    }
    expect((await problem('GET', '/nowhere', { headers })).code).toBe('AUTH_ORIGIN');
  });

  test('our own names and pages are answered', async () => {
    for (const host of ['localhost:7400', '[::1]:7400', '127.0.0.1', 'keelson.internal']) {
      expect((await call('GET', '/v1/status', { headers: { host } })).status).toBe(200);
      expect(
        (await call('GET', '/v1/status', { headers: { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' } })).status,
      ).toBe(200);
    }
  });
});

describe('problems', () => {
  test('an unknown path is one, and a known path under another method', async () => {
    const found = await problem('GET', '/v1/nothing?key=secret');
    expect(found).toMatchObject({ code: 'INPUT_NOT_FOUND', status: 404, instance: '/v1/nothing' });
    expect(JSON.stringify(found)).not.toContain('secret');
    expect((await problem('POST', '/v1/status', { body: {} })).status).toBe(404);
    expect((await problem('GET', '/%zz')).status).toBe(404);
  });

  test('every wrong field is told at once', async () => {
    const found = await problem('POST', '/v1/control/pause?speed=1', { body: { reason: ' x ', commandId: 'seven', force: true } });
    expect(found.code).toBe('INPUT_INVALID');
    expect(found.problems).toEqual([
      { path: 'query.speed', message: 'is not a known field' },
      { path: 'body.account', message: 'expected text' },
      { path: 'body.reason', message: 'expected a reason of at least 3 characters' },
      { path: 'body.commandId', message: 'expected a UUID' },
      { path: 'body.force', message: 'is not a known field' },
    ]);
    const query = await problem('GET', '/v1/orders?limit=0&open=maybe&limits=1&account=%00');
    expect(query.problems?.map(({ path }) => path).toSorted()).toEqual(['query.account', 'query.limit', 'query.limits', 'query.open']);
  });

  test.each([
    ['{"account":', 'the body is not valid JSON'],
    [`{"account":"${'x'.repeat(70_000)}"}`, 'the body is larger than 64 KiB'],
    ['[]', 'expected object'],
  ])('a body such as %.20s', async (body, message) => {
    const found = await problem('POST', '/v1/control/pause', { body });
    expect(found).toMatchObject({ code: 'INPUT_INVALID', problems: [{ path: 'body', message }] });
  });

  test('another content type is refused', async () => {
    const found = await problem('POST', '/v1/control/pause', {
      body: 'account=main',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(found.problems).toEqual([{ path: 'body', message: 'the body must be application/json' }]);
  });

  test('what is not HTTP is told so and hung up on', async () => {
    await server.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += String(chunk)));
    socket.end('\u0016\u0003 hello\r\n\r\n');
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n/);
    expect(problemSchema.parse(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).code).toBe('INPUT_INVALID');
  });

  test('an unknown account is named with those there are', async () => {
    expect((await problem('GET', '/v1/positions?account=ghost')).detail).toBe('There is no account ghost. Known: main.');
  });

  test('an unexpected error shows a reference and nothing else', async () => {
    const broken = apiUnderTest(store, { database: { query: () => Promise.reject(new Error('password hunter2 at 10.0.0.1')) } });
    server = broken.server;
    const found = await problem('GET', '/v1/status');
    expect(found.code).toBe('INTERNAL');
    expect(found.reference).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(found)).not.toMatch(/hunter2|10\.0\.0\.1/);
    await broken.close();
  });

  test('a database that does not answer is told as such', async () => {
    const closed = openDatabase('postgres://nobody:hunter2@127.0.0.1:1/none', () => undefined);
    const dark = apiUnderTest(store, { database: closed });
    server = dark.server;
    const body = { account: 'main', reason: 'looks odd', commandId: randomUUID() };
    for (const found of [await problem('GET', '/v1/status'), await problem('POST', '/v1/control/pause', { key: KEYS.trader, body })]) {
      expect(found).toMatchObject({ code: 'INFRA_DATABASE', status: 503 });
      expect(JSON.stringify(found)).not.toContain('hunter2');
    }
    expect(dark.executed).toEqual([]);
    await dark.close();
    // Also where it goes away between the look at the key and the row of the command.
    const gone: Database = { query: (sql, values) => (sql.includes('commands') ? closed : api.context.database).query(sql, values) };
    const going = apiUnderTest(store, { database: gone });
    server = going.server;
    const lost = await problem('POST', '/v1/control/pause', { key: KEYS.trader, body });
    expect(lost).toMatchObject({ code: 'INFRA_DATABASE', status: 503 });
    expect(going.executed).toEqual([]);
    await going.close();
    // Nothing of it will be carried out either.
    expect((await store.pool.query('select from commands where command_id = $1', [body.commandId])).rows).toEqual([]);
    await closed.close();
  });
});

describe('control', () => {
  test('the command is a row under the caller’s own name before it is carried out', async () => {
    const answer = await call('POST', '/v1/control/pause', { key: KEYS.trader, body: { account: 'main', reason: 'news at 14:30' } });
    expect(answer.body).toEqual({ commandId: api.executed[0]?.commandId, account: 'main', mode: 'paused', latches: [] });
    const { rows } = await store.pool.query('select account, kind, subject, reason from commands where command_id = $1', [
      answer.body['commandId'],
    ]);
    expect(rows).toEqual([{ account: 'main', kind: 'pause', subject: 'trader', reason: 'news at 14:30' }]);
  });

  test('repeated under its id it stays one command; the id of another is refused', async () => {
    const commandId = randomUUID();
    const body = { account: 'main', reason: 'twice', commandId };
    await call('POST', '/v1/control/pause', { body });
    expect((await call('POST', '/v1/control/pause', { body })).status).toBe(200);
    expect(api.executed.map((command) => command.commandId)).toEqual([commandId, commandId]);
    expect((await problem('POST', '/v1/control/resume', { body })).problems?.[0]?.path).toBe('body.commandId');
    expect((await problem('POST', '/v1/control/pause', { body, key: KEYS.trader })).status).toBe(400);
    const { rows } = await store.pool.query('select count(*)::int as count from commands where command_id = $1', [commandId]);
    expect(rows).toEqual([{ count: 1 }]);
  });

  test('without Temporal the command stays recorded and the answer says so', async () => {
    api.temporalIsUp = false;
    const commandId = randomUUID();
    const found = await problem('POST', '/v1/control/pause', { body: { account: 'main', reason: 'dark', commandId } });
    expect(found).toMatchObject({ code: 'INFRA_TEMPORAL', status: 503 });
    const { rows } = await store.pool.query('select reason from commands where command_id = $1', [commandId]);
    expect(rows).toEqual([{ reason: 'dark' }]);
  });

  test('an unknown account leaves no row', async () => {
    const commandId = randomUUID();
    expect((await problem('POST', '/v1/control/pause', { body: { account: 'ghost', reason: 'boo', commandId } })).status).toBe(404);
    expect((await store.pool.query('select from commands where command_id = $1', [commandId])).rows).toEqual([]);
  });
});

describe('probes', () => {
  test('ready only while Postgres and Temporal answer', async () => {
    expect(await call('GET', '/readyz', { key: null })).toMatchObject({
      status: 200,
      body: { status: 'up', postgres: 'up', temporal: 'up' },
    });
    api.temporalIsUp = false;
    expect(await call('GET', '/readyz', { key: null })).toMatchObject({
      status: 503,
      body: { status: 'down', postgres: 'up', temporal: 'down' },
    });
    expect((await call('GET', '/livez', { key: null })).status).toBe(200);
  });

  test('metrics are text for Prometheus and hold the accounts', async () => {
    const { headers, body } = await call('GET', '/metrics', { key: KEYS.viewer });
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(String(body)).toMatch(/keelson_account_mode\{account="main",mode="\w+"\} 1/);
    expect(String(body)).toContain('keelson_read_model_up 1');
  });
});
