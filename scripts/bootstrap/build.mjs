import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { runNode } from './child.mjs';
import { ROOT, inRoot } from './paths.mjs';
import { fingerprint, sourceFiles } from './sources.mjs';

const DIST = inRoot('dist');
const CONFIGURATION = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
const BUNDLER = 'dist/workers/bundle.js';

const stampPath = (step) => join(DIST, `.${step}-stamp`);
const isStamped = (step, mark) => existsSync(stampPath(step)) && readFileSync(stampPath(step), 'utf8') === mark;

const codeMark = () => fingerprint([...CONFIGURATION, ...sourceFiles()]);
const bundleMark = () => fingerprint([...CONFIGURATION, BUNDLER, ...sourceFiles(['core', 'workflows'])]);

/** True when dist/ was made from the sources as they are now. */
export function buildIsCurrent() {
  return isStamped('code', codeMark()) && (!existsSync(inRoot(BUNDLER)) || isStamped('bundle', bundleMark()));
}

/** Output whose source was removed or renamed must not be run by accident. */
function removeOrphans(folder = DIST) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) removeOrphans(path);
    else if (entry.name.endsWith('.js') || entry.name.endsWith('.js.map')) {
      const source = relative(DIST, path)
        .split(sep)
        .join('/')
        .replace(/\.js(\.map)?$/, '.ts');
      const isOrphan = source.endsWith('.test.ts') || !existsSync(join(ROOT, source));
      if (isOrphan && !source.startsWith('workflow-bundle')) rmSync(path);
    }
  }
}

async function step(report, name, message, file, args) {
  const startedAt = Date.now();
  report.start('build', message);
  const { code, output } = await runNode(file, args);
  const elapsedMs = Date.now() - startedAt;
  if (code === 0) report.done('build', `${name}`, elapsedMs);
  else report.fail('build', `${message} failed:\n${output.trim().split('\n').slice(-40).join('\n')}`, elapsedMs);
  return code === 0;
}

/** Compiles what changed into dist/, then the bundle of the workflows. Returns false when either failed. */
export async function build(report) {
  mkdirSync(DIST, { recursive: true });
  const code = codeMark();
  if (!isStamped('code', code)) {
    removeOrphans();
    if (!(await step(report, 'Compiled', 'Compiling', inRoot('node_modules/typescript/bin/tsc'), ['-p', 'tsconfig.build.json'])))
      return false;
    writeFileSync(stampPath('code'), code);
  }
  if (!existsSync(inRoot(BUNDLER))) return true;
  const bundle = bundleMark();
  if (isStamped('bundle', bundle)) return true;
  if (!(await step(report, 'Workflows bundled', 'Bundling the workflows', inRoot(BUNDLER), []))) return false;
  writeFileSync(stampPath('bundle'), bundle);
  return true;
}
