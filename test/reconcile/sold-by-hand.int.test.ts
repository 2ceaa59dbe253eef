import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { fillsOf, pnlOf } from '../../api/ledger/reports.js';
import { verifyLedger } from '../../api/ledger/verify.js';
import { readFills, readOrders } from '../../api/read/orders.js';
import { readSlippage } from '../../api/read/slippage.js';
import { runCommandLine } from '../../cli/program.js';
import { decimal, text, type DecimalText } from '../../core/money/index.js';
import { planProtection } from '../../core/protection/plan.js';
import { apiUnderTest } from '../support/api.js';
import { seedKey } from '../support/people.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { KEY, openBenchAccount, type BenchAccount } from './bench-account.js';
import { cancelAtVenue, foreign } from './cases.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 1_800_000 });

const onBench = async (work: (bench: BenchAccount) => Promise<void>): Promise<void> => {
  const bench = await openBenchAccount();
  try {
    await bench.cycle();
    await work(bench);
  } finally {
    await bench.close();
  }
};

const position = ({ stack }: BenchAccount) => stack.dependencies.store.position(KEY);

/** Bought, its stop taken away at the venue's own screen, and so much sold there. @returns what was bought, less the fee. */
async function soldByHand(bench: BenchAccount, quantity?: DecimalText): Promise<DecimalText> {
  // So much that what is left of it after the fee is on the step, and can be sold to the last unit.
  await bench.buy('1005');
  const held = text((await position(bench)).quantity);
  const { rows } = await bench.stack.pool.query<{ id: string }>(
    `select venue_order_id as id from orders where purpose = 'stop' and final_at is null`,
  );
  cancelAtVenue(bench, rows[0]?.id ?? null);
  await foreign(bench, { side: 'sell', price: '49000', quantity: quantity ?? held, timeInForce: 'IOC' });
  return held;
}

const sale = async (bench: BenchAccount) =>
  (await bench.found()).find(({ class: what, status }) => what === 'orphanOrder' && status === 'open');

/** `keelson reconcile decide …` at a terminal of the risk officer, over the API. */
async function atTheTerminal(bench: BenchAccount, ...line: readonly string[]): Promise<{ exitCode: number; out: string; error: string }> {
  const home = mkdtempSync(join(tmpdir(), 'keelson-by-hand-'));
  const api = apiUnderTest(bench.stack.database);
  try {
    await seedKey(bench.stack.database.pool, 'risk-officer', 'key-of-terminal', randomUUID());
    const address = await api.server.listen({ host: '127.0.0.1', port: 0 });
    writeFileSync(join(home, 'owner-key'), 'key-of-terminal\n', { mode: 0o600 });
    writeFileSync(
      join(home, 'run.json'),
      JSON.stringify({ pid: 1, since: 0, addresses: { api: address, temporal: '', metrics: {} }, pids: {} }),
    );
    const result = { exitCode: 0, out: '', error: '' };
    result.exitCode = await runCommandLine(line, {
      env: { KEELSON_HOME: home },
      root: new URL('../..', import.meta.url).pathname,
      now: Date.now,
      newId: randomUUID,
      out: (words) => void (result.out += words),
      error: (words) => void (result.error += words),
    });
    return result;
  } finally {
    await api.close();
    rmSync(home, { recursive: true, force: true });
  }
}

it('a person says whose units were sold by hand: the position ends, with what it earned, and its owner has nothing left to do', () =>
  onBench(async (bench) => {
    await soldByHand(bench);
    await bench.cycle();
    expect(await bench.mode()).toBe('paused');
    const { id = '' } = (await sale(bench)) ?? {};
    const told = await atTheTerminal(bench, 'reconcile', 'decide', id, 'book', '--strategy', 'momentum', '--reason', 'sold at the screen');
    expect(told).toMatchObject({ exitCode: 0, error: '' });

    const { pool } = bench.stack;
    const after = await position(bench);
    expect({ quantity: text(after.quantity), cost: text(after.cost) }).toEqual({ quantity: '0', cost: '0' });
    expect(after.realizedPnl.isZero()).toBe(false);
    const { rows } = await pool.query(
      `select o.strategy, o.purpose, o.status, o.final_at is not null as ended, f.origin, (select count(*)::integer from inventory
         where moved <> 0) as moved from orders o join fills f using (intent_id) where o.intent_id like 'byHand:%'`,
    );
    expect(rows[0]).toEqual({ strategy: 'momentum', purpose: 'exit', status: 'filled', ended: true, origin: 'ours', moved: 0 });
    const woken = await pool.query(`select from outbox where kind = 'positionChanged' and data->>'because' = 'lateEvidence'`);
    expect(woken.rowCount).toBeGreaterThan(0);
    await bench.protect();
    expect(planProtection(KEY, await bench.stack.protection.readProtection(KEY)).kind).toBe('done');
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
    expect(await bench.resume()).toMatchObject({ result: 'applied' });

    expect(await verifyLedger(bench.stack.database.pool, ACCOUNT)).toMatchObject({ differences: [] });
    const day = { day: 'all', zone: 'UTC', from: 0, until: Date.now() + 86_400_000 };
    const { total } = await pnlOf(bench.stack.database.pool, { account: ACCOUNT, day, now: Date.now() });
    expect(JSON.stringify(total)).toContain(text(after.realizedPnl));
    // It is the strategy's, and it shows whose hand it was; no order of ours has slipped by it.
    const [order] = (await readOrders(pool, { open: false, limit: 10 })).filter(({ side }) => side === 'sell');
    expect(order).toMatchObject({ strategy: 'momentum', purpose: 'byHand' });
    const [sold] = await readFills(pool, { intentId: order?.intentId, limit: 1 });
    expect(sold).toMatchObject({ origin: 'foreign' });
    const { fills } = await fillsOf(pool, { account: ACCOUNT, day, now: Date.now() });
    expect(fills.map(({ side, strategy, origin }) => [side, strategy, origin])).toContainEqual(['sell', 'momentum', 'foreign']);
    const slipped = await readSlippage(pool, ACCOUNT, day);
    expect(slipped.map(({ side }) => side)).toEqual(['buy']);
    // It trades on.
    await bench.buy();
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  }));

it('a part that was sold by hand leaves the rest with its strategy, under a stop of its size', () =>
  onBench(async (bench) => {
    const held = await soldByHand(bench, '0.004' as DecimalText);
    await bench.cycle();
    const { id = '' } = (await sale(bench)) ?? {};
    expect(await bench.decide(id, 'book', { strategy: 'momentum' })).toEqual({ result: 'done' });
    expect(text((await position(bench)).quantity)).toBe(text(decimal(held).minus('0.004')));
    await bench.protect();
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
    const { rows } = await bench.stack.pool.query(
      `select trim_scale(sum(reserved_quantity))::text as stopped from orders where purpose = 'stop' and final_at is null`,
    );
    expect(rows).toEqual([{ stopped: text(decimal(held).minus('0.004')) }]);
  }));

it('is refused for what no strategy can have sold', () =>
  onBench(async (bench) => {
    const why = async (strategy: string): Promise<string> => {
      const { id = '' } = (await sale(bench)) ?? {};
      const { result, why: words = '' } = await bench.decide(id, 'book', { strategy });
      expect(result).toBe('impossible');
      return words;
    };
    // More than it holds: what is more is the account's own.
    await soldByHand(bench, '0.5' as DecimalText);
    await bench.cycle();
    expect(await why('momentum')).toContain('it sold 0.5');
    expect(await why('nobody')).toContain('nobody holds nothing');
    const { id = '' } = (await sale(bench)) ?? {};
    expect(await bench.decide(id, 'book')).toEqual({ result: 'done' });
    await bench.protect();
    await bench.cycle();
    // A purchase.
    await foreign(bench, { price: '51000', quantity: '0.002', timeInForce: 'IOC' });
    await bench.cycle();
    expect(await why('momentum')).toContain('it bought');
    const bought = (await sale(bench))?.id ?? '';
    expect(await bench.decide(bought, 'book')).toEqual({ result: 'done' });
    // One that works still.
    await foreign(bench, { side: 'sell', price: '60000', quantity: '0.001' });
    await bench.cycle();
    expect(await why('momentum')).toBe('it moves nothing');
    expect(await bench.decide((await sale(bench))?.id ?? '', 'cancel')).toEqual({ result: 'done' });
    await bench.cycle();
    bench.stack.paper.moveBalance('test', 'USDT', 100_000_000n);
    await bench.cycle();
    const moved = (await bench.found()).find(({ class: what, status }) => what === 'balanceMovement' && status === 'open');
    expect(await bench.decide(moved?.id ?? '', 'book', { strategy: 'momentum' })).toMatchObject({ result: 'impossible' });
  }));
