import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Decision } from '../../core/people/approvals.js';
import { seedCommand, seedKey, seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';

const HOUR = 3_600_000;

describe('who has approved under a key that was changed since', () => {
  let database: TestDatabase;
  let store: ReturnType<typeof createControlStore>;
  let rik = '';
  let rita = '';

  beforeAll(async () => {
    database = await testDatabase();
    store = createControlStore(database.pool);
    rik = await seedPerson(database.pool, 'rik', ['risk']);
    rita = await seedPerson(database.pool, 'rita', ['risk']);
    await seedPerson(database.pool, 'otto', ['operator']);
    await seedPerson(database.pool, 'ada', ['admin']);
    await store.applyConfiguration({ account: 'main', venue: 'paper', limits: {}, strategies: [], subject: 'test' });
  });
  afterAll(() => database?.drop());

  const one = async (text: string, ...values: unknown[]): Promise<unknown> =>
    (await database.pool.query<{ answer: unknown }>(text, values)).rows[0]?.answer;
  const apply = (commandId: string, kind: 'pause' | 'resume') =>
    store.applyModeCommand({ account: 'main', commandId, kind, mode: kind === 'pause' ? 'paused' : 'normal' });
  const stateOf = (requestId: string) =>
    one('select approval_state(r) as answer from approval_requests r where request_id = $1', requestId);
  const decide = (requestId: string, subject: string, keyId: string, decision: Decision = 'approved') =>
    one(
      `select decide_approval($2::jsonb || jsonb_build_object('payloadHash', encode(payload_sha256, 'hex'))) as answer
         from approval_requests where request_id = $1`,
      requestId,
      { requestId, subject, keyId, decision, reason: 'seen' },
    );
  const revoke = async (keyId: string): Promise<void> => {
    expect(await one('select revoke_key($1) as answer', { keyId, subject: 'ada' })).toBe('done');
  };
  /** Decided by somebody whose key was changed after that. */
  const rotated = async (requestId: string, subject: string, decision: Decision = 'approved') => {
    const first = await seedPerson(database.pool, subject, ['risk']);
    expect(await decide(requestId, subject, first, decision)).toBe('written');
    expect(await decide(requestId, subject, first, decision)).toBe('stored');
    await revoke(first);
    return { first, second: await seedKey(database.pool, subject) };
  };
  /** A resume of what a risk officer has paused. */
  const asked = async (subject = 'otto'): Promise<string> => {
    await apply(await seedCommand(database.pool, { account: 'main', kind: 'pause', subject: 'rik', holds: true }), 'pause');
    const resume = await seedCommand(database.pool, { account: 'main', kind: 'resume', subject });
    await one('select request_resume($1)', { commandId: resume, validForMs: HOUR });
    return resume;
  };

  it('can approve anew under the new one, and is one person', async () => {
    const resume = await asked();
    const { first, second } = await rotated(resume, 'ruth');
    expect(await stateOf(resume)).toBe('pending');
    expect(await decide(resume, 'ruth', first)).toBe('noKey');
    expect(await decide(resume, 'ruth', second)).toBe('written');
    expect(await decide(resume, 'ruth', second)).toBe('stored');
    expect(await decide(resume, 'ruth', second, 'refused')).toBe('decided');
    expect(await stateOf(resume)).toBe('approved');
    // A third key beside one that counts adds nothing, and what was approved under two that were taken counts no more than under one.
    const third = await seedKey(database.pool, 'ruth');
    expect(await decide(resume, 'ruth', third)).toBe('stored');
    await revoke(second);
    expect(await stateOf(resume)).toBe('pending');
    expect(await decide(resume, 'ruth', third)).toBe('written');
    expect(await decide(resume, 'rita', rita)).toBe('written');
    expect(await apply(resume, 'resume')).toMatchObject({ kind: 'applied', mode: 'normal' });
    expect(
      await one(`select data->'approvedBy' as answer from audit_events where kind = 'mode.changed' order by event_id desc limit 1`),
    ).toEqual(['ruth', 'rita']);
  });

  it('can refuse under the new one, and does not take back what was refused', async () => {
    const unsure = await asked();
    const { second } = await rotated(unsure, 'rosa');
    expect(await decide(unsure, 'rosa', second, 'refused')).toBe('written');
    expect(await decide(unsure, 'rosa', second)).toBe('decided');
    expect(await stateOf(unsure)).toBe('refused');
    const refused = await asked();
    const { second: other } = await rotated(refused, 'ross', 'refused');
    expect(await decide(refused, 'ross', other)).toBe('decided');
    expect(await stateOf(refused)).toBe('refused');
  });

  it('approves nothing that was asked for in the same name, under whichever key', async () => {
    const first = await seedPerson(database.pool, 'rene', ['risk', 'operator']);
    const own = await asked('rene');
    const second = await seedKey(database.pool, 'rene');
    expect(await decide(own, 'rene', second)).toBe('own');
    await revoke(first);
    expect(await decide(own, 'rene', second)).toBe('own');
    expect(await stateOf(own)).toBe('pending');
    expect(await apply(own, 'resume')).toMatchObject({ kind: 'noCommand' });
  });

  it('decides nothing under a role that may not', async () => {
    const resume = await asked();
    const vera = await seedPerson(database.pool, 'vera', ['viewer']);
    expect(await decide(resume, 'vera', vera)).toBe('noKey');
    expect(await stateOf(resume)).toBe('pending');
  });

  it.each([
    [
      'loosenLimit',
      { scope: 'account', scopeValue: 'main', account: 'main', key: 'maxOpenOrders', value: '9', version: 0 },
      'limit.changed',
    ],
    [
      'overrideLimit',
      { strategy: null, instrument: 'BTC/USDT', key: 'maxOrderNotional', value: '9', isForOneOrder: true, validForMs: 60_000 },
      'limit.overridden',
    ],
  ])('is named once in what %s leaves', async (action, payload, kind) => {
    const requestId = randomUUID();
    const request = { requestId, action, account: 'main', payload, subject: 'rik', underKey: rik, reason: 'a test', validForMs: HOUR };
    await one('select request_approval($1)', request);
    const subject = `with-${action}`;
    const { second } = await rotated(requestId, subject);
    expect(await decide(requestId, subject, second)).toBe('written');
    expect(await one('select apply_limit_request($1) as answer', { requestId })).toBe('granted');
    const told = `select data->'approvedBy' as answer from audit_events where kind = $1 and data->>'requestId' = $2`;
    expect(await one(told, kind, requestId)).toEqual([subject]);
  });
});
