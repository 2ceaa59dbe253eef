import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { verifyLedger } from '../../api/ledger/verify.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let bench: BenchAccount;
beforeEach(async () => {
  bench = await openBenchAccount();
  await bench.cycle();
});
afterEach(() => bench.close());

it.each([
  ['balance', `update ledger_balances set quantity = quantity - 100 where account = $1 and asset = 'USDT'`],
  ['inventory', `update inventory set quantity = quantity - 100, moved = moved - 100 where account = $1 and asset = 'USDT'`],
  ['opening', `update inventory set quantity = quantity - 100 where account = $1 and asset = 'USDT'`],
])('calls a damaged %s of ours damaged, and no deposit; rebuilt, an ordinary look is clean', async (part, damage) => {
  await bench.buy();
  await bench.cycle();
  await bench.damage(damage, [ACCOUNT]);
  expect((await bench.cycle('minute')).result).toBe('differences');
  const told = (await bench.found()).filter(({ status }) => status === 'open');
  expect(told.map(({ class: what, subject }) => [what, subject])).toEqual([['unknown', `books:${part}:USDT`]]);
  expect(await bench.decide(told[0]?.id ?? '', 'book')).toMatchObject({ result: 'impossible' });
  await bench.decide(told[0]?.id ?? '', 'rebuild');
  expect((await bench.cycle('minute')).result).toBe('clean');
  expect((await verifyLedger(bench.stack.database.pool, ACCOUNT)).differences).toEqual([]);
});

const DAMAGE = `update ledger_balances set quantity = quantity - 100 where account = $1 and asset = 'USDT'`;
const asked = async () => (await bench.found()).filter(({ status }) => status === 'open');
/** Of USDT so much more is at the venue than before. */
const arrives = (amount: string): void => bench.stack.paper.moveBalance('test', 'USDT', unitsOf(amount));
const movedOf = async (subject: string): Promise<unknown> =>
  (await bench.stack.pool.query('select deltas from reconciliation_differences where subject = $1 and ended_at is null', [subject])).rows;

it('books no movement, found before the damage, until the books are rebuilt; beside the damage it is told with its own amount', async () => {
  await bench.buy();
  await bench.cycle();
  arrives('50');
  await bench.cycle();
  const [moved] = await asked();
  expect(moved).toMatchObject({ class: 'balanceMovement', subject: 'balance:USDT' });
  await bench.damage(DAMAGE, [ACCOUNT]);
  const refused = { result: 'impossible', why: expect.stringContaining('decide `rebuild`') as string };
  // All entries are added up before the locks that everything in the account waits for: also while another has them.
  const holder = await bench.stack.database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query('select from control where account = $1 for update', [ACCOUNT]);
    expect(await bench.decide(moved?.id ?? '', 'book')).toMatchObject(refused);
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  await bench.cycle('minute');
  expect((await asked()).map(({ subject }) => subject)).toEqual(['balance:USDT', 'books:balance:USDT']);
  expect(await movedOf('balance:USDT')).toEqual([{ deltas: { USDT: '50' } }]);
  expect(await bench.decide(moved?.id ?? '', 'book')).toMatchObject(refused);
  await bench.decide((await asked())[1]?.id ?? '', 'rebuild');
  await bench.cycle('minute');
  expect((await asked()).map(({ id }) => id)).toEqual([moved?.id]);
  expect(await bench.decide(moved?.id ?? '', 'book')).toEqual({ result: 'done' });
  expect((await bench.cycle('minute')).result).toBe('clean');
  expect((await verifyLedger(bench.stack.database.pool, ACCOUNT)).differences).toEqual([]);
});

it('a damage that a person leaves as it is hides no later movement of that asset', async () => {
  await bench.buy();
  await bench.cycle();
  await bench.damage(DAMAGE, [ACCOUNT]);
  await bench.cycle('minute');
  await bench.decide((await asked())[0]?.id ?? '', 'reject');
  expect((await bench.cycle('minute')).result).toBe('clean');
  arrives('-7');
  expect((await bench.cycle('minute')).result).toBe('differences');
  expect(await asked()).toMatchObject([{ class: 'balanceMovement', subject: 'balance:USDT' }]);
  expect(await movedOf('balance:USDT')).toEqual([{ deltas: { USDT: '-7' } }]);
});
