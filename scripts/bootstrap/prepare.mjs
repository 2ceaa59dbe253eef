import { build, buildIsCurrent } from './build.mjs';
import { installHooks } from './hooks.mjs';
import { withLock } from './lock.mjs';
import { nodeProblem } from './node-version.mjs';
import { installPackages, linkProblem, packagesAreCurrent } from './packages.mjs';
import { makeReporter } from './report.mjs';

/**
 * Brings a clone to where its programs can run: right Node, the lockfile's packages, dist/ of the present sources.
 * Costs some tens of milliseconds when nothing is to be done, and says nothing then. Ends the process when a step fails:
 * exit 78 for a wrong Node or linked packages that are not the lockfile's, 1 otherwise.
 *
 * @param {'text' | 'json' | 'quiet'} kind how steps are shown
 * @param {{ needsBuild?: boolean }} [options]
 */
export async function prepare(kind, { needsBuild = true } = {}) {
  const report = makeReporter(kind);
  const problem = nodeProblem();
  if (problem) {
    report.fail('node', problem, 0);
    process.exit(78);
  }
  if (packagesAreCurrent() && (!needsBuild || buildIsCurrent())) return;
  const waiting = (pid) => report.start('wait', `Waiting for process ${pid}, which is installing or building this clone`);
  const linked = packagesAreCurrent() ? undefined : linkProblem();
  if (linked) {
    report.fail('packages', linked, 0);
    process.exit(78);
  }
  const ready = await withLock(async () => {
    if (!packagesAreCurrent() && !(await installPackages(report))) return false;
    installHooks();
    return !needsBuild || build(report);
  }, waiting);
  if (!ready) process.exit(1);
}
