#!/usr/bin/env node
import { rmSync } from 'node:fs';
import { inRoot } from './bootstrap/paths.mjs';
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

/**
 * The lines that are counted, beside which lie the tests that run them. Counting makes a test up to three times slower: the others
 * run without, and the gate hears nothing of what they run.
 */
const COUNTED = ['core/', 'workflows/', 'activities/'];

async function runAll() {
  const env = { ...process.env, NODE_V8_COVERAGE: OTHERS_FOLDER };
  const counted = await runVitest(['--coverage', ...COUNTED.map((folder) => inRoot(folder))], { show: true, env });
  return joined(counted, await runVitest([], { show: true, env: { ...process.env, KEELSON_TEST_WITHOUT: COUNTED.join() } }));
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
