import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLook } from '../../activities/reconcile/look.js';
import { RECONCILE } from '../../core/reconcile/rules.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { disagreements } from '../support/witness.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';
import { CASES } from './cases.js';
import { seeded } from './seeded.js';

const SEED = Number(process.env['RECONCILE_SEED'] ?? 20_261_126);
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });
let bench: BenchAccount;
beforeEach(async () => {
  bench = await openBenchAccount();
});
afterEach(() => bench?.close());

/** What a look writes, in the order in which it does; `bookFill` is the repair itself. Before the next one is after the last one. */
const WRITES = ['begin', 'write', 'bookFill', 'noteRepair', 'end'] as const;

/** A process that compares until it is killed when this is written: from then on nothing of it reaches anything. */
async function killedAfter(written: (typeof WRITES)[number]): Promise<void> {
  const { dependencies } = bench;
  let isDead = false;
  const mortal = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get: (target, key) => {
        const method: unknown = Reflect.get(target, key);
        if (typeof method !== 'function') return method;
        return async (...given: unknown[]): Promise<unknown> => {
          if (isDead) throw new Error('killed');
          const answer: unknown = await Reflect.apply(method, target, given);
          if (key === written) isDead = true;
          if (isDead) throw new Error('killed');
          return answer;
        };
      },
    });
  const look = createLook({
    ...dependencies,
    reconciliations: mortal(dependencies.reconciliations),
    books: { ...dependencies.books, store: mortal(dependencies.books.store) },
    owners: mortal(dependencies.owners),
    runs: mortal(dependencies.runs),
  });
  const run = { runId: randomUUID(), account: ACCOUNT, scope: 'minute' } as const;
  for (let looks = 1; !isDead && looks < RECONCILE.mostLooks; looks += 1) await look(run, false).catch(() => undefined);
  expect(isDead).toBe(true);
}

it.each(WRITES)('killed after %s, the next comparison repairs what is left, and everything is booked once', async (written) => {
  const { pool } = bench.stack;
  await CASES['a fill that nobody booked']?.make(bench, seeded(SEED, 'killed'));
  await killedAfter(written);
  const { rowCount: leases } = await pool.query('select from reconciliations where lease_owner is not null');
  const isFree = written === 'end';
  expect(leases).toBe(isFree ? 0 : 1);
  if (!isFree) await expect(bench.look()).rejects.toMatchObject({ failure: { code: 'INFRA_RECONCILING' } });

  // A minute later.
  await bench.damage(`update reconciliations set lease_until = clock_timestamp() - interval '1 second' where lease_owner is not null`);
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  expect(await bench.mode()).toBe('normal');
  expect(await disagreements(bench.stack.database.pool, ACCOUNT, bench.stack.witness())).toEqual([]);
  const { rows } = await pool.query<{ fills: string; booked: string }>(
    `select (select count(*) from fills) as fills, (select count(*) from audit_events where kind = 'fill.booked') as booked`,
  );
  expect(Number(rows[0]?.fills)).toBeGreaterThan(0);
  expect(rows[0]?.booked).toBe(rows[0]?.fills);
  const found = await bench.found();
  expect(found.filter(({ seenAs }) => seenAs === 'missedFill')).toHaveLength(1);
  expect(found.filter(({ status }) => !['repaired', 'settled'].includes(status))).toEqual([]);
  expect(new Set(found.map(({ seenAs, subject }) => `${seenAs} ${subject}`)).size).toBe(found.length);
});
