import { openBenchAccount } from '../reconcile/bench-account.js';
import { CASES } from '../reconcile/cases.js';
import { seeded } from '../reconcile/seeded.js';
import { classOf, judgeTogether, together } from '../reconcile/together.js';
import { cloneDatabase, providePostgres } from '../support/postgres-server.js';

/** Damages two or three things of an account at once, so many times; a line for each that goes wrong. @returns whether none does */
export async function soakReconcile({ cases, seed }: { readonly cases: number; readonly seed: number }): Promise<boolean> {
  const postgres = providePostgres();
  const seen = new Set<string>();
  let violations = 0;
  try {
    for (let turn = 0; turn < cases; turn += 1) {
      const random = seeded(seed, `together ${turn}`);
      const names = together(random);
      const bench = await openBenchAccount([], await cloneDatabase(await postgres.get()));
      try {
        const wrong = await judgeTogether(bench, names, random);
        for (const name of names) seen.add(classOf(name));
        violations += wrong.length;
        if (wrong.length > 0) process.stdout.write(`${turn}: ${names.join(' + ')}\n${wrong.map((one) => `  ${one}\n`).join('')}`);
      } catch (error) {
        violations += 1;
        process.stdout.write(`${turn}: ${names.join(' + ')}\n  ${error instanceof Error ? error.message : String(error)}\n`);
      } finally {
        await bench.close();
      }
    }
  } finally {
    await postgres.stop();
  }
  const classes = new Set(Object.values(CASES).map((one) => one.class)).size;
  process.stdout.write(`${JSON.stringify({ cases, classes: seen.size, classesThereAre: classes, violations, seed })}\n`);
  return violations === 0;
}
