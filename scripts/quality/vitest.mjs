import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runNode } from '../bootstrap/child.mjs';
import { inRoot } from '../bootstrap/paths.mjs';

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 */

const UNHANDLED = inRoot('scripts', 'quality', 'unhandled-reporter.mjs');

/** Counts the tests below `folder` (all when empty). A file that could not even be loaded is one failure. */
export function countTests(report, folder = '') {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report.testResults ?? []) {
    if (!file.name.startsWith(inRoot(folder))) continue;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') counts.passed += 1;
      else if (test.status === 'failed') counts.failed += 1;
      else counts.skipped += 1;
    }
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) counts.failed += 1;
  }
  return counts;
}

/**
 * Runs vitest and returns its counts, read from its JSON report and never from its text.
 * A run that ends badly without a failed test (an unhandled rejection, a broken set-up) counts as one failure.
 *
 * @param {readonly string[]} args arguments of `vitest run`
 * @param {{ show: boolean, env?: NodeJS.ProcessEnv }} options `show`: the runner writes to our own output while it works
 */
export async function runVitest(args, { show, env = process.env }) {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-report-'));
  const file = join(folder, 'report.json');
  const unhandledFile = join(folder, 'unhandled');
  const startedAt = performance.now();
  try {
    const { code, output } = await runNode(
      inRoot('node_modules', 'vitest', 'vitest.mjs'),
      ['run', '--reporter=default', '--reporter=json', `--reporter=${UNHANDLED}`, `--outputFile.json=${file}`, ...args],
      { show, env: { ...env, KEELSON_UNHANDLED_FILE: unhandledFile } },
    );
    const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
    const counts = countTests(report);
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    // Not even written: the run was cut off, which is no test's failure either.
    const unhandled = existsSync(unhandledFile) ? Number(readFileSync(unhandledFile, 'utf8')) : 1;
    return { code, counts, unhandled, report, output, elapsedMs: performance.now() - startedAt };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Two runs over different files as one.
 *
 * @param {Awaited<ReturnType<typeof runVitest>>} one
 * @param {Awaited<ReturnType<typeof runVitest>>} other
 */
export function joined(one, other) {
  const sum = (of) => of(one) + of(other);
  return {
    code: one.code || other.code,
    counts: {
      passed: sum(({ counts }) => counts.passed),
      failed: sum(({ counts }) => counts.failed),
      skipped: sum(({ counts }) => counts.skipped),
    },
    unhandled: sum(({ unhandled }) => unhandled),
    report: { testResults: [one, other].flatMap(({ report }) => report.testResults ?? []) },
    output: one.output + other.output,
    elapsedMs: sum(({ elapsedMs }) => elapsedMs),
  };
}
