import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { apiUnderTest, askAs, KEYS, seedPeople, seedTrading, type Answer, type ApiUnderTest } from '../../test/support/api.js';
import { clearLook, lookAt } from '../../test/support/look.js';
import { seedKey } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createKillStore } from '../../adapters/store/kill-store.js';
import type { Finding, Look } from '../../core/kill/verify.js';
import type { Halt } from '../read/halts.js';

let store: TestDatabase;
let api: ApiUnderTest;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await seedTrading(store.pool);
});
afterAll(() => store.drop());
beforeEach(() => {
  api = apiUnderTest(store);
});
afterEach(() => api.close());

const call = (key: string, method: 'GET' | 'POST', url: string, body?: object): Promise<Answer> =>
  askAs(api.server, key, method, url, body);
const halt = (key: string, body: object): Promise<Answer> => call(key, 'POST', '/v1/halt', { reason: 'it looks wrong', ...body });
const halts = async (): Promise<Halt[]> => (await call(KEYS.viewer, 'GET', '/v1/halts')).body['halts'] as Halt[];
const rearm = (key: string, body: object): Promise<Answer> => call(key, 'POST', '/v1/rearm', { reason: 'looked into', ...body });
const decide = async (key: string, requestId: string, decision = 'approve'): Promise<Answer> => {
  const { body } = await call(KEYS.viewer, 'GET', `/v1/approvals?requestId=${requestId}`);
  const [request] = body['requests'] as { payloadHash: string }[];
  return call(key, 'POST', `/v1/approvals/${decision}`, { requestId, payloadHash: request?.payloadHash, reason: 'looked too' });
};
const ask = async (body: object = {}): Promise<string> => {
  const requestId = randomUUID();
  const [standing] = await halts();
  const asked = await rearm(KEYS.risk, { latchId: standing?.latchId, requestId, ...body });
  expect(asked).toMatchObject({ status: 409, body: { code: 'AUTH_APPROVAL_NEEDED' } });
  return requestId;
};
const wholly = () => store.pool.query(`update orders set status = 'notPlaced', final_at = now() where final_at is null`);
const incident = async (): Promise<string> =>
  (await store.pool.query<{ id: string }>('select incident_id::text as id from incidents')).rows[0]?.id ?? '';

test('a drill is written only where the configuration says of all that the ledger has under it that it is on paper', async () => {
  const drill = (body: object) => halt(KEYS.trader, { drill: true, flatten: 'atOnce', ...body });
  await store.pool.query(`insert into accounts (account, venue) values ('away', 'paper')`);
  await store.pool.query(`insert into control (account) values ('away')`);
  try {
    const refused = { status: 400, body: { code: 'INPUT_DRILL_NOT_ON_PAPER', detail: expect.stringContaining('away') as unknown } };
    for (const body of [{ scope: 'everything' }, { scope: 'account', target: 'away' }]) expect(await drill(body)).toMatchObject(refused);
    // … nor where its venue is another one there.
    await store.pool.query(`update accounts set venue = 'spot' where account = 'main'`);
    expect(await drill({ scope: 'account', target: 'main' })).toMatchObject({ status: 400 });
    expect(await halts()).toEqual([]);
  } finally {
    await store.pool.query(`update accounts set venue = 'paper' where account = 'main'`);
    await store.pool.query(`delete from control where account = 'away'`);
    await store.pool.query(`delete from accounts where account = 'away'`);
  }
  // Nor over what nobody has: it would take two people to end.
  for (const [body, told] of [
    [{ scope: 'account', target: 'mian' }, 'no account is under account mian. Known: main'],
    [{ scope: 'strategy', target: 'nothing' }, 'no account trades or holds anything of strategy nothing. Known: momentum'],
    [{ scope: 'strategy', target: 'momentum', account: 'mian' }, 'no account trades or holds anything of strategy momentum in mian'],
  ] as const) {
    const detail = expect.stringContaining(told) as unknown;
    expect(await drill(body)).toMatchObject({ status: 404, body: { code: 'INPUT_DRILL_OF_NOTHING', detail } });
  }
  expect(await halts()).toEqual([]);
  expect(await drill({ scope: 'account', target: 'main' })).toMatchObject({ status: 200, body: { accounts: ['main'], policy: 'atOnce' } });
  await store.pool.query('update latches set released_at = clock_timestamp() where released_at is null');
});

test('whoever trades or watches halts, without Temporal, under their own name and key', async () => {
  api.temporalIsUp = false;
  expect(await halt(KEYS.viewer, { scope: 'everything' })).toMatchObject({ status: 403 });
  const halted = await halt(KEYS.trader, { scope: 'account', target: 'main' });
  expect(halted).toMatchObject({ status: 200, body: { isNew: true, policy: 'none', accounts: ['main'] } });
  const again = await halt(KEYS.operator, { scope: 'account', target: 'main', flatten: 'atOnce' });
  expect(again.body).toEqual({ ...halted.body, isNew: false, policy: 'atOnce' });
  const { rows } = await store.pool.query(
    `select a.subject, k.label from audit_events a join api_keys k on k.key_id::text = a.data->>'underKey'
      where a.kind like 'halt.%' and a.data->>'reason' not like 'drill%' order by event_id`,
  );
  expect(rows).toEqual([
    { subject: 'trader', label: 'trader' },
    { subject: 'operator', label: 'operator' },
  ]);
  expect(await halts()).toMatchObject([
    { scope: 'account', policy: 'atOnce', subject: 'trader', accounts: [{ account: 'main', phase: 'waiting' }] },
  ]);
});

test('what is no scope is refused', async () => {
  for (const [body, told] of [
    [{ scope: 'venue' }, 'expected which venue'],
    [{ scope: 'everything', target: 'main' }, 'is left out for everything'],
    [{ scope: 'account', target: 'main', account: 'main' }, 'goes with a strategy'],
  ] as const) {
    const { status, body: problem } = await halt(KEYS.risk, body);
    expect([status >= 400 && status < 500, problem['detail']]).toEqual([true, expect.stringContaining(told)]);
  }
  expect(await halts()).toHaveLength(1);
});

test('P30: one person with two keys does not end a halt, nor do two who are one', async () => {
  expect(await rearm(KEYS.trader, { latchId: randomUUID() })).toMatchObject({ status: 403 });
  expect(await rearm(KEYS.operator, { latchId: randomUUID() })).toMatchObject({ status: 403 });
  await seedKey(store.pool, 'risk', 'the-second-key-of-risk');
  const requestId = await ask();
  expect(await decide('the-second-key-of-risk', requestId)).toMatchObject({ status: 403, body: { code: 'AUTH_OWN_REQUEST' } });
  // Nor by asking again, nor under another name.
  expect(await rearm('the-second-key-of-risk', { requestId })).toMatchObject({ status: 409, body: { code: 'AUTH_APPROVAL_NEEDED' } });
  expect(await rearm(KEYS.owner, { requestId })).toMatchObject({ status: 409, body: { code: 'AUTH_APPROVAL_CLOSED' } });
  expect(await halts()).toHaveLength(1);
});

test('P30: what is not known, and incidents that nobody has named, keep it halted', async () => {
  const first = await ask();
  const unresolved = await decide(KEYS.owner, first);
  expect(unresolved).toMatchObject({ status: 409, body: { code: 'HALT_NOT_CLEAN', detail: expect.stringContaining('o2 is unknown') } });
  // Who approves repeats another command than who asks.
  expect(unresolved.body['detail']).toContain(`keelson approvals approve ${first} --reason …`);
  await wholly();
  const named = (await rearm(KEYS.risk, { requestId: first })).body['detail'];
  expect(named).toContain(`incident ${await incident()} (oddFill)`);
  expect(named).toContain(`keelson rearm --request ${first} --reason …`);
  expect(await halts()).toHaveLength(1);
});

test.each(['before', 'after'])(
  'P30: what was asked before it was called again ends nothing, approved %s that; it is listed so, and said to both',
  async (when) => {
    const incidents = [await incident()];
    const requestId = await ask({ incidents });
    const again = () => halt(KEYS.trader, { scope: 'account', target: 'main', reason: 'it is real' });
    const closed = {
      status: 409,
      body: { code: 'AUTH_APPROVAL_CLOSED', detail: expect.stringMatching(/called again.*asks for it anew/) as unknown },
    };
    if (when === 'before') {
      // It cannot be looked at without Temporal: it stays approved, and is not carried out.
      api.temporalIsUp = false;
      const detail = expect.stringContaining(`keelson approvals approve ${requestId} --reason …`) as unknown;
      expect(await decide(KEYS.owner, requestId)).toMatchObject({ status: 503, body: { code: 'INFRA_TEMPORAL', detail } });
      api.temporalIsUp = true;
    }
    expect(await again()).toMatchObject({ status: 200, body: { isNew: false } });
    const { body } = await call(KEYS.viewer, 'GET', `/v1/approvals?requestId=${requestId}`);
    expect(body['requests']).toMatchObject([{ state: 'overtaken' }]);
    expect(await decide(KEYS.owner, requestId)).toMatchObject(closed);
    expect(await rearm(KEYS.risk, { requestId })).toMatchObject(closed);
    expect(await halts()).toHaveLength(1);
  },
);

test('P30: two people end it, once; owners of what is held are woken, and it is in the audit', async () => {
  await store.pool.query('delete from outbox');
  const requestId = await ask({ incidents: [await incident()] });
  expect(await decide(KEYS.owner, requestId)).toMatchObject({ status: 200, body: { state: 'used' } });
  expect(await halts()).toEqual([]);
  const audit = await store.pool.query(`select subject, data->'approvedBy' as by from audit_events where kind = 'halt.ended'`);
  expect(audit.rows).toEqual([{ subject: 'risk', by: ['owner'] }]);
  const outbox = await store.pool.query(`select kind, data->>'instrument' as instrument from outbox order by 1`);
  expect(outbox.rows).toEqual([
    { kind: 'haltChanged', instrument: null },
    { kind: 'positionChanged', instrument: 'SPX/USDT' },
  ]);
  // What is used up ends no other halt.
  await halt(KEYS.risk, { scope: 'account', target: 'main' });
  expect(await rearm(KEYS.risk, { requestId })).toMatchObject({ status: 409 });
  expect(await halts()).toHaveLength(1);
});

test('P30: a refusal is for ever, and without Temporal nothing is looked at, so nothing ends', async () => {
  const refused = await ask();
  expect(await decide(KEYS.owner, refused, 'refuse')).toMatchObject({ body: { state: 'refused' } });
  expect(await rearm(KEYS.risk, { requestId: refused })).toMatchObject({ status: 409, body: { code: 'AUTH_APPROVAL_CLOSED' } });
  const requestId = await ask({ incidents: [await incident()] });
  api.temporalIsUp = false;
  expect(await decide(KEYS.owner, requestId)).toMatchObject({ status: 503, body: { code: 'INFRA_TEMPORAL' } });
  api.temporalIsUp = true;
  expect(await rearm(KEYS.risk, { requestId })).toMatchObject({ status: 200 });
  expect(await halts()).toEqual([]);
});

test('verified is what was looked at under the halt, after it was called last, whenever it was told of', async () => {
  const kills = createKillStore(store.pool);
  const before = await clearLook(store.pool, 'main');
  const latchId = (await halt(KEYS.trader, { scope: 'account', target: 'main' })).body['latchId'] as string;
  const shown = async (finding: Finding): Promise<unknown> => {
    await kills.writeKill('main', 'verified', finding, null);
    const its = (await halts()).find((one) => one.latchId === latchId)?.accounts[0];
    return [its?.phase, its?.verifiedAt];
  };
  const notYet = ['running', null];
  // A round that was on its way.
  expect(await shown(before)).toEqual(notYet);
  const { look, ...found } = await clearLook(store.pool, 'main');
  // A build that tells nothing of its look.
  expect(await shown(found)).toEqual(notYet);
  expect(await shown({ ...found, look: { time: look?.time ?? 0, under: [] } })).toEqual(notYet);
  expect(await shown({ ...found, look: look as Look })).toEqual(['verified', look?.time]);
  // Called stricter: what was seen while what is held stayed says nothing about it.
  await halt(KEYS.trader, { scope: 'account', target: 'main', flatten: 'atOnce' });
  expect(await shown({ ...found, look: look as Look })).toEqual(notYet);
  const after = await clearLook(store.pool, 'main');
  expect(await shown(after)).toEqual(['verified', after.look?.time]);
});

test('of what a kill has written last only the halts that it is about show the file', async () => {
  const narrow = (await halt(KEYS.trader, { scope: 'account', target: 'main' })).body['latchId'] as string;
  const wide = (await halt(KEYS.trader, { scope: 'everything' })).body['latchId'] as string;
  const evidence = { path: '/home/evidence/halt.json', sha256: 'a hash' };
  const seen = async (): Promise<unknown[]> => {
    const all = await halts();
    return [narrow, wide].map((latchId) => all.find((one) => one.latchId === latchId)?.accounts[0]?.evidence);
  };
  const look = await lookAt(store.pool, 'main');
  const tell = (file: object | null) =>
    store.pool.query('select write_kill($1)', [{ account: 'main', phase: 'verified', state: { look }, evidence: file }]);
  await tell({ ...evidence, latchIds: [narrow] });
  expect(await seen()).toEqual([evidence, null]);
  await tell({ ...evidence, latchIds: [narrow, wide] });
  expect(await seen()).toEqual([evidence, evidence]);
  // The record says what is halted, and what is new of it.
  const { rows } = await store.pool.query<{ data: object }>(
    `select data from audit_events where kind = 'halt.verified' and account = 'main' order by event_id desc limit 2`,
  );
  const halted = ['account main', 'everything'];
  expect(rows.map(({ data }) => data)).toMatchObject([
    { halted, wasPhase: 'verified', isFileNew: true },
    { halted, isFileNew: true },
  ]);
  // Told once more, with nothing new: that is no event.
  const told = async () => (await store.pool.query(`select from audit_events where kind = 'halt.verified' and account = 'main'`)).rowCount;
  const before = await told();
  await tell({ ...evidence, latchIds: [narrow, wide] });
  expect(await told()).toBe(before);
});

test('the file of a halt that a build before 0.4 concluded is shown with the halts that it is about', async () => {
  const one = (await halt(KEYS.trader, { scope: 'account', target: 'main' })).body['latchId'] as string;
  const seen = async (of: string): Promise<unknown> => (await halts()).find(({ latchId }) => latchId === of)?.accounts[0]?.evidence;
  const tell = (evidence: object) =>
    store.pool.query('select write_kill($1)', [{ account: 'main', phase: 'verified', state: { round: randomUUID() }, evidence }]);
  const at = async (sql: string): Promise<string> => {
    const { rows } = await store.pool.query<{ at: string }>(
      `select to_char((${sql}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24-MI-SS-MS"Z"') as at from latches where latch_id = $1`,
      [one],
    );
    return rows[0]?.at ?? '';
  };
  // Its incident has the file and the latches.
  const told = { path: '/home/evidence/halt-main-2001-01-01T00-00-00-000Z.json', sha256: randomUUID() };
  const incident = { key: `halt:${randomUUID()}`, account: 'main', kind: 'halt', data: { latchIds: [one], evidence: told } };
  await store.pool.query('select write_events($1)', [{ incidents: [incident] }]);
  await tell(told);
  expect(await seen(one)).toEqual(told);
  // No incident has it: by its time, and by who stood over the account then. One that was called later is not in it.
  const between = { path: `/home/evidence/halt-main-${await at(`engaged_at + interval '1 millisecond'`)}.json`, sha256: 'b' };
  const two = (await halt(KEYS.trader, { scope: 'everything' })).body['latchId'] as string;
  await store.pool.query(`update latches set engaged_at = engaged_at + interval '1 second' where latch_id = $1`, [two]);
  await tell(between);
  expect([await seen(one), await seen(two)]).toEqual([between, null]);
  await tell({ path: `/home/evidence/halt-main-${await at(`engaged_at - interval '1 millisecond'`)}.json`, sha256: 'c' });
  expect(await seen(one)).toBeNull();
  await tell({ path: '/home/evidence/halt.json', sha256: 'd' });
  expect(await seen(one)).toBeNull();
});

test('the record says which incident was opened', async () => {
  const key = `told:${randomUUID()}`;
  const given = { incidents: [{ key, account: 'main', kind: 'venueAway', data: { detail: 'silent' } }] };
  for (const _ of [1, 2]) await store.pool.query('select write_events($1)', [given]);
  const { rows } = await store.pool.query(
    `select e.data from audit_events e join incidents i on i.incident_id::text = e.data->>'incidentId' where i.incident_key = $1`,
    [key],
  );
  expect(rows).toMatchObject([{ data: { incident: 'venueAway', detail: 'silent' } }]);
});

test('P25: a halt waits behind nothing that others read', async () => {
  const { pool } = store;
  const blocker = await pool.connect();
  await blocker.query('begin');
  await blocker.query('select pg_advisory_xact_lock(4711)');
  try {
    const reads = Array.from({ length: 12 }, () =>
      api.context.database.query('select pg_advisory_xact_lock_shared(4711)').catch(() => undefined),
    );
    const waiting = async (): Promise<number> =>
      (await pool.query(`select from pg_locks where locktype = 'advisory' and not granted`)).rowCount ?? 0;
    await expect.poll(waiting).toBe(6);
    expect(await halt(KEYS.risk, { scope: 'everything' })).toMatchObject({ status: 200 });
    expect(await waiting()).toBe(6);
    await blocker.query('commit');
    await Promise.all(reads);
  } finally {
    blocker.release();
    await pool.query('update latches set released_at = now() where released_at is null');
  }
});
