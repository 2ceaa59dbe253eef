#!/usr/bin/env node
import { rmSync } from 'node:fs';
import { prepare } from './bootstrap/prepare.mjs';
import { coverageResult, OTHERS_FOLDER } from './quality/coverage.mjs';
import { withSecondTry } from './quality/second-try.mjs';
import { runSteps } from './quality/steps.mjs';
import { showResults } from './quality/table.mjs';
import { joined, runVitest } from './quality/vitest.mjs';

/**
 * `npm test`: the checks, then every test, then the gate on coverage. Arguments go to vitest (`npm test -- core/money`);
 * a chosen part is run without the checks, without the gate and without a second try.
 *
 * The last line counts tests, each check and the gate as one each: `N passed, N failed, N skipped`.
 */
const args = process.argv.slice(2);
const isWhole = args.length === 0;

/** What computes or waits for minutes: counting each line that it runs makes it three times slower, and others have run those lines. */
const LONG = ['test/e2e/', 'test/faults/', 'test/model/', 'test/reconcile/', 'test/replay/', 'test/soak/'];

async function runAll() {
  const env = { ...process.env, NODE_V8_COVERAGE: OTHERS_FOLDER, KEELSON_TEST_WITHOUT: LONG.join() };
  const counted = await runVitest(['--coverage'], { show: true, env });
  return joined(counted, await runVitest(LONG, { show: true }));
}

await prepare('text');
const steps = isWhole ? await runSteps() : [];
if (isWhole) showResults(steps);
rmSync(OTHERS_FOLDER, { recursive: true, force: true });
const { counts, code } = isWhole ? await withSecondTry(await runAll()) : await runVitest(args, { show: true });
const gate = isWhole ? [await coverageResult()] : [];
if (isWhole) showResults(gate);

const ran = counts.passed + counts.failed + counts.skipped;
if (ran === 0) process.stdout.write(`\nNo test fits: ${args.join(' ')}\n`);
const checks = [...steps, ...gate];
const passed = counts.passed + checks.filter((each) => each.ok).length;
const failed = counts.failed + checks.filter((each) => !each.ok).length;
process.stdout.write(`\n${passed} passed, ${failed} failed, ${counts.skipped} skipped\n`);
process.exitCode = failed === 0 && code === 0 && ran > 0 ? 0 : 1;
