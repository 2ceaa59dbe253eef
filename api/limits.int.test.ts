import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createControlStore } from '../adapters/store/control-store.js';
import { createOrderStore } from '../adapters/store/order-store.js';
import { apiUnderTest, askAs, KEYS, seedPeople, type Answer, type ApiUnderTest } from '../test/support/api.js';
import { seedKey, seedPerson } from '../test/support/people.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import type { ApprovalRequest } from './read/approvals.js';
import type { LimitChange, Override } from './read/limits.js';

const ACCOUNT = 'main';
const LIMITS = { maxOrderNotional: '1000', maxInstrumentExposure: '2000', maxAccountExposure: '5000', maxOpenOrders: 10 };
const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: 'BTC/USDT' };

let store: TestDatabase;
let api: ApiUnderTest;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await seedPerson(store.pool, 'second', ['risk', 'trader'], 'key-of-second');
  for (const [account, venue] of [
    [ACCOUNT, 'paper'],
    ['beside', 'paper'],
    ['elsewhere', 'other'],
  ] as const) {
    await createControlStore(store.pool).applyConfiguration({ account, venue, limits: LIMITS, strategies: [], subject: 'test' });
  }
});
afterAll(() => store?.drop());
beforeEach(() => {
  api = apiUnderTest(store);
});
afterEach(() => api.close());

const post = (key: string, url: string, body: object): Promise<Answer> => askAs(api.server, key, 'POST', url, body);
const set = (key: string, more: object): Promise<Answer> =>
  post(key, '/v1/limits', { scope: 'account', scopeValue: ACCOUNT, limit: 'maxOrderNotional', reason: 'a test', ...more });
const list = async (path = '/v1/limits'): Promise<{ limits: LimitChange[]; overrides: Override[] }> => {
  const { body } = await askAs(api.server, KEYS.viewer, 'GET', `${path}?account=${ACCOUNT}`);
  return body as unknown as { limits: LimitChange[]; overrides: Override[] };
};
const holds = async (limit: string): Promise<LimitChange | undefined> =>
  (await list()).limits.find((one) => one.limit === limit && one.scope === 'account');
const effective = async (strategy = 'momentum') => (await createOrderStore(store.pool).readRisk({ ...KEY, strategy })).limits;
const versions = async () =>
  (
    await store.pool.query(
      'select account, c.version::int as control, r.version::int as risk from control c join risk_state r using (account) order by 1',
    )
  ).rows as { account: string; control: number; risk: number }[];
const decide = async (key: string, requestId: string, decision = 'approve'): Promise<Answer> => {
  const { body } = await askAs(api.server, key, 'GET', `/v1/approvals?requestId=${requestId}`);
  const [request] = body['requests'] as ApprovalRequest[];
  return post(key, `/v1/approvals/${decision}`, { requestId, payloadHash: request?.payloadHash ?? '0'.repeat(64), reason: 'looked at' });
};
const audited = async (kind: string): Promise<{ subject: string; data: Record<string, unknown> }[]> =>
  (await store.pool.query('select subject, data from audit_events where kind = $1 order by event_id', [kind])).rows as never;

describe('limits', () => {
  test('the configuration’s are the first rows', async () => {
    expect(await holds('maxOrderNotional')).toMatchObject({ value: '1000', version: 1, subject: 'configuration', from: null });
    expect(await effective()).toMatchObject({ maxOrderNotional: '1000', maxStrategyOrdersPerSecond: 10, maxVenueExposure: null });
  });

  test('one person tightens at once, and every version of the account moves', async () => {
    const before = await versions();
    expect((await set(KEYS.risk, { value: '800' })).status).toBe(200);
    expect(await holds('maxOrderNotional')).toMatchObject({
      value: '800',
      from: '1000',
      version: 2,
      subject: 'risk',
      reason: 'a test',
      approvedBy: null,
    });
    expect(await effective()).toMatchObject({ maxOrderNotional: '800' });
    const after = await versions();
    for (const { account, control, risk } of after) {
      const was = before.find((one) => one.account === account);
      expect({ account, control: control > (was?.control ?? 0), risk: risk > (was?.risk ?? 0) }).toEqual({
        account,
        control: account === ACCOUNT,
        risk: account === ACCOUNT,
      });
    }
    expect((await audited('limit.changed')).at(-1)).toMatchObject({ subject: 'risk', data: { from: '1000', to: '800', reason: 'a test' } });
    // The same again is no change.
    expect((await set(KEYS.risk, { value: '800' })).status).toBe(200);
    expect(await holds('maxOrderNotional')).toMatchObject({ version: 2 });
  });

  test('who has not the role changes nothing', async () => {
    for (const key of [KEYS.viewer, KEYS.trader, KEYS.operator, KEYS.auditor]) expect((await set(key, { value: '1' })).status).toBe(403);
    expect(await holds('maxOrderNotional')).toMatchObject({ version: 2 });
  });

  test('a loosening waits for another person: not for its author, nor for the author’s second key', async () => {
    const requestId = randomUUID();
    const asked = await set(KEYS.risk, { value: '900', commandId: requestId });
    expect(asked).toMatchObject({ status: 409, body: { code: 'AUTH_APPROVAL_NEEDED' } });
    await seedKey(store.pool, 'risk', 'second-key-of-risk');
    for (const key of [KEYS.risk, 'second-key-of-risk']) {
      expect(await decide(key, requestId)).toMatchObject({ status: 403, body: { code: 'AUTH_OWN_REQUEST' } });
    }
    // Whatever the message says, the row of the request has no approval.
    const { rows } = await store.pool.query(`select apply_limit_request($1) as answer`, [
      { requestId, approvedBy: 'second', subject: 'second' },
    ]);
    expect(rows).toEqual([{ answer: 'pending' }]);
    expect((await set(KEYS.risk, { value: '900', commandId: requestId })).body['code']).toBe('AUTH_APPROVAL_NEEDED');
    expect(await holds('maxOrderNotional')).toMatchObject({ value: '800' });
    expect(await decide('key-of-second', requestId)).toMatchObject({ status: 200, body: { state: 'used' } });
    expect(await holds('maxOrderNotional')).toMatchObject({ value: '900', from: '800', version: 3, subject: 'risk', approvedBy: 'second' });
    expect(await effective()).toMatchObject({ maxOrderNotional: '900' });
    expect((await audited('limit.changed')).at(-1)).toMatchObject({ data: { approvedBy: ['second'] } });
  });

  test('what the watch acts at: one person tightens, two loosen, and it is of an account or a venue as a whole', async () => {
    expect((await set(KEYS.risk, { limit: 'drawdownLimitRatio', value: '0.12' })).status).toBe(200);
    expect(await holds('drawdownLimitRatio')).toMatchObject({ value: '0.12', subject: 'risk', approvedBy: null });
    const requestId = randomUUID();
    for (const [limit, value] of [
      ['drawdownLimitRatio', '0.1201'],
      ['drawdownLimitRatio', null],
      ['dailyLossWarnRatio', '0.021'],
    ] as const) {
      expect(await set(KEYS.risk, { limit, value })).toMatchObject({ status: 409, body: { code: 'AUTH_APPROVAL_NEEDED' } });
    }
    expect((await set(KEYS.risk, { limit: 'drawdownLimitRatio', value: '0.2', commandId: requestId })).status).toBe(409);
    expect((await decide('key-of-second', requestId)).body).toMatchObject({ state: 'used' });
    expect(await holds('drawdownLimitRatio')).toMatchObject({ value: '0.2', from: '0.12', approvedBy: 'second' });
    expect((await set(KEYS.risk, { limit: 'killPolicy', value: 'atOnce' })).status).toBe(200);
    expect((await set(KEYS.risk, { limit: 'killPolicy', value: 'none' })).status).toBe(409);
    expect((await set(KEYS.risk, { limit: 'dailyLossLimitRatio', value: '0.01', scope: 'venue', scopeValue: 'paper' })).status).toBe(200);
    for (const more of [
      { limit: 'drawdownLimitRatio', value: '0.1', scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT },
      { limit: 'killPolicy', value: 'atOnce', scope: 'instrument', scopeValue: 'BTC/USDT', account: ACCOUNT },
      { limit: 'drawdownLimitRatio', value: '15 %' },
    ]) {
      expect(await set(KEYS.risk, more)).toMatchObject({ status: 400 });
    }
    const override = { account: ACCOUNT, instrument: 'BTC/USDT', limit: 'drawdownLimitRatio', value: '0.3', minutes: 5, reason: 'a test' };
    expect(await post(KEYS.trader, '/v1/limits/override', override)).toMatchObject({ status: 400 });
  });

  test('an approval is used once, and is of the limit as it stood', async () => {
    const requestId = randomUUID();
    await set(KEYS.risk, { value: '950', commandId: requestId });
    await set('key-of-second', { value: '700' });
    expect(await decide(KEYS.owner, requestId)).toMatchObject({ status: 409, body: { code: 'AUTH_APPROVAL_CLOSED' } });
    expect(await holds('maxOrderNotional')).toMatchObject({ value: '700' });
    const again = randomUUID();
    await set(KEYS.risk, { value: '750', commandId: again });
    expect((await decide('key-of-second', again)).status).toBe(200);
    await set(KEYS.risk, { value: '600' });
    // Neither the asker nor the approver brings it back.
    expect((await decide('key-of-second', again)).body).toMatchObject({ state: 'used' });
    expect((await set(KEYS.risk, { value: '750', commandId: again })).body['code']).toBe('AUTH_APPROVAL_CLOSED');
    expect(await holds('maxOrderNotional')).toMatchObject({ value: '600' });
  });

  test('taking a limit away loosens it; without a required one nothing passes, and nobody alone sets another in its place', async () => {
    const was = String((await effective()).maxOpenOrders);
    expect((await set(KEYS.risk, { limit: 'maxOpenOrders', value: String(Number(was) - 1) })).body).toEqual({
      status: 'done',
      warning: null,
      endedOverrides: [],
    });
    const warning = 'Without maxOpenOrders no entry of account main passes, and to set it again takes two people.';
    expect((await set(KEYS.risk, { limit: 'maxOpenOrders', value: null })).body).toEqual({ status: 'done', warning, endedOverrides: [] });
    expect((await effective()).maxOpenOrders).toBe(0);
    const again = { limit: 'maxOpenOrders', value: was, commandId: randomUUID() };
    expect((await set(KEYS.risk, again)).status).toBe(409);
    expect((await decide('key-of-second', again.commandId)).status).toBe(200);
    expect(String((await effective()).maxOpenOrders)).toBe(was);
    const narrow = { scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT, limit: 'maxStrategyExposure' };
    expect((await set(KEYS.risk, { ...narrow, value: '100' })).status).toBe(200);
    expect((await effective()).maxStrategyExposure).toBe('100');
    expect((await effective('other')).maxStrategyExposure).toBeNull();
    const requestId = randomUUID();
    expect((await set(KEYS.risk, { ...narrow, value: null, commandId: requestId })).status).toBe(409);
    expect((await decide('key-of-second', requestId)).status).toBe(200);
    expect((await effective()).maxStrategyExposure).toBeNull();
  });

  test('a venue’s limit binds every account there and moves their versions', async () => {
    const before = await versions();
    const venue = { scope: 'venue', scopeValue: 'paper', limit: 'maxVenueExposure', value: '100' };
    expect((await set(KEYS.risk, venue)).status).toBe(200);
    const moved = (await versions()).filter((one) => one.control > (before.find((was) => was.account === one.account)?.control ?? 0));
    expect(moved.map(({ account }) => account)).toEqual(['beside', ACCOUNT]);
    expect((await effective()).maxVenueExposure).toBe('100');
    expect((await set(KEYS.risk, { ...venue, scopeValue: 'nowhere' })).body['code']).toBe('INPUT_UNKNOWN_PLACE');
  });

  test.each([
    [{ scope: 'strategy', scopeValue: 'momentun', account: ACCOUNT }, 'INPUT_UNKNOWN_STRATEGY', 'Known: momentum'],
    [{ scope: 'strategy', scopeValue: 'momentum', account: 'beside' }, 'INPUT_UNKNOWN_STRATEGY', 'Known: none'],
    [{ scope: 'instrument', scopeValue: 'BTC/USD', account: ACCOUNT }, 'INPUT_UNKNOWN_INSTRUMENT', 'Known: BTC/USDT'],
    [{ scope: 'venue', scopeValue: 'papper' }, 'INPUT_UNKNOWN_PLACE', 'There is no venue papper'],
    [{ scope: 'account', scopeValue: 'mian' }, 'INPUT_UNKNOWN_ACCOUNT', 'There is no account mian'],
  ])('what nobody has cannot be bound: %o', async (place, code, why) => {
    for (const value of ['1', null]) {
      const refused = await set(KEYS.risk, { ...place, value });
      expect(refused).toMatchObject({ status: 404, body: { code, detail: expect.stringContaining(why) as string } });
    }
    const { rows } = await store.pool.query('select from limits where scope_value = $1 and account is not distinct from $2', [
      place.scopeValue,
      'account' in place ? place.account : null,
    ]);
    expect(rows).toEqual([]);
  });

  test('what was set for a strategy that has left the configuration since is taken away by two people', async () => {
    const gone = { scope: 'strategy', scopeValue: 'gone', account: ACCOUNT, limit: 'maxStrategyExposure' };
    const input = { scope: gone.scope, scopeValue: gone.scopeValue, account: gone.account, key: gone.limit, from: null, value: '100' };
    await store.pool.query('select tighten_limit($1)', [{ ...input, version: 0, subject: 'risk', reason: 'a test' }]);
    expect((await effective('gone')).maxStrategyExposure).toBe('100');
    const requestId = randomUUID();
    expect((await set(KEYS.risk, { ...gone, value: null, commandId: requestId })).body['code']).toBe('AUTH_APPROVAL_NEEDED');
    expect((await decide('key-of-second', requestId)).status).toBe(200);
    expect((await effective('gone')).maxStrategyExposure).toBeNull();
  });

  test.each([
    [{ value: '-1' }, 'body.value'],
    [{ limit: 'maxOpenOrders', value: '1.5' }, 'body.value'],
    [{ limit: 'maxWishes', value: '1' }, 'body.limit'],
    [{ scope: 'strategy', scopeValue: 'momentum', value: '1' }, 'body.account'],
  ])('%o is refused', async (more, path) => {
    expect(await set(KEYS.risk, more)).toMatchObject({ status: 400, body: { problems: [{ path }] } });
  });

  test('the history tells who, when, why, from and to', async () => {
    const { limits } = await list('/v1/limits/history');
    const changes = limits
      .filter((one) => one.limit === 'maxOrderNotional')
      .map((one) => [one.from, one.value, one.subject, one.approvedBy]);
    expect(changes.toReversed().slice(0, 3)).toEqual([
      [null, '1000', 'configuration', null],
      ['1000', '800', 'risk', null],
      ['800', '900', 'risk', 'second'],
    ]);
  });

  test('rows of limits can be neither changed nor deleted', async () => {
    await expect(store.pool.query(`update limits set value = '9'`)).rejects.toThrow(/append-only/);
    await expect(store.pool.query('delete from limits')).rejects.toThrow(/append-only/);
  });

  test('one that was changed often is tightened as any other', async () => {
    for (let value = 520; value > 508; value -= 1)
      expect(await set(KEYS.risk, { scopeValue: 'beside', value: String(value) })).toMatchObject({ status: 200 });
    const view = await createOrderStore(store.pool).readRisk({ ...KEY, account: 'beside' });
    expect(view.limits.maxOrderNotional).toBe('509');
  });

  test('of many that tighten at once each finds what the others left', async () => {
    const values = Array.from({ length: 12 }, (_, index) => String(500 - index));
    const answers = await Promise.all(values.map((value) => set(KEYS.risk, { value })));
    // One that lost to stricter ones is a loosening by now: it waits for a second person, or has lapsed where a further one came meanwhile.
    const lost = ['AUTH_APPROVAL_NEEDED', 'AUTH_APPROVAL_CLOSED', 'RISK_CONTENTION'];
    for (const { status, body } of answers) expect(status === 200 || lost.includes(String(body['code']))).toBe(true);
    const { limits } = await list('/v1/limits/history');
    const since = limits.filter((one) => one.limit === 'maxOrderNotional' && Number(one.value) <= 500).map((one) => Number(one.value));
    expect(since).toEqual(since.toSorted((a, b) => a - b));
    expect(await holds('maxOrderNotional')).toMatchObject({ value: String(since[0]) });
  });
});

describe('overrides', () => {
  const ask = (key: string, more: object = {}): Promise<Answer> =>
    post(key, '/v1/limits/override', {
      account: ACCOUNT,
      instrument: KEY.instrument,
      limit: 'maxOrderNotional',
      value: '5000',
      minutes: 10,
      reason: 'a block trade',
      ...more,
    });

  test('wait for another person, are listed, and end by themselves by the database’s clock', async () => {
    const overrideId = randomUUID();
    expect((await ask(KEYS.trader, { commandId: overrideId })).body['code']).toBe('AUTH_APPROVAL_NEEDED');
    expect(await decide(KEYS.trader, overrideId)).toMatchObject({ status: 403 });
    expect((await list()).overrides).toEqual([]);
    expect((await decide('key-of-second', overrideId)).status).toBe(200);
    const [standing] = (await list()).overrides;
    expect(standing).toMatchObject({
      overrideId,
      value: '5000',
      subject: 'trader',
      approvedBy: 'second',
      state: 'standing',
      isForOneOrder: true,
    });
    const view = await createOrderStore(store.pool).readRisk(KEY);
    expect(view.overrides).toMatchObject([{ overrideId, key: 'maxOrderNotional', value: '5000', expiresTime: standing?.expiresTime }]);
    await store.pool.query(`update limit_overrides set expires_at = clock_timestamp()`);
    expect((await createOrderStore(store.pool).readRisk(KEY)).overrides).toEqual([]);
    expect((await list()).overrides).toEqual([]);
    expect((await list('/v1/limits/history')).overrides).toMatchObject([{ state: 'expired' }]);
  });

  test('one of a time to come, as after a clock was set back, is not listed as standing: the gate does not count it', async () => {
    const overrideId = randomUUID();
    await ask(KEYS.trader, { commandId: overrideId });
    await decide('key-of-second', overrideId);
    const ahead = `update limit_overrides set created_at = clock_timestamp() + interval '1 hour', expires_at = clock_timestamp() + interval '2 hours'`;
    await store.pool.query(`${ahead} where override_id = $1`, [overrideId]);
    expect((await createOrderStore(store.pool).readRisk(KEY)).overrides).toEqual([]);
    expect((await list()).overrides).toEqual([]);
    const { overrides } = await list('/v1/limits/history');
    expect(overrides.find((one) => one.overrideId === overrideId)).toMatchObject({ state: 'ahead' });
    await store.pool.query('delete from limit_overrides where override_id = $1', [overrideId]);
  });

  test('the author cannot approve one, however many roles that person has', async () => {
    const overrideId = randomUUID();
    await ask('key-of-second', { commandId: overrideId });
    expect(await decide('key-of-second', overrideId)).toMatchObject({ status: 403, body: { code: 'AUTH_OWN_REQUEST' } });
    expect((await decide(KEYS.risk, overrideId, 'refuse')).status).toBe(200);
    expect((await ask('key-of-second', { commandId: overrideId })).body['code']).toBe('AUTH_APPROVAL_CLOSED');
  });

  test.each([
    [{ strategy: 'momentun' }, 'INPUT_UNKNOWN_STRATEGY'],
    [{ instrument: 'BTC/USD' }, 'INPUT_UNKNOWN_INSTRUMENT'],
    [{ account: 'mian' }, 'INPUT_UNKNOWN_ACCOUNT'],
  ])('of what nobody has are not asked for: %o', async (more, code) => {
    expect(await ask(KEYS.trader, more)).toMatchObject({ status: 404, body: { code } });
  });

  test.each([
    [{ limit: 'maxOpenOrders', value: '2' }, /what holds is \d+/],
    [{ limit: 'duplicateWindowMs', value: '60000' }, /what holds is 500/],
    [{ limit: 'maxVenueNetExposure', value: '5', strategy: 'momentum' }, /there is no such limit/],
    [{ limit: 'tradingHours', value: 'mon-fri 10:00-12:00' }, /there is no such limit/],
  ])('to what lets nothing more pass asks nobody: %o', async (more, why) => {
    const commandId = randomUUID();
    const refused = await ask(KEYS.trader, { ...more, commandId });
    expect(refused).toMatchObject({ status: 400, body: { problems: [{ path: 'body.value' }] } });
    expect(JSON.stringify(refused.body)).toMatch(why);
    expect((await store.pool.query('select from approval_requests where request_id = $1', [commandId])).rowCount).toBe(0);
  });

  test('one that was asked for is answered as it stands, whatever its limit is by then', async () => {
    const commandId = randomUUID();
    await ask(KEYS.trader, { commandId });
    await decide('key-of-second', commandId);
    const holdsNow = (value: string): Promise<unknown> =>
      store.pool.query(
        `insert into limits (scope, scope_value, account, limit_key, value, version, subject, reason)
         select scope, scope_value, account, limit_key, $2, version + 1, 'test', 'a test' from limits
          where account = $1 and scope = 'account' and limit_key = 'maxOrderNotional' order by version desc limit 1`,
        [ACCOUNT, value],
      );
    await holdsNow('6000');
    expect(await ask(KEYS.trader, { commandId })).toMatchObject({ status: 200 });
    expect(await ask(KEYS.trader)).toMatchObject({ status: 400 });
    await holdsNow('1000');
    await store.pool.query('delete from limit_overrides where override_id = $1', [commandId]);
  });

  test('all that is mistyped is told at once, and which values there are', async () => {
    const wrong = await ask(KEYS.trader, { limit: 'maxOpenOrders', value: '1001', reason: 'x' });
    expect(wrong).toMatchObject({ status: 400 });
    expect(wrong.body['problems']).toEqual([
      { path: 'body.reason', message: 'expected a reason of at least 3 characters' },
      { path: 'body.value', message: 'expected a whole number from 1 to 1000, as maxOpenOrders is' },
    ]);
    for (const [limit, value, told] of [
      ['maxOrderNotional', '1e3', /a decimal above 0/],
      ['killPolicy', 'never', /none or atOnce/],
      ['drawdownLimitRatio', '15', /from 0.0001 to 1,/],
      ['tradingHours', 'noon', /hours such as/],
    ] as const)
      expect((await set(KEYS.risk, { limit, value })).body['detail']).toMatch(told);
    expect((await set(KEYS.risk, { limit: 'nothing', value: 'x' })).body['problems']).toHaveLength(1);
  });

  test('one person ends one before its time', async () => {
    const overrideId = randomUUID();
    await ask(KEYS.trader, { commandId: overrideId, isForOneOrder: false, strategy: 'momentum' });
    await decide('key-of-second', overrideId);
    expect((await list()).overrides).toMatchObject([{ overrideId, strategy: 'momentum', isForOneOrder: false }]);
    expect((await post(KEYS.operator, '/v1/limits/override/end', { overrideId, reason: 'done' })).status).toBe(200);
    expect((await list()).overrides).toEqual([]);
    expect((await post(KEYS.operator, '/v1/limits/override/end', { overrideId: randomUUID(), reason: 'done' })).status).toBe(404);
  });
});

test('a strategy is disabled by one person and enabled by the risk role, with both in the audit', async () => {
  const body = { account: ACCOUNT, strategy: 'momentum', reason: 'a test' };
  expect((await post(KEYS.trader, '/v1/strategies/disable', body)).status).toBe(200);
  expect((await createOrderStore(store.pool).readRisk(KEY)).disabled).toBe('a test');
  expect((await askAs(api.server, KEYS.viewer, 'GET', '/v1/status')).body['accounts']).toContainEqual(
    expect.objectContaining({ account: ACCOUNT, disabledStrategies: [{ strategy: 'momentum', reason: 'a test' }] }),
  );
  expect((await post(KEYS.trader, '/v1/strategies/enable', body)).status).toBe(403);
  expect((await post(KEYS.risk, '/v1/strategies/enable', body)).status).toBe(200);
  expect((await createOrderStore(store.pool).readRisk(KEY)).disabled).toBeUndefined();
  expect((await post(KEYS.risk, '/v1/strategies/enable', body)).body['code']).toBe('INPUT_NOT_DISABLED');
  expect((await post(KEYS.trader, '/v1/strategies/disable', { ...body, strategy: 'nobody' })).status).toBe(404);
  expect([(await audited('strategy.disabled'))[0]?.subject, (await audited('strategy.enabled'))[0]?.subject]).toEqual(['trader', 'risk']);
});
