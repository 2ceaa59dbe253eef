import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runNode, runToEnd } from './child.mjs';
import { inRoot } from './paths.mjs';

const STAMP = inRoot('node_modules', '.keelson-packages.json');

const readJson = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
};

const lockfileHash = () =>
  createHash('sha256')
    .update(readFileSync(inRoot('package-lock.json')))
    .digest('hex');
const platform = () => `${process.platform}-${process.arch}`;

const listAllows = (list, value) => {
  if (!list) return true;
  if (list.includes(`!${value}`)) return false;
  return list.every((entry) => entry.startsWith('!')) || list.includes(value);
};

/** The packages that the lockfile wants on this platform: path below the clone → entry. */
function wantedPackages() {
  const { packages = {} } = readJson(inRoot('package-lock.json')) ?? {};
  return Object.entries(packages).filter(
    ([path, entry]) => path !== '' && listAllows(entry.os, process.platform) && listAllows(entry.cpu, process.arch),
  );
}

/** npm's own record of what it installed, against what the lockfile wants. Optional ones may be missing. */
function installedByHand() {
  const installed = readJson(inRoot('node_modules', '.package-lock.json'))?.packages;
  if (!installed) return false;
  return wantedPackages().every(([path, entry]) => {
    const found = installed[path];
    return found ? found.version === entry.version : entry.optional === true || entry.peer === true;
  });
}

function writeStamp() {
  writeFileSync(STAMP, `${JSON.stringify({ lockfile: lockfileHash(), platform: platform() })}\n`);
}

/** True when node_modules holds what package-lock.json says, development packages included. */
export function packagesAreCurrent() {
  const stamp = readJson(STAMP);
  if (stamp) return stamp.lockfile === lockfileHash() && stamp.platform === platform();
  if (!installedByHand()) return false;
  writeStamp();
  return true;
}

/**
 * `npm ci` empties node_modules before it fills it, through a link as well: then somebody else's packages are gone. Undefined
 * where it is a folder of this clone, or not there.
 * @returns {string | undefined} what is wrong, in the words of the registry (`CONFIG_PACKAGES_LINKED`), which is not compiled yet.
 */
export function linkProblem(path = inRoot('node_modules')) {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined;
  const target = existsSync(path) ? realpathSync(path) : readlinkSync(path);
  return `CONFIG_PACKAGES_LINKED: ${path} is a link to ${target}, which does not hold what package-lock.json says. Installing would empty that folder, which another clone may use: run \`npm ci\` there, or remove the link and start again.`;
}

/** The first and last lines of a long output: npm says what is wrong first, and where its log is last. */
function ends(output) {
  const lines = output.trim().split('\n');
  return lines.length <= 24 ? lines.join('\n') : [...lines.slice(0, 12), '…', ...lines.slice(-12)].join('\n');
}

/** The npm that called us, or the one on PATH. */
function npmCommand() {
  const caller = process.env.npm_execpath;
  if (caller && /^np[mx]-cli\.js$/.test(basename(caller))) {
    const cli = join(dirname(caller), 'npm-cli.js');
    if (existsSync(cli)) return (args, options) => runNode(cli, args, options);
  }
  return (args, options) => runToEnd(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, options);
}

function watchProgress(report, startedAt) {
  const paths = wantedPackages().map(([path]) => inRoot(path, 'package.json'));
  const everyMs = process.stdout.isTTY ? 500 : 10_000;
  return setInterval(() => {
    const there = paths.filter((path) => existsSync(path)).length;
    report.progress('packages', `Installing packages: ${there} of ${paths.length}`, Date.now() - startedAt);
  }, everyMs);
}

/**
 * Installs the lockfile's packages with `npm ci`. Development packages are always wanted (the compiler is one), whatever
 * NODE_ENV says.
 * @returns {Promise<boolean>} false when npm failed; its last lines have been shown.
 */
export async function installPackages(report) {
  const startedAt = Date.now();
  report.start('packages', 'Installing packages (npm ci)');
  const timer = watchProgress(report, startedAt);
  // The GPU libraries of the model's runtime are not wanted. `.npmrc` says so too, but newer npm hands unknown keys of it to no script.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  delete env.NODE_ENV;
  // npm finishes its whole work before it obeys a signal. What it leaves half done is done anew by the next run.
  const options = { env, patienceMs: 2_000 };
  const { code, output } = await npmCommand()(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], options);
  clearInterval(timer);
  const elapsedMs = Date.now() - startedAt;
  if (code !== 0) {
    report.fail('packages', `npm ci failed (exit ${code}) after ${Math.round(elapsedMs / 1000)} s:\n${ends(output)}`, elapsedMs);
    return false;
  }
  writeStamp();
  report.done('packages', 'Packages installed', elapsedMs);
  return true;
}
