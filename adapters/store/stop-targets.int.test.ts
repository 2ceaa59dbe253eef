import fc from 'fast-check';
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isUncovered, planProtection } from '../../core/protection/plan.js';
import { LIMITS } from '../../test/support/ledger.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { createOrderStore } from './order-store.js';
import { openPool } from './pool.js';
import { createProtectionStore } from './protection-store.js';

const KEY = { account: 'main', strategy: 'momentum', instrument: 'BTC/USDT' };
const RULES = {
  ...{ instrument: KEY.instrument, base: 'BTC', quote: 'USDT', trading: true, status: 'TRADING' },
  ...{ tickSize: '0.1', stepSize: '0.001', minQuantity: '0.01', minNotional: '0' },
};

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await testDatabase();
  pool = openPool(database.url, { applicationName: 'test' });
  const strategies = ['momentum', 'other'].map((strategy) => ({ ...KEY, strategy, version: '1', modelHash: 'none' }));
  await createControlStore(pool).applyConfiguration({ account: 'main', venue: 'paper', limits: LIMITS, strategies, subject: 'test' });
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

interface Sale {
  readonly strategy?: string;
  readonly purpose: 'stop' | 'exit';
  readonly thousandths: number;
  readonly stopPrice?: string;
}

interface Moment {
  readonly held: number;
  readonly balance: number | null;
  readonly most: number;
  readonly sales: readonly Sale[];
  readonly isTold: boolean;
  /** Its fills add up to something else. */
  readonly isDamaged?: boolean;
}

const quantity = (thousandths: number): string => (thousandths / 1_000).toFixed(4);

/** The ledger as it is at that moment, and nothing else. */
async function found({ held, balance, most, sales, isTold, isDamaged = false }: Moment): Promise<void> {
  const query = (text: string, values: readonly unknown[] = []): Promise<unknown> => database.pool.query(text, [...values]);
  for (const table of ['orders', 'positions', 'position_sums', 'inventory', 'instruments', 'incidents'])
    await query(`delete from ${table}`);
  const rules = { ...RULES, maxQuantity: quantity(most) };
  await query(`insert into instruments (venue, instrument, rules) values ('paper', $1, $2)`, [KEY.instrument, rules]);
  await query(
    `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ('main', 'momentum', $1, $2::numeric, $2::numeric * 100, 0)`,
    [KEY.instrument, quantity(held)],
  );
  await query(`insert into position_sums values ('main', 'momentum', $1, $2)`, [KEY.instrument, quantity(isDamaged ? held + 1 : held)]);
  if (balance !== null) await query(`insert into inventory (account, asset, quantity) values ('main', 'BTC', $1)`, [quantity(balance)]);
  for (const [index, { strategy = 'momentum', purpose, thousandths, stopPrice = null }] of sales.entries()) {
    await query(
      `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status, time_in_force,
         purpose, order_type, sequence, quantity, price, stop_price, reserved_quantity, reserved_notional, venue_order_id, control_version, epoch)
       values ($1, $1, 'main', $2, '1', $3, 'BTC', 'USDT', 'close', 'sell', 'accepted', 'GTC', $4, $5, 1, $6, 97.5, $7, $6, 0, $1, 1, 1)`,
      [String(index), strategy, KEY.instrument, purpose, purpose === 'stop' ? 'stopLimit' : 'limit', quantity(thousandths), stopPrice],
    );
  }
  const incidents = [
    { key: 'positionUncovered:main:momentum:BTC/USDT:{"entered":null}', account: 'main', kind: 'positionUncovered', data: {} },
  ];
  if (isTold) await createOrderStore(pool).openIncident({ incidents });
}

/** Whether the owner has something to do, or people have to know of something that nobody has told them. */
async function isOwnersTurn(isTold: boolean): Promise<boolean> {
  const view = await createProtectionStore(pool).readProtection(KEY);
  const step = planProtection(KEY, view);
  if (step.kind === 'done') return false;
  if (step.kind !== 'rest') return true;
  return !isTold && isUncovered(step, KEY, view);
}

async function isListed(): Promise<boolean> {
  const listed = await createProtectionStore(pool).unprotected('main');
  return listed.some(({ strategy }) => strategy === 'momentum');
}

const thousandths = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 3_000 }));
const whole: fc.Arbitrary<Moment> = fc.record({
  held: thousandths,
  balance: fc.option(thousandths),
  most: fc.constantFrom(700, 10_000),
  sales: fc
    .tuple(
      fc.option(fc.record({ purpose: fc.constant('exit' as const), thousandths })),
      fc.option(fc.record({ strategy: fc.constant('other'), purpose: fc.constant('exit' as const), thousandths })),
      fc.array(fc.record({ purpose: fc.constant('stop' as const), thousandths, stopPrice: fc.constantFrom('98', '98', '98.05') }), {
        maxLength: 2,
      }),
    )
    .map(([taken, other, stops]) => [...(taken === null ? [] : [taken]), ...(other === null ? [] : [other]), ...stops]),
  isTold: fc.boolean(),
  isDamaged: fc.constantFrom(false, false, false, true),
});

/** … and its stops are for just what its owner would have them. */
async function withItsStop(moment: Moment): Promise<Moment> {
  await found({ ...moment, sales: moment.sales.filter(({ purpose }) => purpose === 'exit'), isDamaged: false });
  const step = planProtection(KEY, await createProtectionStore(pool).readProtection(KEY));
  const stop =
    step.kind === 'placeStop' ? [{ purpose: 'stop' as const, thousandths: step.wish.quantity.toNumber() * 1_000, stopPrice: '98' }] : [];
  return { ...moment, sales: [...moment.sales.filter(({ purpose }) => purpose === 'exit'), ...stop] };
}

it('P24: who looks after owners wakes those, and only those, that have something to do', async () => {
  await fc.assert(
    fc.asyncProperty(whole, fc.boolean(), async (drawn, isRight) => {
      const moment = isRight ? await withItsStop(drawn) : drawn;
      await found(moment);
      expect(await isListed()).toBe(await isOwnersTurn(moment.isTold));
    }),
    { numRuns: 40 },
  );
}, 60_000);

it('P21, P24: what is protected as far as may be is at rest once people know, and any change wakes its owner again', async () => {
  const stop = { purpose: 'stop' as const, thousandths: 600, stopPrice: '98' };
  const short: Moment = { held: 1_000, balance: 600, most: 10_000, sales: [stop], isTold: true };
  const listed = async (moment: Moment): Promise<boolean> => {
    await found(moment);
    return isListed();
  };
  expect(await listed(short)).toBe(false);
  expect(await listed({ ...short, isTold: false })).toBe(true);
  for (const balance of [599, 601, 1_000, null]) expect([balance, await listed({ ...short, balance })]).toEqual([balance, true]);
  expect(await listed({ ...short, sales: [] })).toBe(true);
  expect(await listed({ ...short, sales: [stop, { strategy: 'other', purpose: 'exit', thousandths: 1 }] })).toBe(true);

  const large: Moment = { ...short, balance: null, most: 600 };
  expect(await listed(large)).toBe(false);
  expect(await listed({ ...large, most: 601 })).toBe(true);

  const nothingThere: Moment = { ...short, balance: 0, sales: [] };
  expect(await listed(nothingThere)).toBe(false);
  expect(await listed({ ...nothingThere, isTold: false })).toBe(true);
});
