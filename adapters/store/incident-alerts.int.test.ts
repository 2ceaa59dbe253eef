import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { createOrderStore } from './order-store.js';

const POSITION = { strategy: 'momentum', instrument: 'BTC/USDT' };

describe('what people are told of an incident', () => {
  let database: TestDatabase;
  let pool: Pool;
  let count = 0;

  beforeAll(async () => {
    database = await testDatabase();
    ({ pool } = database);
    await createControlStore(pool).applyConfiguration({ account: 'main', venue: 'paper', limits: {}, strategies: [], subject: 'test' });
    await pool.query(`insert into instruments (venue, instrument, rules) values ('paper', 'BTC/USDT', $1)`, [
      { stepSize: '0.001', minQuantity: '0.002', minNotional: '5' },
    ]);
    await pool.query(
      `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ('main', 'momentum', 'BTC/USDT', 0.5, 25000, 0)`,
    );
  });
  beforeEach(() => pool.query('update orders set final_at = clock_timestamp() where final_at is null'));
  afterAll(() => database?.drop());

  const told = async (kind: string, data: object): Promise<{ severity: string; summary: string }> => {
    const key = `${kind}:${(count += 1)}`;
    await createOrderStore(pool).openIncident({ incidents: [{ key, account: 'main', kind, data }] });
    const { rows } = await pool.query<{ severity: string; summary: string }>(`select severity, summary from alerts where alert_key = $1`, [
      `incident:${key}`,
    ]);
    return rows[0] ?? { severity: 'none', summary: 'none' };
  };
  const order = async (purpose: string, status: string, quantity: string, failures: readonly object[] = []): Promise<string> => {
    const intentId = `order-${(count += 1)}`;
    await pool.query(
      `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status, purpose, sequence,
         time_in_force, quantity, price, reserved_quantity, reserved_notional, control_version, epoch, authorised_until, failures)
       values ($1, $1, 'main', 'momentum', '1', 'BTC/USDT', 'BTC', 'USDT', 'close', 'sell', $2, $3, $4, 'GTC', $5, 48000, $5, 0, 1, 1, clock_timestamp(), $6)`,
      [intentId, status, purpose, count, quantity, JSON.stringify(failures)],
    );
    return intentId;
  };

  it.each<readonly [string, object, readonly string[]]>([
    [
      'protectionDenied',
      { ...POSITION, codes: ['RISK_PRICE_COLLAR', 'RISK_VENUE_CLOSED'], stops: 3, escapes: 0, entered: 5 },
      ['what is held has NO STOP', '0.5 BTC/USDT (momentum) held, stops rest for 0', 'codes: RISK_PRICE_COLLAR, RISK_VENUE_CLOSED'],
    ],
    ['positionContradicted', { ...POSITION, kept: '0.5', reckoned: '0.7' }, ['0.5 BTC/USDT (momentum) held', 'kept: 0.5', 'reckoned: 0.7']],
    [
      'foreignFill',
      { instrument: 'ETH/USDT', side: 'buy', quantity: '0.25', price: '2000' },
      ['instrument: ETH/USDT', 'quantity: 0.25', 'side: buy'],
    ],
    ['venueAway', { detail: 'connection refused' }, ['a venue could not be reached', 'detail: connection refused']],
    [
      'reconciliation',
      { differenceId: '7', class: 'balance', subject: 'BTC', evidence: [{ long: 'x'.repeat(5_000) }], deltas: { BTC: '0.1' } },
      ['the account is paused', 'subject: BTC', '"BTC": "0.1"'],
    ],
    ['overfilled+otherVenueOrderId', { event: 'fill' }, ['more was filled than was ordered, and an order has another id', 'event: fill']],
    ['aKindOfAnotherBuild', { reason: 'something new' }, ['aKindOfAnotherBuild', 'reason: something new']],
  ])('%s: its facts', async (kind, data, facts) => {
    const { summary } = await told(kind, data);
    for (const fact of facts) expect(summary).toContain(fact);
    expect(summary.length).toBeLessThan(1_000);
    expect(summary).toMatch(/^Incident \d+ in main: .*\. See keelson incidents list\.$/u);
  });

  it('of an order: what it was to do, how far it is, and why it was refused', async () => {
    const intentId = await order('stop', 'rejected', '0.50', [{ code: 'VENUE_REJECTED', message: 'too many stops' }]);
    expect((await told('stopRefused', { ...POSITION, since: intentId, entered: 5 })).summary).toContain(
      'stop to sell 0.5 BTC/USDT (momentum) is rejected, too many stops; 0.5 BTC/USDT (momentum) held, stops rest for 0',
    );
  });

  it('details that nobody expected keep it from nobody', async () => {
    for (const data of [[], 'text', [1], { codes: { deep: [] } }]) {
      expect((await told('stopRefused', data as object)).summary).toContain('three stops in a row');
    }
  });

  it.each(['positionUncovered', 'positionContradicted', 'exitWaits', 'adoptedSaleRests'])(
    '%s is critical where more than dust is held without a stop, and only there',
    async (kind) => {
      const severity = async (data: object = POSITION) => (await told(kind, data)).severity;
      expect(await severity()).toBe('critical');
      const stop = await order('stop', 'accepted', '0.4');
      expect(await severity()).toBe('critical');
      await pool.query(`update orders set quantity = 0.499, reserved_quantity = 0.499 where intent_id = $1`, [stop]);
      expect(await severity()).toBe('error');
      // Its venue does not show it any more.
      await pool.query(`update orders set missing_since = clock_timestamp() where intent_id = $1`, [stop]);
      expect(await severity()).toBe('critical');
      expect(await severity({ ...POSITION, strategy: 'another' })).toBe('error');
    },
  );

  it.each(['workingOrderMissing', 'unknownOverAMinute'])('%s is critical where the order is a stop', async (kind) => {
    const severity = async (purpose: string) => (await told(kind, { intentId: await order(purpose, 'accepted', '0.5') })).severity;
    expect([await severity('stop'), await severity('exit')]).toEqual(['critical', 'error']);
  });

  it('an address that is short is a warning at first, and says which orders are not looked up', async () => {
    const waits = { venue: 'desk', address: 'api.desk.test', notLookedUp: ['stop:1', 'stop:2'], count: 2, notListed: [] };
    const warned = await told('lookUpsWait', { ...waits, severity: 'warning', forMinutes: 2 });
    expect(warned.severity).toBe('warning');
    for (const fact of ['our address', 'address: api.desk.test', 'venue: desk', 'notLookedUp: stop:1, stop:2'])
      expect(warned.summary).toContain(fact);
    expect((await told('lookUpsWait', { ...waits, severity: 'error', forMinutes: 10 })).severity).toBe('error');
  });
});
