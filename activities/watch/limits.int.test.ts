import { afterAll, beforeAll, expect, it } from 'vitest';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { eventually } from '../../test/support/eventually.js';
import { steadyWatch, type SteadyWatch } from '../../test/support/steady-watch.js';
import { openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { setWatchLimit } from '../../test/support/watch-limit.js';

const LIMIT_MS = 60_000;
let stack: TradingStack;
let halts: HaltStore;
let watch: SteadyWatch;

beforeAll(async () => {
  stack = await openTradingStack();
  halts = openHaltStore(stack.database.url);
  await stack.ledger.stopBeating();
});
afterAll(async () => {
  await watch?.close();
  await halts?.close();
  await stack?.close();
});

const query = async <Row extends object>(text: string): Promise<Row[]> => (await stack.pool.query<Row>(text)).rows;
const sampled = async (): Promise<{ equity: string | null; version: number } | undefined> =>
  (
    await query<{ equity: string | null; version: number }>('select trim_scale(equity)::text as equity, version::int from account_watch')
  )[0];
const worth = (equity: string): Promise<void> =>
  eventually(async () => {
    expect((await sampled())?.equity).toBe(equity);
  }, LIMIT_MS);
/** Samples enough to confirm whatever there is, and none of them has done anything. */
const nothing = async (): Promise<void> => {
  const version = (await sampled())?.version ?? 0;
  await eventually(async () => {
    expect((await sampled())?.version).toBeGreaterThan(version + 4);
  }, LIMIT_MS);
  expect(await query('select mode from control')).toEqual([{ mode: 'normal' }]);
  expect(await query('select 1 from latches')).toEqual([]);
};

it('what people set holds from the next sample on, with its policy, in a process that was started before', async () => {
  await setWatchLimit(stack.pool, 'dailyLossLimitRatio', '0.05');
  watch = steadyWatch(stack, halts);
  await worth('205000');
  watch.price = '45000';
  await worth('195000');
  // 4.878 % are lost: neither the day's limit, which two people have loosened, nor the drawdown's is reached.
  await nothing();
  await setWatchLimit(stack.pool, 'drawdownLimitRatio', '0.0488');
  await nothing();
  await setWatchLimit(stack.pool, 'killPolicy', 'atOnce');
  await setWatchLimit(stack.pool, 'drawdownLimitRatio', '0.0487');
  await eventually(async () => {
    expect(await query('select subject, policy from latches')).toEqual([{ subject: 'watch', policy: 'atOnce' }]);
  }, LIMIT_MS);
  await setWatchLimit(stack.pool, 'dailyLossLimitRatio', '0.0487');
  await eventually(async () => {
    expect(await query('select mode from control')).toEqual([{ mode: 'reduceOnly' }]);
  }, LIMIT_MS);
});
