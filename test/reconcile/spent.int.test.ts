import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLook } from '../../activities/reconcile/look.js';
import type { ReconcileRun } from '../../activities/ports/reconcile.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';
import { CASES } from './cases.js';
import { seeded } from './seeded.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });

describe('what a comparison has cost', () => {
  let bench: BenchAccount;
  beforeAll(async () => {
    bench = await openBenchAccount();
  });
  afterAll(() => bench?.close());

  const kept = async (runId: string): Promise<{ calls: number; weight: number } | undefined> => {
    const { rows } = await bench.stack.pool.query<{ calls: number; weight: number }>(
      'select calls, weight from reconciliation_runs where run_id = $1',
      [runId],
    );
    return rows[0];
  };
  const run = (): ReconcileRun => ({ runId: randomUUID(), account: ACCOUNT, scope: 'minute' });

  it('has its repairs in it', async () => {
    const look = createLook(bench.dependencies);
    const clean = run();
    const first = await look(clean, true);
    expect(first).toMatchObject({ result: 'clean' });
    expect(await kept(clean.runId)).toEqual({ calls: first.calls, weight: first.weight });
    await CASES['an entry that somebody canceled at the venue']?.make(bench, seeded(1, 'spent'));
    const repaired = run();
    const looks = [await look(repaired, false), await look(repaired, true)];
    expect(await bench.found()).toMatchObject([{ class: 'missingOrder', status: 'repaired' }]);
    // One of them has looked the order up, beside what every look asks.
    expect(Math.max(...looks.map(({ calls }) => calls))).toBeGreaterThan(first.calls);
    expect(await kept(repaired.runId)).toEqual({
      calls: looks.reduce((sum, { calls }) => sum + calls, 0),
      weight: looks.reduce((sum, { weight }) => sum + weight, 0),
    });
  });

  it('has what was read before it failed in it', async () => {
    const venue = bench.dependencies.venueOf(ACCOUNT);
    const openOrders = (): Promise<never> => Promise.reject(new Error('the venue is away'));
    const away = createLook({ ...bench.dependencies, venueOf: () => ({ ...venue, reader: { ...venue.reader, openOrders } }) });
    const failing = run();
    await expect(away(failing, true)).rejects.toThrow('the venue is away');
    expect(await kept(failing.runId)).toMatchObject({ calls: 2 });
  });
});
