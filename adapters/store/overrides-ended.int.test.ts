import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { seedPerson } from '../../test/support/people.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';

const PLACE = { scope: 'account', scopeValue: ACCOUNT, account: ACCOUNT, key: 'maxOrderNotional' };
const BY = { subject: 'rik', reason: 'a bad hour' };

describe('an override that is ended, or whose limit is tightened', () => {
  let stack: TradingStack;
  let author = '';
  let bar = 0;

  const query = (text: string, ...values: unknown[]) => stack.database.pool.query(text, values);
  const set = async (value: string): Promise<unknown> => {
    const newest = `select coalesce(max(version), 0)::int as version from limits where scope = 'account' and account = $1 and limit_key = $2`;
    const { rows } = await query(newest, ACCOUNT, PLACE.key);
    const { version } = rows[0] as { version: number };
    return (await query('select tighten_limit($1) as answer', { ...PLACE, ...BY, value, version })).rows[0];
  };
  /** As two people agree on it. */
  const override = async (isForOneOrder = true): Promise<string> => {
    const requestId = randomUUID();
    const payload = {
      account: ACCOUNT,
      strategy: null,
      instrument: INSTRUMENT,
      key: PLACE.key,
      value: '600',
      isForOneOrder,
      validForMs: 600_000,
    };
    const asked = { requestId, action: 'overrideLimit', account: ACCOUNT, payload, ...BY, underKey: author, validForMs: 60_000 };
    await query('select request_approval($1)', asked);
    await query(
      `select decide_approval(jsonb_build_object('requestId', r.request_id, 'payloadHash', encode(r.payload_sha256, 'hex'), 'decision', 'approved',
         'reason', 'agreed', 'subject', 'rob', 'keyId', k.key_id)) from approval_requests r, api_keys k where r.request_id = $1 and k.subject = 'rob'`,
      requestId,
    );
    expect((await query('select apply_limit_request($1) as answer', { requestId })).rows).toEqual([{ answer: 'granted' }]);
    return requestId;
  };
  const authorise = async () => {
    const signal = stack.signal('open', (bar += 1_000));
    return { intentId: intentIdOf(signal), verdict: await createOrderActivities(stack.dependencies).authorise(signal) };
  };
  const DENIED = { kind: 'denied', failures: [{ code: 'RISK_NOTIONAL_LIMIT' }] };
  const standing = async () =>
    (await stack.dependencies.store.readRisk({ account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT })).overrides;

  beforeAll(async () => {
    stack = await openTradingStack();
    author = await seedPerson(stack.database.pool, 'rik', ['risk']);
    await seedPerson(stack.database.pool, 'rob', ['risk']);
  });
  afterAll(() => stack?.close());
  beforeEach(async () => {
    await query(
      `update orders set status = 'expired', final_at = now(), reserved_notional = 0, reserved_quantity = 0 where final_at is null`,
    );
    await query('update limit_overrides set expires_at = clock_timestamp()');
    await set('100');
  });

  it('P4: lets nothing pass that was decided while it stood, nor anything after', async () => {
    await override(false);
    const { risk } = stack.dependencies;
    let isTightened = false;
    const meanwhile: typeof risk = {
      read: async (key, options) => {
        const seen = await risk.read(key, options);
        if (!isTightened) expect(await set('99')).toMatchObject({ answer: { result: 'done', ended: [{ value: '600' }] } });
        isTightened = true;
        return seen;
      },
    };
    const late = createOrderActivities({ ...stack.dependencies, risk: meanwhile });
    expect(await late.authorise(stack.signal('open', (bar += 1_000)))).toMatchObject(DENIED);
    expect((await authorise()).verdict).toMatchObject(DENIED);
  });

  it('P5: lets nothing be sent that was authorised with it', async () => {
    await override(false);
    const { intentId, verdict } = await authorise();
    expect(verdict.kind).toBe('authorised');
    await set('99');
    expect(await createOrderActivities(stack.dependencies).submit(intentId, ACCOUNT)).toMatchObject({
      kind: 'refused',
      failures: [{ code: 'RISK_CONTROL_CHANGED' }],
    });
  });

  it.each([
    ['tightened', () => set('99')],
    ['ended', (overrideId: string) => query('select end_override($1)', { overrideId, ...BY })],
  ])('is not given back by an order that has used it and is not sent: %s', async (_, end) => {
    const id = await override();
    const { intentId, verdict } = await authorise();
    expect(verdict.kind).toBe('authorised');
    await end(id);
    expect(await createOrderActivities(stack.dependencies).submit(intentId, ACCOUNT)).toMatchObject({ kind: 'refused' });
    expect((await query('select used_by, ended_by from limit_overrides where override_id = $1', id)).rows).toEqual([
      { used_by: null, ended_by: 'rik' },
    ]);
    expect(await standing()).toEqual([]);
    expect((await authorise()).verdict).toMatchObject(DENIED);
  });

  it('stays as used up where its order has begun to be sent', async () => {
    const id = await override();
    const { intentId } = await authorise();
    const sent = { intentId, epoch: stack.dependencies.epoch, signedTimestamp: 1, clockErrorMs: 0, receiveWindowMs: 500 };
    await stack.dependencies.store.beginSubmit(sent);
    expect(await set('99')).toEqual({ answer: { result: 'done', ended: [] } });
    expect((await query('select used_by, ended_by from limit_overrides where override_id = $1', id)).rows).toEqual([
      { used_by: intentId, ended_by: null },
    ]);
  });

  it('is locked after the risk state by whoever gives it back, as by whoever ends it', async () => {
    const id = await override();
    const { intentId } = await authorise();
    const ending = await stack.database.pool.connect();
    try {
      await ending.query('begin');
      await ending.query('select from risk_state where account = $1 for update', [ACCOUNT]);
      const givingBack = query(`update orders set status = 'expired', final_at = now() where intent_id = $1`, intentId);
      await expect
        .poll(async () => (await query(`select from pg_locks where not granted`)).rowCount, { timeout: 10_000 })
        .toBeGreaterThan(0);
      await ending.query('select from limit_overrides where override_id = $1 for update nowait', [id]);
      await ending.query('commit');
      await givingBack;
    } finally {
      ending.release();
    }
    expect(await standing()).toMatchObject([{ overrideId: id }]);
  });
});
