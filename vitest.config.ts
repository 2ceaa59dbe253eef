import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The files that take minutes, in the order in which they start. Vitest begins with the largest file where it does not know
 * how long each takes, and these are small: they would come last, and the very last of them would run alone. Kills and wakings
 * wait most of the time, so what computes runs beside them.
 */
const LONGEST = [
  'test/faults/matrix/matrix.int.test.ts',
  'test/faults/crash/wake-up.int.test.ts',
  'test/model/model.int.test.ts',
  'test/faults/crash/pairs.int.test.ts',
  'test/faults/crash/guardian-runbooks.int.test.ts',
  'test/replay/paths.int.test.ts',
  'test/faults/kill/kill.int.test.ts',
  'test/reconcile/matrix.int.test.ts',
  'workers/composition/schedules.int.test.ts',
  'activities/runbook/trading/trading.int.test.ts',
  'workflows/kill-switch/kill-switch.int.test.ts',
  'activities/watch/account-watch.int.test.ts',
  'workflows/operations/runbook/runbook.int.test.ts',
  'workflows/operations/runbook/discrepancy.int.test.ts',
  'activities/runbook/by-cause.int.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}

function placeOf({ moduleId }: TestSpecification): number {
  const place = LONGEST.findIndex((path) => moduleId.endsWith(`/${path}`));
  return place === -1 ? LONGEST.length : place;
}

/** They start so many programs that two of them side by side starve each other, and what they look for has no second try. */
const ALONE = ['test/soak/**/*.int.test.ts', 'test/faults/crash/crash.int.test.ts'];

/** Folders that `npm test` runs by themselves (scripts/test.mjs). */
const without = (process.env['KEELSON_TEST_WITHOUT'] ?? '').split(',').filter((folder) => folder !== '');
const never = ['**/node_modules/**', 'dist/**', '.keelson/**', 'coverage/**', ...without.map((folder) => `${folder}**`)];

/**
 * Three kinds of tests, told apart by the file's name:
 * `*.test.ts` is pure or in-process and shares its thread; `*.int.test.ts` needs a real server and gets a process of its
 * own; `test/e2e/*.e2e.test.ts` starts the whole and runs alone, and so do a few others. The groups follow one another, so that a quiet machine
 * times the slow ones.
 */
export default defineConfig({
  test: {
    passWithNoTests: true,
    sequence: { sequencer: LongestFirst },
    coverage: {
      provider: 'v8',
      include: ['core/**/*.ts', 'workflows/**/*.ts', 'activities/**/*.ts'],
      exclude: ['**/*.test.ts'],
      reporter: ['json', 'html'],
      reportsDirectory: 'coverage',
      reportOnFailure: true,
    },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...never, '**/*.int.test.ts', '**/*.e2e.test.ts'],
          pool: 'threads',
          isolate: false,
          // No test is about time: on a busy machine they may take long.
          testTimeout: 30_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['**/*.int.test.ts'],
          exclude: [...never, ...ALONE],
          pool: 'forks',
          // By itself vitest leaves a core to others, and on two cores runs one file after the other; most wait more than they work.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          globalSetup: ['test/support/servers.ts'],
          // Tests that run at once wait for places of their own.
          maxConcurrency: 100,
          testTimeout: 60_000,
          // By itself a second: `expect.poll` waits as long as `eventually` of test/support.
          expect: { poll: { timeout: 15_000, interval: 10 } },
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.e2e.test.ts', ...ALONE],
          exclude: never,
          pool: 'forks',
          maxConcurrency: 100,
          expect: { poll: { timeout: 15_000, interval: 10 } },
          globalSetup: ['test/support/servers.ts'],
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
