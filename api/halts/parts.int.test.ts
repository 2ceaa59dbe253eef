import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createKillStore } from '../../adapters/store/kill-store.js';
import { apiUnderTest, askAs, KEYS, seedPeople, seedTrading, type Answer, type ApiUnderTest } from '../../test/support/api.js';
import { clearLook } from '../../test/support/look.js';
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
  const { body } = await halt({ scope: 'account', target: 'third' });
  expect(body).toMatchObject({ accounts: [] });
  api.temporalIsUp = false;
  expect(await ended(body['latchId'])).toMatchObject({ status: 200, body: { state: 'used' } });
  expect(await halts()).toEqual([]);
});

describe('an account that left the configuration while it was halted', () => {
  const retire = (account: string) => store.pool.query('update accounts set retired_at = clock_timestamp() where account = $1', [account]);
  const configured = () => store.pool.query('update accounts set retired_at = null');
  afterEach(configured);

  test.each([
    [{ scope: 'account', target: 'second' }, 'second'],
    [{ scope: 'strategy', target: 'momentum', account: 'second' }, 'second'],
    [{ scope: 'strategy', target: 'momentum' }, 'main'],
    [{ scope: 'venue', target: 'paper' }, 'main, second'],
    [{ scope: 'everything' }, 'main, second'],
  ])('P30: by whom nobody looks at is nothing ended: %j', async (body, left) => {
    await store.pool
      .query(`insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ('main', 'momentum', 'SPX/USDT', 0, 0, 0)
      on conflict (account, strategy, instrument) do nothing`);
    const { latchId } = (await halt(body)).body;
    for (const account of left.split(', ')) await retire(account);
    const detail = expect.stringContaining(`${left} left the configuration: nobody looks there`) as unknown;
    expect(await ended(latchId)).toMatchObject({ status: 409, body: { code: 'HALT_NOT_CLEAN', detail } });
    expect(await halts()).toMatchObject([{ latchId }]);
    // Once it is back it has to be seen.
    await configured();
    api.temporalIsUp = false;
    expect(await ended(latchId)).toMatchObject({ status: 503, body: { code: 'INFRA_TEMPORAL' } });
    api.temporalIsUp = true;
  });

  test.each([
    { scope: 'account', target: 'second' },
    { scope: 'venue', target: 'elsewhere' },
    { scope: 'strategy', target: 'momentum', account: 'second' },
  ])('P30: had all left before, the halt ends as one over no account; not where one came back, and left under it: %j', async (body) => {
    await store.pool.query(`update accounts set venue = 'elsewhere' where account = 'second'`);
    try {
      await retire('second');
      api.temporalIsUp = false;
      const { latchId: first } = (await halt(body)).body;
      expect(await ended(first)).toMatchObject({ status: 200, body: { state: 'used' } });
      expect(await halts()).toEqual([]);
      const { latchId: second } = (await halt(body)).body;
      await configured();
      await retire('second');
      // … also when the clock was set back before it left.
      await store.pool.query(`update accounts set retired_at = clock_timestamp() - interval '1 hour' where account = 'second'`);
      const detail = expect.stringContaining('second left the configuration: nobody looks there') as unknown;
      expect(await ended(second)).toMatchObject({ status: 409, body: { code: 'HALT_NOT_CLEAN', detail } });
      expect(await halts()).toMatchObject([{ latchId: second }]);
    } finally {
      api.temporalIsUp = true;
      await store.pool.query(`update accounts set venue = 'paper' where account = 'second'`);
    }
  });

  test('P31: what had left before a restore has called the halt keeps it, too', async () => {
    await retire('second');
    const restored = {
      scope: 'account',
      scopeValue: 'second',
      account: null,
      reason: 'restore',
      subject: 'restore',
      policy: 'none',
      by: 'restore',
    };
    const { rows } = await store.pool.query<{ id: string }>(`select engage_latch($1)->>'latchId' as id`, [restored]);
    expect(await ended(rows[0]?.id)).toMatchObject({ status: 409, body: { code: 'HALT_NOT_CLEAN' } });
  });

  test('P30: what stays halted because it has left is not ended before it is back', async () => {
    const { latchId } = (await halt({ scope: 'everything' })).body;
    await retire('main');
    await createKillStore(store.pool).writeKill('second', 'verified', await clearLook(store.pool, 'second'), null);
    expect(await ended(latchId)).toMatchObject({ status: 200, body: { state: 'used' } });
    const [kept] = await halts();
    expect(await ended(kept?.latchId)).toMatchObject({ status: 409, body: { code: 'HALT_NOT_CLEAN' } });
  });

  test.each([
    [{ scope: 'everything' }, { scope: 'account', scopeValue: 'main', account: null }],
    [
      { scope: 'venue', target: 'paper' },
      { scope: 'account', scopeValue: 'main', account: null },
    ],
    [
      { scope: 'instrument', target: 'SPX/USDT' },
      { scope: 'instrument', scopeValue: 'SPX/USDT', account: 'main' },
    ],
  ])('P30: it stays halted when the halt ends for those that were looked at: %j', async (body, kept) => {
    await store.pool
      .query(`insert into active_strategies (account, strategy, instrument, version, model_hash) values ('second', 'momentum', 'SPX/USDT', '1', '')
      on conflict do nothing`);
    const { latchId } = (await halt(body)).body;
    await retire('main');
    expect(await ended(latchId)).toMatchObject({ status: 200, body: { state: 'used' } });
    expect(await halts()).toMatchObject([{ ...kept, policy: 'none', accounts: [] }]);
    await configured();
    expect(await halts()).toMatchObject([{ ...kept, accounts: [{ account: 'main' }] }]);
    const { rows } = await store.pool.query<{ told: string }>(
      `select data->>'reason' as told from audit_events where kind = 'halt.engaged' and account = 'main' order by event_id desc limit 1`,
    );
    expect(rows[0]?.told).toContain('it left the configuration before its halt was verified');
  });

  test('P30: … also where a clock was set back before it left, and came to the halt again since', async () => {
    const { latchId } = (await halt({ scope: 'everything' })).body;
    await retire('main');
    await store.pool.query(`update accounts set retired_at = clock_timestamp() - interval '1 hour' where account = 'main'`);
    expect(await ended(latchId)).toMatchObject({ status: 200, body: { state: 'used' } });
    expect(await halts()).toMatchObject([{ scope: 'account', scopeValue: 'main', accounts: [] }]);
  });

  test('P31: of what a restore has halted those that left before stay as they were', async () => {
    await retire('main');
    const restored = {
      scope: 'everything',
      scopeValue: '',
      account: null,
      reason: 'restore',
      subject: 'restore',
      policy: 'none',
      by: 'restore',
    };
    const { rows } = await store.pool.query<{ id: string }>(`select engage_latch($1)->>'latchId' as id`, [restored]);
    expect(await ended(rows[0]?.id)).toMatchObject({ status: 200, body: { state: 'used' } });
    expect(await halts()).toEqual([]);
  });

  test('… but not one that had left before, nor one that was verified', async () => {
    await retire('main');
    const first = (await halt({ scope: 'everything' })).body['latchId'];
    expect(await ended(first)).toMatchObject({ status: 200 });
    await configured();
    const second = (await halt({ scope: 'everything' })).body['latchId'];
    await createKillStore(store.pool).writeKill('main', 'verified', await clearLook(store.pool, 'main'), null);
    await retire('main');
    expect(await ended(second)).toMatchObject({ status: 200 });
    expect(await halts()).toEqual([]);
  });
});
