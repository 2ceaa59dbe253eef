import { relative } from 'node:path';
import { inRoot, ROOT } from '../bootstrap/paths.mjs';
import { countTests, runVitest } from './vitest.mjs';

/** More files than these fail because something is broken, not because something was late. */
const AT_MOST = 2;

/** What these say about orders, they say once: a failure that comes and goes there is what they are looking for. */
const NEVER = ['test/faults/', 'test/model/', 'test/reconcile/', 'test/replay/', 'test/soak/', 'test/e2e/'].map((folder) => inRoot(folder));

const failedTests = (file) => file.assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);

/**
 * The failed files that are worth a second try, alone, on a machine that is quiet by then: tests on real servers. None where
 * anything failed for which there is no second try, since the run has failed then.
 *
 * @param {{ testResults?: { name: string, status: string, assertionResults: { status: string, fullName: string }[] }[] }} report
 * @returns {string[]} absolute paths
 */
export function worthTryingAgain(report) {
  const failed = (report.testResults ?? []).filter((file) => file.status === 'failed' || failedTests(file).length > 0);
  const may = ({ name }) => name.endsWith('.int.test.ts') && !NEVER.some((folder) => name.startsWith(folder));
  return failed.length <= AT_MOST && failed.every(may) ? failed.map(({ name }) => name) : [];
}

/**
 * Counts of both tries together: a file that was tried again counts as its second try says.
 *
 * @param {{ testResults?: { name: string }[] }} first
 * @param {{ testResults?: { name: string }[] }} second
 * @returns {{ counts: { passed: number, failed: number, skipped: number }, unsteady: string[] }} `unsteady`: what failed first
 *   and passed then, `file > test`
 */
export function together(first, second) {
  const again = new Map(second.testResults?.map((file) => [file.name, file]));
  const files = first.testResults ?? [];
  const unsteady = files
    .filter((file) => again.get(file.name)?.status === 'passed')
    .flatMap((file) => {
      const names = failedTests(file);
      return (names.length > 0 ? names : ['as a whole']).map((name) => `${relative(ROOT, file.name)} > ${name}`);
    });
  return { counts: countTests({ testResults: files.map((file) => again.get(file.name) ?? file) }), unsteady };
}

/**
 * Runs a failed file of a run again, where there is a second try for it, and says so: a test that passes only then is a defect,
 * of the test or of what it tests, and stays in sight until somebody has found out which.
 *
 * @param {Awaited<ReturnType<typeof runVitest>>} first
 */
export async function withSecondTry(first) {
  const files = first.unhandled === 0 ? worthTryingAgain(first.report) : [];
  if (files.length === 0) return first;
  process.stdout.write(`\nA second try, alone: ${files.map((name) => relative(ROOT, name)).join(', ')}\n`);
  const second = await runVitest(files, { show: true });
  const { counts, unsteady } = together(first.report, second.report);
  for (const name of unsteady) process.stdout.write(`UNSTEADY, passed only at the second try: ${name}\n`);
  return { ...first, counts, code: second.code };
}
