import { defineConfig } from 'vitest/config';

const never = ['**/node_modules/**', 'dist/**', '.keelson/**', 'coverage/**'];

/**
 * Three kinds of tests, told apart by the file's name:
 * `*.test.ts` is pure or in-process and shares its thread; `*.int.test.ts` needs a real server and gets a process of its
 * own; `test/e2e/*.e2e.test.ts` starts the whole and runs alone. The groups follow one another, so that a quiet machine
 * times the slow ones.
 */
export default defineConfig({
  test: {
    passWithNoTests: true,
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
          exclude: never,
          pool: 'forks',
          globalSetup: ['test/support/servers.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.e2e.test.ts'],
          exclude: never,
          pool: 'forks',
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
