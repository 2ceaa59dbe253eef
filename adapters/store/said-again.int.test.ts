import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { seedPerson } from '../../test/support/people.js';

describe('a block or a disabling of what is blocked or disabled already', () => {
  let stack: TradingStack;

  beforeAll(async () => {
    stack = await openTradingStack();
    await seedPerson(stack.database.pool, 'rik', ['risk']);
    await seedPerson(stack.database.pool, 'rob', ['risk']);
  });
  beforeEach(() => stack.database.pool.query('delete from blocked_instruments; delete from strategy_switches'));
  afterAll(() => stack?.close());

  const query = (text: string, ...values: unknown[]) => stack.database.pool.query<object>(text, values);
  const what = { account: ACCOUNT, instrument: INSTRUMENT, strategy: 'momentum' };
  const people = (doing: 'block_instrument' | 'disable_strategy', subject: string, reason: string) =>
    query(`select ${doing}($1)`, { ...what, subject, reason, underKey: null });
  const toldOf = async (kind: string): Promise<unknown[]> =>
    (await query(`select subject, data->>'reason' as reason from audit_events where kind = $1 order by event_id`, kind)).rows;
  const blocks = (...reasons: string[]) => query('select write_events($1)', { blocks: reasons.map((reason) => ({ ...what, reason })) });
  const reason = async (): Promise<unknown> => (await query('select reason, blocked_by as by from blocked_instruments')).rows;
  const disabled = async (): Promise<unknown> =>
    (await query('select disabled_reason as reason, changed_by as by from strategy_switches')).rows;

  it('of an instrument is kept with its reason, told in the audit, and read by whoever unblocks', async () => {
    await people('block_instrument', 'rik', 'a listing');
    await people('block_instrument', 'rob', 'a fork');
    const both = 'a listing; again by rob: a fork';
    expect(await reason()).toEqual([{ reason: both, by: 'rik' }]);
    // The same again: nothing new to read, and still what a person did.
    await people('block_instrument', 'rob', 'a fork');
    expect(await reason()).toEqual([{ reason: both, by: 'rik' }]);
    const rob = { subject: 'rob', reason: 'a fork' };
    expect(await toldOf('instrument.blocked')).toEqual([{ subject: 'rik', reason: 'a listing' }, rob, rob]);
    await query('select unblock_instrument($1)', { ...what, subject: 'rik', reason: 'over' });
    expect((await query(`select data->>'was' as was from audit_events where kind = 'instrument.unblocked'`)).rows).toEqual([{ was: both }]);
  });

  it('of an instrument by a part of ours is kept, too, also two of one moment, and once', async () => {
    await people('block_instrument', 'rik', 'a listing');
    await blocks('an order is unknown', 'one more is unknown');
    await blocks('an order is unknown');
    const said = 'a listing; again: an order is unknown; again: one more is unknown';
    expect(await reason()).toEqual([{ reason: said, by: 'rik' }]);
    // However much it says: people's reasons have room.
    for (let order = 0; order < 60; order += 1) await blocks(`the order ${order} of this instrument is unknown`);
    await people('block_instrument', 'rob', 'a fork');
    expect(JSON.stringify(await reason())).toContain('; again by rob: a fork');
  });

  it('of a strategy is kept with its reason, told in the audit, and read by whoever enables', async () => {
    const repeats = () => query(`select disable_strategy_row($1, 'momentum', 'it repeats itself', null, '{}')`, ACCOUNT);
    await repeats();
    await repeats();
    await people('disable_strategy', 'rik', 'its model is wrong');
    await people('disable_strategy', 'rik', 'its model is wrong');
    const both = 'it repeats itself; again by rik: its model is wrong';
    expect(await disabled()).toEqual([{ reason: both, by: null }]);
    const rik = { subject: 'rik', reason: 'its model is wrong' };
    expect(await toldOf('strategy.disabled')).toEqual([{ subject: null, reason: 'it repeats itself' }, rik, rik]);
    await query('select enable_strategy($1)', { ...what, subject: 'rob', reason: 'over' });
    expect((await query(`select data->>'was' as was from audit_events where kind = 'strategy.enabled'`)).rows).toEqual([{ was: both }]);
    // Disabled anew, it has the reason of then.
    await people('disable_strategy', 'rik', 'once more');
    expect(await disabled()).toEqual([{ reason: 'once more', by: 'rik' }]);
  });
});
