import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import { ACCOUNT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';

describe('entries beside orders of a time to come, once the database’s clock was set back', () => {
  let stack: TradingStack;
  let bar = 0;

  const query = (text: string, ...values: unknown[]) => stack.database.pool.query(text, values.length === 0 ? undefined : values);
  const enters = async (): Promise<string[]> => {
    const verdict = await createOrderActivities(stack.dependencies).authorise(stack.signal('open', (bar += 1_000)));
    await query(
      `update orders set status = 'expired', final_at = now(), reserved_notional = 0, reserved_quantity = 0 where final_at is null`,
    );
    return verdict.kind === 'denied' ? verdict.failures.map(({ code }) => code) : [verdict.kind];
  };
  const looks = () =>
    query('select begin_reconciliation_look($1::jsonb)', {
      ...{ runId: randomUUID(), account: ACCOUNT, scope: 'minute', owner: 'one', forMs: 60_000, epoch: 1 },
    });
  const versions = async (): Promise<unknown> =>
    (await query('select c.version, r.version as risk from control c join risk_state r using (account) where account = $1', ACCOUNT))
      .rows[0];
  /** All that is known by now was written so long before. */
  const pass = (seconds: number) =>
    query(`update orders set created_at = created_at - interval '${seconds} seconds' where created_at <= clock_timestamp();
      update risk_state set was_ahead_at = was_ahead_at - interval '${seconds} seconds'`);

  beforeAll(async () => {
    stack = await openTradingStack();
    const place = { scope: 'account', scopeValue: ACCOUNT, account: ACCOUNT, subject: 'rik', reason: 'a test', version: 1 };
    await query('select tighten_limit($1)', { ...place, key: 'duplicateWindowMs', value: '60000' });
  });
  beforeEach(async () => {
    await query('delete from orders; update risk_state set was_ahead_to = null, was_ahead_at = null');
    await enters();
    await query(`update orders set created_at = clock_timestamp() + interval '3 hours'`);
  });
  afterAll(() => stack?.close());

  it('wait a minute from the next look on, and no longer', async () => {
    expect(await enters()).toEqual(['RISK_DUPLICATE_INTENT']);
    await pass(62);
    // Nobody knows yet how long ago it was.
    expect(await enters()).toEqual(['RISK_DUPLICATE_INTENT']);
    await looks();
    expect(await enters()).toEqual(['RISK_DUPLICATE_INTENT']);
    await pass(58);
    expect(await enters()).toEqual(['RISK_DUPLICATE_INTENT']);
    await looks();
    await pass(3);
    expect(await enters()).toEqual(['authorised']);
    expect(await enters()).toEqual(['RISK_DUPLICATE_INTENT']);
    await looks();
    await pass(62);
    expect(await enters()).toEqual(['authorised']);
  });

  it('wait no second time when that time has come', async () => {
    await looks();
    await pass(62);
    await query(`update orders set created_at = clock_timestamp() - interval '1 second' where status <> 'denied'`);
    expect(await enters()).toEqual(['authorised']);
  });

  it('wait anew after an order of a later time to come, and where the clock was set back once more', async () => {
    await looks();
    await pass(62);
    expect(await enters()).toEqual(['authorised']);
    await query(
      `update orders set created_at = clock_timestamp() + interval '2 hours' where created_at <= clock_timestamp() and status <> 'denied'`,
    );
    expect(await enters()).toEqual(['RISK_DUPLICATE_INTENT']);
    await looks();
    await pass(62);
    await query(`update risk_state set was_ahead_at = was_ahead_at + interval '1 hour'`);
    expect(await enters()).toEqual(['RISK_DUPLICATE_INTENT']);
    await looks();
    await pass(62);
    expect(await enters()).toEqual(['authorised']);
  });

  it('are told to who holds the account’s state, once', async () => {
    const before = await versions();
    await looks();
    const after = await versions();
    expect(after).not.toEqual(before);
    await looks();
    expect(await versions()).toEqual(after);
  });
});
