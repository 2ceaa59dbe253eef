import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { verifyLedger } from '../../api/ledger/verify.js';
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
