import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ACCOUNT } from '../support/trading-stack.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';
import { CASES } from './cases.js';
import { seeded } from './seeded.js';

const GONE = 'GONE/USDT';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe('dust of an instrument that the venue does not list any more', () => {
  let bench: BenchAccount;
  beforeAll(async () => {
    bench = await openBenchAccount();
    const sums = `insert into position_sums (account, strategy, instrument, quantity) values ($1, 'momentum', $2, 0.00001)`;
    await bench.damage(sums, [ACCOUNT, GONE]);
    await bench.damage(
      `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ($1, 'momentum', $2, 0.00001, 0, 0)`,
      [ACCOUNT, GONE],
    );
  });
  afterAll(() => bench?.close());

  it('keeps nobody from comparing the rest, and is told once', async () => {
    const told = async (): Promise<readonly object[]> =>
      (
        await bench.stack.pool.query<object>(
          `select account, data->>'instrument' as instrument from incidents where kind = 'instrumentNotListed'`,
        )
      ).rows;
    await CASES['a deposit']?.make(bench, seeded(1, 'unlisted'));
    expect(await bench.cycle()).toMatchObject({ result: 'differences' });
    expect((await bench.found()).map(({ class: what, subject }) => `${what} ${subject}`)).toContain('balanceMovement balance:USDT');
    await bench.cycle();
    expect(await told()).toEqual([{ account: ACCOUNT, instrument: GONE }]);
  });

  it('is told again when it was listed meanwhile', async () => {
    const told = async (): Promise<number> =>
      (await bench.stack.pool.query(`select from incidents where kind = 'instrumentNotListed' and data->>'instrument' = $1`, [GONE]))
        .rowCount ?? 0;
    const before = await told();
    // As the guardian does that reads the venue's instruments.
    const { store } = bench.stack.dependencies;
    await store.tellEpisodes({ account: ACCOUNT, kind: 'instrumentNotListed', seen: [], over: [GONE], quietMs: 0 });
    await bench.cycle();
    expect(await told()).toBe(before + 1);
  });
});
