import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { apiUnderTest, askAs, KEYS, seedPeople, seedTrading, type Answer, type ApiUnderTest } from '../../test/support/api.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { Halt } from '../read/halts.js';

let store: TestDatabase;
let api: ApiUnderTest;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await seedTrading(store.pool);
  await store.pool.query(`insert into accounts (account, venue) values ('second', 'paper')`);
  await store.pool.query(`insert into control (account) values ('second')`);
  await store.pool.query(`update orders set status = 'notPlaced', final_at = now() where final_at is null`);
  await store.pool.query('update incidents set closed_at = now()');
});
afterAll(() => store.drop());
beforeEach(() => {
  api = apiUnderTest(store);
});
afterEach(async () => {
  await api.close();
  await store.pool.query('update latches set released_at = clock_timestamp() where released_at is null');
});

const call = (key: string, method: 'GET' | 'POST', url: string, body?: object): Promise<Answer> =>
  askAs(api.server, key, method, url, body);
const halt = (body: object): Promise<Answer> => call(KEYS.risk, 'POST', '/v1/halt', { reason: 'it looks wrong', ...body });
const halts = async (): Promise<Halt[]> => (await call(KEYS.viewer, 'GET', '/v1/halts')).body['halts'] as Halt[];
/** Risk asks to end it, the owner approves. */
const ended = async (latchId: unknown): Promise<Answer> => {
  const requestId = randomUUID();
  const asked = await call(KEYS.risk, 'POST', '/v1/rearm', { latchId, requestId, reason: 'looked into' });
  expect(asked).toMatchObject({ status: 409, body: { code: 'AUTH_APPROVAL_NEEDED' } });
  const { body } = await call(KEYS.viewer, 'GET', `/v1/approvals?requestId=${requestId}`);
  const [request] = body['requests'] as { payloadHash: string }[];
  return call(KEYS.owner, 'POST', '/v1/approvals/approve', { requestId, payloadHash: request?.payloadHash, reason: 'looked too' });
};

test('a halt of a strategy is of the accounts that trade it: it is shown there, and an unwell one that does not keeps it not', async () => {
  await store.pool.query(`insert into incidents (incident_key, account, kind, data) values ($1, 'second', 'oddFill', '{}')`, [
    randomUUID(),
  ]);
  const { body } = await halt({ scope: 'strategy', target: 'momentum' });
  expect(body).toMatchObject({ accounts: ['main'] });
  expect((await halts()).map(({ accounts }) => accounts.map(({ account }) => account))).toEqual([['main']]);
  const status = (await call(KEYS.viewer, 'GET', '/v1/status')).body['accounts'] as { account: string; latches: unknown[] }[];
  expect(status.map(({ account, latches }) => [account, latches.length])).toEqual([
    ['main', 1],
    ['second', 0],
  ]);
  expect(await ended(body['latchId'])).toMatchObject({ status: 200, body: { state: 'used' } });
  expect(await halts()).toEqual([]);
});

test.each([
  [{ scope: 'account', target: 'mian' }, [], ['main', 'second']],
  [{ scope: 'venue', target: 'papr' }, [], ['paper']],
  [{ scope: 'strategy', target: 'momentun' }, [], ['momentum']],
  [{ scope: 'instrument', target: 'BTC/USD' }, [], ['SPX/USDT']],
  [{ scope: 'strategy', target: 'momentum', account: 'second' }, ['second'], ['momentum in main']],
  [{ scope: 'instrument', target: 'SPX/USDT', account: 'mian' }, [], ['SPX/USDT in main']],
])(
  'a name that nobody has is no refusal: %j is written, is said to halt nothing, and ends like every halt',
  async (body, accounts, known) => {
    const { status, body: answer } = await halt(body);
    expect([status, answer]).toEqual([200, { latchId: expect.any(String) as string, isNew: true, policy: 'none', accounts, known }]);
    expect((await halt(body)).body).toEqual({ ...answer, isNew: false });
    const { rows } = await store.pool.query<{ known: unknown }>(
      `select distinct data->'known' as known from audit_events where data->>'latchId' = $1`,
      [answer['latchId']],
    );
    expect(rows).toEqual([{ known }]);
    await store.pool.query('update incidents set closed_at = now()');
    expect(await ended(answer['latchId'])).toMatchObject({ status: 200, body: { state: 'used' } });
    expect(await halts()).toEqual([]);
  },
);

test('where some account has it, no names are listed', async () => {
  for (const body of [{ scope: 'strategy', target: 'momentum' }, { scope: 'account', target: 'second' }, { scope: 'everything' }]) {
    expect((await halt(body)).body).toMatchObject({ known: null });
  }
});

test('a halt over no account ends by two people, without Temporal, which has nothing to look at', async () => {
  await store.pool.query(`update accounts set retired_at = now() where account = 'second'`);
  const { body } = await halt({ scope: 'account', target: 'second' });
  expect(body).toMatchObject({ accounts: [] });
  api.temporalIsUp = false;
  expect(await ended(body['latchId'])).toMatchObject({ status: 200, body: { state: 'used' } });
  expect(await halts()).toEqual([]);
  // Once it has one again that one has to be seen.
  await store.pool.query(`update accounts set retired_at = now() where account = 'second'`);
  const again = await halt({ scope: 'account', target: 'second' });
  await store.pool.query(`update accounts set retired_at = null where account = 'second'`);
  expect(await ended(again.body['latchId'])).toMatchObject({ status: 503, body: { code: 'INFRA_TEMPORAL' } });
});
