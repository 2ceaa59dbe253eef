import { expect, it, vi } from 'vitest';
import { createControlActivities } from '../../activities/control/index.js';
import { createReconcileNow } from '../../activities/reconcile/index.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { seedCommand } from '../support/people.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { openBenchAccount } from './bench-account.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 1_800_000 });

it.each([
  ['ends the pause itself', ['balanceMovement']],
  ['leaves that to a person', []],
])('a resume that was decided on what is seen, and whose own comparison %s, is done', async (_, lifts) => {
  const bench = await openBenchAccount([...lifts]);
  try {
    const { pool } = bench.stack.database;
    const moveBy = (units: bigint): void => bench.stack.paper.moveBalance('test', 'USDT', units);
    const version = async (): Promise<string> =>
      (await pool.query<{ version: string }>('select version::text from control')).rows[0]?.version ?? '';
    await bench.cycle();
    moveBy(100_000_000n);
    await bench.cycle();
    expect(await bench.mode()).toBe('paused');
    moveBy(-100_000_000n);
    const before = await version();
    const compareNow = createReconcileNow(bench.dependencies);
    let compared = 0;
    const compare = (account: string): Promise<boolean> => {
      compared += 1;
      return compareNow(account);
    };
    const control = createControlActivities(createControlStore(bench.stack.pool), () => Promise.resolve(false), compare);
    const commandId = await seedCommand(pool, { account: ACCOUNT, kind: 'resume', subject: 'operator', expectedVersion: before });
    const resume = () => control.changeMode({ account: ACCOUNT, kind: 'resume', commandId });
    expect(await resume()).toMatchObject({ kind: 'changed', change: { mode: 'normal', subject: 'operator' } });
    expect([compared, await bench.mode(), await version()]).toEqual([1, 'normal', String(Number(before) + 1)]);
    expect(await resume()).toMatchObject({ kind: 'changed' });
    expect([compared, await version()]).toEqual([1, String(Number(before) + 1)]);
  } finally {
    await bench.close();
  }
});
