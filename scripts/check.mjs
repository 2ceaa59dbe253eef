#!/usr/bin/env node
import { prepare } from './bootstrap/prepare.mjs';
import { runSteps } from './quality/steps.mjs';
import { showResults } from './quality/table.mjs';
import { countTests, runVitest } from './quality/vitest.mjs';

/** `npm run check`: format, lint, types, dead code, secrets, tidy and unit tests; for every few minutes of work. */
const describe = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

await prepare('text', { needsBuild: false });
const startedAt = performance.now();
const [tests, steps] = await Promise.all([runVitest(['--project=unit'], { show: false }), runSteps()]);
const tidy = countTests(tests.report, 'test/tidy/');
const unit = {
  passed: tests.counts.passed - tidy.passed,
  failed: tests.counts.failed - tidy.failed,
  skipped: tests.counts.skipped - tidy.skipped,
};
const results = [
  ...steps,
  {
    name: 'tidy',
    ok: tidy.failed === 0,
    detail: describe(tidy),
    output: unit.failed === 0 ? tests.output : '',
    elapsedMs: tests.elapsedMs,
  },
  { name: 'unit', ok: unit.failed === 0, detail: describe(unit), output: tests.output, elapsedMs: tests.elapsedMs },
];
showResults(results);
const failed = results.filter((each) => !each.ok).length;
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
process.stdout.write(`\n${failed === 0 ? 'All checks passed' : `${failed} of ${results.length} checks failed`} in ${seconds} s.\n`);
process.exitCode = failed === 0 ? 0 : 1;
