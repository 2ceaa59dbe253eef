import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type Answer,
  apiUnderTest,
  type ApiUnderTest,
  askAs,
  controlVersion,
  KEYS,
  seedPeople,
  seedTrading,
} from '../../test/support/api.js';
import { foundClean } from '../../test/support/found-clean.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { Difference, Run } from '../read/reconciliations.js';
import { FIRST } from './decide.js';

let store: TestDatabase;
let api: ApiUnderTest;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await seedTrading(store.pool);
  await store.pool.query(`insert into risk_state (account, limits) values ('main', '{}')`);
});
afterAll(() => store.drop());
beforeEach(() => {
  api = apiUnderTest(store);
});
afterEach(() => api.close());

const call = (key: string, method: 'GET' | 'POST', url: string, body?: object): Promise<Answer> =>
  askAs(api.server, key, method, url, body);
const sql = async (name: string, asked: object): Promise<void> => {
  await store.pool.query(`select ${name}($1::jsonb)`, [JSON.stringify(asked)]);
};
/** A look that finds one difference, a person's. @returns its number. */
async function found(difference: Partial<Record<keyof Difference, unknown>>): Promise<string> {
  const run = { runId: randomUUID(), account: 'main', scope: 'minute', owner: randomUUID(), epoch: 1, forMs: 60_000 };
  await sql('begin_reconciliation_look', run);
  const evidence = { venue: { asset: 'USDT', balance: '105' }, ledger: { asset: 'USDT', balance: '100', unexplained: '5' } };
  const whole = {
    class: 'balanceMovement',
    subject: `balance:${run.runId}`,
    fingerprint: '5',
    treatment: 'secondLook',
    deltas: { USDT: '5' },
    evidence,
    ...difference,
  };
  const read = { calls: 4, weight: 121, fillsRead: 2, rowsRead: 3, fillsSince: 1, cursor: 2 };
  const changes = [{ kind: 'new', status: 'open', difference: whole }];
  await sql('write_reconciliation_look', { ...run, ...read, changes, snapshot: { venue: {}, ledger: {} } });
  await sql('end_reconciliation_look', { ...run, result: 'differences', lifts: [] });
  const { rows } = await store.pool.query<{ id: string }>('select max(difference_id)::text as id from reconciliation_differences');
  return rows[0]?.id ?? '';
}
const decide = (key: string, differenceId: string, decision: string, more: object = {}): Promise<Answer> =>
  call(key, 'POST', '/v1/reconciliations/decide', { differenceId, decision, reason: 'looked into', ...more });

test('what was found is listed with its run, and shown with both sides', async () => {
  const id = await found({});
  const { body } = await call(KEYS.viewer, 'GET', '/v1/reconciliations?account=main');
  expect((body['runs'] as Run[])[0]).toMatchObject({
    result: 'differences',
    looks: 1,
    calls: 4,
    weight: 121,
    fillsRead: 2,
    rowsRead: 3,
    subject: null,
  });
  expect((body['differences'] as Difference[])[0]).toMatchObject({ differenceId: id, class: 'balanceMovement', status: 'open' });
  const shown = await call(KEYS.viewer, 'GET', `/v1/reconciliations/difference?differenceId=${id}`);
  expect(shown.body).toMatchObject({ evidence: { venue: { balance: '105' }, ledger: { balance: '100' } }, incidentId: expect.any(String) });
  expect(await call(KEYS.viewer, 'GET', '/v1/reconciliations/difference?differenceId=99999')).toMatchObject({
    status: 404,
    body: { code: 'INPUT_UNKNOWN_DIFFERENCE' },
  });
});

test('whose an order becomes has to be said, and nothing else is wrong with taking it over', async () => {
  const order = { instrument: 'BTC/USDT', side: 'buy', venueOrderId: 'v1', quantity: '1', price: '1' };
  const id = await found({
    class: 'orphanOrder',
    subject: 'order:v1',
    deltas: {},
    evidence: { venue: { order }, ledger: null },
  });
  expect(await decide(KEYS.risk, id, 'adopt')).toMatchObject({
    status: 409,
    body: { code: 'INPUT_DECISION_TOO_EARLY', detail: expect.stringContaining('--strategy <name>') as string },
  });
  expect(await decide(KEYS.risk, id, 'reject')).toMatchObject({ status: 200 });
});

test('a person decides, under that person’s key; the incident is closed, and the account waits for a clean comparison', async () => {
  const id = await found({});
  expect(await decide(KEYS.operator, id, 'reject')).toMatchObject({ status: 403 });
  expect(await decide(KEYS.risk, id, 'adopt', { strategy: 'momentum' })).toMatchObject({
    status: 409,
    body: { code: 'INPUT_DECISION_IMPOSSIBLE' },
  });
  expect(await decide(KEYS.risk, id, 'cancel')).toMatchObject({ status: 409, body: { code: 'INPUT_DECISION_IMPOSSIBLE' } });
  expect(await decide(KEYS.risk, id, 'rebuild')).toMatchObject({ status: 409, body: { code: 'INPUT_DECISION_IMPOSSIBLE' } });
  expect(await decide(KEYS.risk, '99999', 'rebuild')).toMatchObject({ status: 404 });
  expect(await decide(KEYS.risk, id, 'reject')).toMatchObject({ status: 200 });
  expect(await decide(KEYS.risk, id, 'rebuild')).toMatchObject({ status: 409, body: { code: 'INPUT_DIFFERENCE_SETTLED' } });
  expect(await decide(KEYS.risk, id, 'reject')).toMatchObject({ status: 200 });
  expect(await decide(KEYS.owner, id, 'cancel')).toMatchObject({ status: 409, body: { code: 'INPUT_DIFFERENCE_SETTLED' } });
  const { rows } = await store.pool.query(
    `select subject, data->>'decision' as decision, data->>'reason' as reason from audit_events
     where kind = 'reconciliation.decided' and data->>'differenceId' = $1`,
    [id],
  );
  expect(rows).toEqual([{ subject: 'risk', decision: 'reject', reason: 'looked into' }]);
  const open = await store.pool.query(
    `select from incidents where kind = 'reconciliation' and data->>'differenceId' = $1 and closed_at is null`,
    [id],
  );
  expect(open.rowCount).toBe(0);

  const resume = { account: 'main', reason: 'decided', expectedVersion: await controlVersion(store.pool) };
  expect(await call(KEYS.operator, 'POST', '/v1/control/resume', resume)).toMatchObject({
    status: 422,
    body: { code: 'RISK_NOT_RECONCILED' },
  });
  await foundClean(store.pool, 'main');
  expect(await call(KEYS.operator, 'POST', '/v1/control/resume', resume)).toMatchObject({ status: 200, body: { mode: 'normal' } });
});

test('what nothing explains is booked as a person decides, once, under the incident that it closes', async () => {
  const before = await store.pool.query<{ quantity: string }>(`select quantity from inventory where account = 'main' and asset = 'USDT'`);
  const balance = before.rows[0]?.quantity ?? '0';
  const id = await found({ evidence: { venue: { asset: 'USDT' }, ledger: { asset: 'USDT', balance, unexplained: '5' } } });
  expect(await decide(KEYS.risk, id, 'book')).toMatchObject({ status: 200 });
  expect(await decide(KEYS.risk, id, 'book')).toMatchObject({ status: 200 });
  const { rows } = await store.pool.query(
    `select m.kind, trim_scale(m.amount)::text as amount, m.asset, m.subject, i.closed_at is not null as closed
       from ledger_movements m join incidents i using (incident_id) where i.data->>'differenceId' = $1`,
    [id],
  );
  expect(rows).toEqual([{ kind: 'deposit', amount: '5', asset: 'USDT', subject: 'risk', closed: true }]);
  // What a deposit brings is not ours to sell.
  const after = await store.pool.query<{ quantity: string }>(`select quantity from inventory where account = 'main' and asset = 'USDT'`);
  expect(Number(after.rows[0]?.quantity) - Number(before.rows[0]?.quantity ?? 0)).toBe(5);
});

test('what only has to wait is told with what to do first, and nothing else; what is impossible is to be decided otherwise', async () => {
  const id = await found({ evidence: { venue: { asset: 'USDT' }, ledger: { asset: 'USDT', balance: '1234567', unexplained: '5' } } });
  const early = await decide(KEYS.risk, id, 'book');
  expect(early).toMatchObject({ status: 409, body: { code: 'INPUT_DECISION_TOO_EARLY' } });
  expect(early.body['detail']).toBe(
    `Difference ${id} cannot be decided so (book) yet: the books have moved since: compare again (keelson reconcile run), and decide what stands then.`,
  );
  const impossible = await decide(KEYS.risk, id, 'cancel');
  expect(impossible).toMatchObject({ status: 409, body: { code: 'INPUT_DECISION_IMPOSSIBLE' } });
  expect(impossible.body['detail']).toBe(
    `Difference ${id} cannot be decided so (cancel): there is nothing at the venue to cancel. Decide it otherwise.`,
  );
});

test('every refusal that says what comes first is one of the database’s', async () => {
  const { rows } = await store.pool.query<{ said: string }>(
    `select string_agg(prosrc, ' ') as said from pg_proc where pronamespace = 'public'::regnamespace
      and (proname like '%_refusal' or proname like 'decide_%')`,
  );
  expect(FIRST.filter((end) => rows[0]?.said.includes(`${end}'`) !== true)).toEqual([]);
});

test('who may asks for a comparison, which has a row in that name before anybody hears of it', async () => {
  expect(await call(KEYS.trader, 'POST', '/v1/reconciliations', {})).toMatchObject({ status: 403 });
  expect(await call(KEYS.operator, 'POST', '/v1/reconciliations', { account: 'other' })).toMatchObject({
    body: { code: 'INPUT_UNKNOWN_ACCOUNT' },
  });
  const { status, body } = await call(KEYS.operator, 'POST', '/v1/reconciliations', { deep: true });
  expect(status).toBe(200);
  const [run] = body['runs'] as { runId: string; account: string }[];
  expect(api.reconciled).toEqual([{ runId: run?.runId, account: 'main', scope: 'deepDemand' }]);
  const listed = await call(KEYS.viewer, 'GET', `/v1/reconciliations?runId=${run?.runId}`);
  expect(listed.body['runs']).toMatchObject([{ scope: 'deepDemand', subject: 'operator', result: 'clean' }]);
  api.temporalIsUp = false;
  expect(await call(KEYS.operator, 'POST', '/v1/reconciliations', {})).toMatchObject({ status: 503, body: { code: 'INFRA_TEMPORAL' } });
});

test('two accounts are never confused: what one has found stops the other from nothing', async () => {
  await store.pool.query(`insert into accounts (account, venue) values ('second', 'paper')`);
  await store.pool.query(`insert into control (account) values ('second')`);
  await found({});
  const { rows } = await store.pool.query('select account, mode from control order by account');
  expect(rows).toEqual([
    { account: 'main', mode: 'paused' },
    { account: 'second', mode: 'normal' },
  ]);
  const { body } = await call(KEYS.viewer, 'GET', '/v1/reconciliations?account=second&all=true');
  expect(body).toEqual({ runs: [], differences: [] });
});

test('where no account is named, those that have left the configuration are not compared', async () => {
  await store.pool.query(`insert into accounts (account, venue, retired_at) values ('gone', 'paper', clock_timestamp())`);
  await store.pool.query(`insert into control (account) values ('gone')`);
  const { status, body } = await call(KEYS.operator, 'POST', '/v1/reconciliations', {});
  expect(status).toBe(200);
  const asked = (body['runs'] as { account: string }[]).map(({ account }) => account);
  expect(asked).toContain('main');
  expect(asked).not.toContain('gone');
  expect(api.reconciled.map(({ account }) => account)).toEqual(asked);
});
