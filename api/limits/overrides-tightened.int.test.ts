import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createControlStore } from '../../adapters/store/control-store.js';
import { createOrderStore } from '../../adapters/store/order-store.js';
import { apiUnderTest, askAs, KEYS, seedPeople, type Answer, type ApiUnderTest } from '../../test/support/api.js';
import { seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { ApprovalRequest } from '../read/approvals.js';

const ACCOUNT = 'main';
const LIMITS = { maxOrderNotional: '1000', maxInstrumentExposure: '2000', maxAccountExposure: '5000', maxOpenOrders: 10 };

let store: TestDatabase;
let api: ApiUnderTest;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await seedPerson(store.pool, 'second', ['risk', 'trader'], 'key-of-second');
});
afterAll(() => store?.drop());
beforeEach(async () => {
  api = apiUnderTest(store);
  // What the configuration says at first: of each case its own.
  await store.pool.query('update limit_overrides set expires_at = clock_timestamp()');
  await reset();
});
afterEach(() => api.close());

const reset = async (): Promise<void> => {
  for (const [account, venue] of [
    [ACCOUNT, 'paper'],
    ['beside', 'paper'],
  ] as const) {
    await createControlStore(store.pool).applyConfiguration({ account, venue, limits: LIMITS, strategies: [], subject: 'test' });
  }
  // As two people would loosen it again.
  await store.pool.query(
    `insert into limits (scope, scope_value, account, limit_key, value, version, subject, reason)
       select scope, scope_value, account, limit_key, case scope when 'account' then '1000' end, version + 1, 'test', 'a test'
         from (select distinct on (scope, scope_value, account) * from limits where limit_key = 'maxOrderNotional'
                order by scope, scope_value, account, version desc) newest`,
  );
};
const post = (key: string, url: string, body: object): Promise<Answer> => askAs(api.server, key, 'POST', url, body);
const set = (more: object): Promise<Answer> =>
  post(KEYS.risk, '/v1/limits', {
    scope: 'account',
    scopeValue: ACCOUNT,
    limit: 'maxOrderNotional',
    reason: 'a bad hour',
    commandId: randomUUID(),
    ...more,
  });
const ask = async (more: object = {}): Promise<{ readonly id: string; readonly answer: Answer }> => {
  const id = randomUUID();
  return { id, answer: await askAgain(id, more) };
};
const askAgain = (commandId: string, more: object = {}): Promise<Answer> =>
  post(KEYS.trader, '/v1/limits/override', {
    ...{ account: ACCOUNT, instrument: 'BTC/USDT', limit: 'maxOrderNotional', value: '5000', isForOneOrder: false, minutes: 60 },
    ...{ reason: 'a block trade', commandId },
    ...more,
  });
const decide = async (requestId: string, decision = 'approve'): Promise<Answer> => {
  const { body } = await askAs(api.server, KEYS.viewer, 'GET', `/v1/approvals?requestId=${requestId}`);
  const [request] = body['requests'] as ApprovalRequest[];
  return post('key-of-second', `/v1/approvals/${decision}`, { requestId, payloadHash: request?.payloadHash, reason: 'looked at' });
};
const agreed = async (more: object = {}): Promise<string> => {
  const { id } = await ask(more);
  expect((await decide(id)).status).toBe(200);
  return id;
};
/** Those that the gate counts, in the order in which they were agreed. */
const standing = async (account = ACCOUNT): Promise<string[]> => {
  const { overrides } = await createOrderStore(store.pool).readRisk({ account, strategy: 'momentum', instrument: 'BTC/USDT' });
  return overrides.map(({ overrideId }) => overrideId);
};
const endedBy = ({ body }: Answer): string[] =>
  (body['endedOverrides'] as { readonly overrideId: string }[]).map(({ overrideId }) => overrideId).toSorted();

describe('a limit that is tightened', () => {
  test('holds at once: it ends, audited and told, what two people let more pass', async () => {
    const over = await agreed();
    const within = await agreed({ value: '1001' });
    const otherKey = await agreed({ limit: 'maxOpenOrders', value: '20' });
    const answer = await set({ value: '1002' }).then(({ body }) => body['code']);
    expect(answer).toBe('AUTH_APPROVAL_NEEDED');
    const tightened = await set({ value: '100' });
    expect(tightened).toMatchObject({ status: 200, body: { status: 'done', warning: null } });
    expect(endedBy(tightened)).toEqual([over, within].toSorted());
    expect((tightened.body['endedOverrides'] as object[])[0]).toMatchObject({ account: ACCOUNT, strategy: null, instrument: 'BTC/USDT' });
    expect(await standing()).toEqual([otherKey]);
    const { rows } = await store.pool.query(
      `select subject, data->>'reason' as reason, data->'tightened'->>'to' as "to" from audit_events
        where kind = 'override.ended' and data->>'overrideId' = $1`,
      [over],
    );
    expect(rows).toEqual([{ subject: 'risk', reason: 'a bad hour', to: '100' }]);
    const { body } = await askAs(api.server, KEYS.viewer, 'GET', `/v1/limits/history?account=${ACCOUNT}`);
    expect(body['overrides']).toContainEqual(expect.objectContaining({ overrideId: over, state: 'ended', endedBy: 'risk' }));
  });

  test('leaves what lets no more pass than it does', async () => {
    const where = { scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT };
    expect((await set({ ...where, value: '50' })).status).toBe(200);
    const small = await agreed({ strategy: 'momentum', value: '80' });
    const large = await agreed({ strategy: 'momentum', value: '101' });
    expect(endedBy(await set({ value: '100' }))).toEqual([large]);
    expect(await standing()).toEqual([small]);
  });

  test.each([
    ['strategy', { scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT }, ['any', 'itsStrategy', 'otherInstrument']],
    ['instrument', { scope: 'instrument', scopeValue: 'BTC/USDT', account: ACCOUNT }, ['any', 'itsStrategy']],
    ['account', { scope: 'account' }, ['any', 'itsStrategy', 'otherInstrument']],
    ['venue', { scope: 'venue', scopeValue: 'paper' }, ['any', 'itsStrategy', 'otherInstrument', 'otherAccount']],
  ])('ends those that reach what a limit of the %s binds', async (_, place, ended) => {
    const ids = {
      any: await agreed(),
      itsStrategy: await agreed({ strategy: 'momentum' }),
      otherInstrument: randomUUID(),
      otherAccount: await agreed({ account: 'beside' }),
    };
    // Of an instrument and a strategy that the configuration does not have.
    const copied = `insert into limit_overrides select (jsonb_populate_record(v, $2)).* from limit_overrides v where override_id = $1`;
    const again = `insert into approval_requests (request_id, action, account, payload, requested_by, key_id, reason, expires_at)
      select $2, action, account, payload, requested_by, key_id, reason, expires_at from approval_requests where request_id = $1`;
    const ofOther = randomUUID();
    for (const [id, other] of [
      [ids.otherInstrument, { instrument: 'ETH/USDT' }],
      [ofOther, { instrument: 'ETH/USDT', strategy: 'other' }],
    ] as const) {
      await store.pool.query(again, [ids.any, id]);
      await store.pool.query(copied, [ids.any, { override_id: id, ...other }]);
    }
    const all = { ...ids, ofOther };
    const isWide = place.scope === 'account' || place.scope === 'venue';
    expect(endedBy(await set({ ...place, value: '100' }))).toEqual(
      [...ended, ...(isWide ? ['ofOther'] : [])].map((name) => all[name as keyof typeof all]).toSorted(),
    );
  });

  test('of hours, too', async () => {
    const place = { limit: 'tradingHours', scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT };
    expect((await set({ ...place, value: 'mon-fri 08:00-20:00' })).status).toBe(200);
    const over = await agreed({ limit: 'tradingHours', value: 'mon-sun 00:00-24:00', strategy: 'momentum' });
    const narrow = await agreed({ limit: 'tradingHours', value: 'mon-fri 07:00-09:00, sat 10:00-11:00', strategy: 'momentum' });
    expect(endedBy(await set({ ...place, value: 'mon-fri 08:00-10:00' }))).toEqual([over, narrow].toSorted());
  });

  test('and was so already says what passes all the same', async () => {
    const over = await agreed();
    const again = await set({ value: '1000' });
    expect(again).toMatchObject({ status: 200, body: { endedOverrides: [] } });
    expect(again.body['warning']).toMatch(new RegExp(`more passes by override ${over} \\(5000 in BTC/USDT\\)`));
    expect(await standing()).toEqual([over]);
  });

  test('at the start that reads a stricter file ends them as well', async () => {
    const over = await agreed();
    const within = await agreed({ value: '1000.5' });
    const limits = { ...LIMITS, maxOrderNotional: '999' };
    const start = { account: ACCOUNT, venue: 'paper', limits, strategies: [], subject: 'test' };
    // What an earlier process has read is not enough: it is looked at as it stands.
    expect(await createControlStore(store.pool).applyConfiguration(start)).toMatchObject({ hasChanged: true });
    expect(await standing()).toEqual([]);
    const { rows } = await store.pool.query(
      `select subject from audit_events where kind = 'override.ended' and data->>'overrideId' = any ($1)`,
      [[over, within]],
    );
    expect(rows).toEqual([{ subject: 'configuration' }, { subject: 'configuration' }]);
  });
});

describe('an override that was asked for over a limit', () => {
  const closed = { status: 409, body: { code: 'AUTH_APPROVAL_CLOSED' } };

  test.each([
    ['its account’s', {}],
    ['its venue’s', { scope: 'venue', scopeValue: 'paper' }],
    ['a strategy’s', { scope: 'strategy', scopeValue: 'momentum', account: ACCOUNT }],
    ['its instrument’s', { scope: 'instrument', scopeValue: 'BTC/USDT', account: ACCOUNT }],
  ])('has lapsed when that is another one: %s', async (_, place) => {
    const { id, answer } = await ask();
    expect(answer.body['code']).toBe('AUTH_APPROVAL_NEEDED');
    expect((await set({ ...place, value: '100' })).status).toBe(200);
    expect(await decide(id)).toMatchObject(closed);
    const again = await askAgain(id);
    expect(again).toMatchObject(closed);
    expect(again.body['detail']).toMatch(/the limit was changed since it was asked for/);
    expect(await standing()).toEqual([]);
    expect((await decide(id, 'refuse')).status).toBe(200);
  });

  test('does not stand where the limit changed between the approval and its carrying out', async () => {
    const { id } = await ask();
    const { rows } = await store.pool.query<{ key_id: string; hash: string }>(
      `select key_id, encode((select payload_sha256 from approval_requests where request_id = $1), 'hex') as hash from api_keys where subject = 'second'`,
      [id],
    );
    const decision = {
      requestId: id,
      payloadHash: rows[0]?.hash,
      decision: 'approved',
      reason: 'seen',
      subject: 'second',
      keyId: rows[0]?.key_id,
    };
    await store.pool.query('select decide_approval($1)', [decision]);
    expect((await set({ value: '100' })).status).toBe(200);
    expect((await store.pool.query('select apply_limit_request($1) as answer', [{ requestId: id }])).rows).toEqual([{ answer: 'changed' }]);
    expect(await askAgain(id)).toMatchObject(closed);
    expect(await standing()).toEqual([]);
  });

  test('is the same request when it is asked for again, and is not in the way of another limit', async () => {
    const { id } = await ask();
    expect((await set({ limit: 'maxOpenOrders', value: '9' })).status).toBe(200);
    expect((await set({ scope: 'strategy', scopeValue: 'momentum', account: 'beside', value: '9' })).body['code']).toBe(
      'INPUT_UNKNOWN_STRATEGY',
    );
    expect((await askAgain(id)).body['code']).toBe('AUTH_APPROVAL_NEEDED');
    expect((await decide(id)).status).toBe(200);
    expect((await set({ value: '100' })).body['endedOverrides']).toHaveLength(1);
    // It was carried out, and has ended since: that is how it stands.
    expect((await askAgain(id)).status).toBe(200);
    expect(await standing()).toEqual([]);
  });

  test('of a strategy is not in the way of another one’s', async () => {
    const { id } = await ask({ strategy: 'momentum' });
    const other = { scope: 'strategy', scopeValue: 'other', account: ACCOUNT, key: 'maxOrderNotional', value: '10', version: 0 };
    await store.pool.query('select tighten_limit($1)', [{ ...other, subject: 'risk', reason: 'a test' }]);
    expect((await decide(id)).status).toBe(200);
    expect(await standing()).toEqual([id]);
  });

  test('cannot be given other versions afterwards', async () => {
    const { id } = await ask();
    await expect(store.pool.query(`update approval_requests set asked_over = '[]' where request_id = $1`, [id])).rejects.toThrow(
      /append-only/,
    );
  });
});
