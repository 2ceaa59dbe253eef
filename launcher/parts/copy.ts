import { cp, mkdir, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KeelsonError } from '../../core/errors.js';
import { copyBefore, copySize, markAsCopy } from '../../db/copies.js';
import { readPending } from '../../db/migrate.js';
import { writeWhole } from '../home/write-file.js';
import { versionThatWrote } from '../temporal/start.js';
import { isAtLeast } from '../temporal/version.js';
import { withClient, type StartedDatabase } from './database.js';
import type { LaunchContext } from './launch-context.js';

const MOST_COPIES = 2;
const BEFORE = 'before_';
const WRITTEN_BY = 'written_by_';
const WAY_BACK = 'way-back';
const MB = 1024 * 1024;

/**
 * Copies what is stored before migrations change it: the database beside itself, and the files of our own Temporal server, which must
 * not run yet. Of a database of the user's own a backup is theirs.
 *
 * @throws KeelsonError CONFIG_NO_ROOM, INFRA_COPY
 */
export async function copyBeforeMigrations(
  { steps, paths }: Pick<LaunchContext, 'steps'> & { readonly paths: Pick<LaunchContext['paths'], 'temporal'> },
  { url, dataDir }: StartedDatabase,
): Promise<void> {
  const { names, isNew } = await withClient(url, readPending);
  const [first, ...further] = names;
  if (first === undefined || isNew) return;
  if (dataDir === undefined) {
    steps.note('copy', `${names.length} migrations are to come, and your own database is not copied: a backup of it is yours to make`);
    return;
  }
  await steps.run('copy', 'Copying what is stored, before it is migrated', async () => {
    try {
      return { done: await copyAll(paths.temporal, { url, dataDir }, [first, ...further]), result: undefined };
    } catch (cause) {
      throw asCopyError(cause);
    }
  });
}

/**
 * Copies the files of our own Temporal server before a newer one opens them: the one that wrote them, which an older build brings, does not
 * open them afterwards. Once a newer one has had them, and nothing has happened on it, the copy that was made then stays the good one, however
 * often and by whichever server it is tried again.
 *
 * @returns the folder of the copy; undefined: the file can be opened by the server that wrote it, or is older than what has happened
 * @throws KeelsonError CONFIG_NO_ROOM, INFRA_COPY
 */
export async function copyBeforeNewerServer(
  { steps, paths }: Pick<LaunchContext, 'steps'> & { readonly paths: Pick<LaunchContext['paths'], 'temporal'> },
  { dbFile, version }: { readonly dbFile: string; readonly version: string },
): Promise<string | undefined> {
  const written = await versionThatWrote(dbFile);
  const standing = await wayBack(paths.temporal, written);
  if (standing !== undefined || written === undefined || isAtLeast(written, version)) return standing;
  const folder = join(paths.temporal, `${WRITTEN_BY}${written}`);
  const what = `Temporal server ${version} is newer than ${written}, which wrote its file and will not open it again`;
  return steps.run('temporal-copy', `${what}: copying the file`, async () => {
    try {
      const files = await temporalFiles(paths.temporal);
      const { bavail, bsize } = await statfs(paths.temporal);
      const [bytes, free] = [await sizeOf(files), bavail * bsize];
      if (bytes > free)
        throw new KeelsonError('CONFIG_NO_ROOM', { needed: Math.ceil(bytes / MB), folder: paths.temporal, free: Math.floor(free / MB) });
      await copyFiles(paths.temporal, files, WRITTEN_BY, basename(folder));
      writeWhole(join(paths.temporal, WAY_BACK), folder);
    } catch (cause) {
      throw asCopyError(cause);
    }
    return { done: `${what}: as it was, the file lies in ${folder}`, result: folder };
  });
}

/**
 * The copy that a build before could still go on with, since no worker has run on the newer server yet. One that was put back, or is gone, is
 * none: an older build went on from it, and it is older than what has happened.
 *
 * @param written the server that had the file last
 */
export async function wayBack(temporal: string, written: string | undefined): Promise<string | undefined> {
  const folder = await readFile(join(temporal, WAY_BACK), 'utf8').catch(() => undefined);
  const copied = folder === undefined ? undefined : await versionThatWrote(join(folder, 'temporal.db'));
  return copied !== undefined && written !== undefined && !isAtLeast(copied, written) ? folder : undefined;
}

/** What has to be done before the build before can go on; nothing, where the same server can still open its file. */
export function howBack(copy: string | undefined): string {
  if (copy === undefined) return '';
  return ` (a newer Temporal server has opened the files that its own will not open any more: run \`npx keelson restore temporal\` here first, which puts back what is in ${copy})`;
}

/** Workers begin: from now on the copy is older than what has happened. */
export async function endWayBack(temporal: string): Promise<void> {
  await rm(join(temporal, WAY_BACK), { force: true });
}

function asCopyError(cause: unknown): KeelsonError {
  if (cause instanceof KeelsonError) return cause;
  return new KeelsonError('INFRA_COPY', { detail: cause instanceof Error ? cause.message : String(cause) }, { cause });
}

/** @returns what was copied, for people. */
async function copyAll(
  temporal: string,
  { url, dataDir }: { readonly url: string; readonly dataDir: string },
  names: readonly [first: string, ...further: string[]],
): Promise<string> {
  const [first] = names;
  const database = basename(new URL(url).pathname);
  const { bavail, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  const files = await temporalFiles(temporal);
  const temporalBytes = await sizeOf(files);
  const { bytes, isRoom } = await withClient(url, (client) => copySize(client, free - temporalBytes));
  if (!isRoom) {
    const needed = Math.ceil((bytes + temporalBytes) / MB);
    throw new KeelsonError('CONFIG_NO_ROOM', { needed, folder: dataDir, free: Math.floor(free / MB) });
  }
  const at = (name: string): string => Object.assign(new URL(url), { pathname: `/${name}` }).href;
  const mark = (draft: string): Promise<void> => withClient(at(draft), markAsCopy);
  const copy = await withClient(at('postgres'), (client) => copyBefore(client, database, first, mark));
  await copyFiles(temporal, files, BEFORE, `${BEFORE}${first.slice(0, 14)}`);
  return `Copied as it was before ${names.length} migration${names.length === 1 ? '' : 's'}: database ${copy}, and the files of Temporal`;
}

/** The files of our own Temporal server; none where it never ran. */
async function temporalFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.startsWith('temporal.db')).map((name) => join(folder, name));
}

async function sizeOf(files: readonly string[]): Promise<number> {
  return (await Promise.all(files.map((file) => stat(file)))).reduce((sum, { size }) => sum + size, 0);
}

/** Into a folder that is whole or not there; of earlier ones of its kind the newest stay. */
async function copyFiles(folder: string, files: readonly string[], kind: string, name: string): Promise<void> {
  if (files.length === 0) return;
  const draft = join(folder, 'copy.draft');
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  for (const file of files) await cp(file, join(draft, basename(file)));
  await rm(join(folder, name), { recursive: true, force: true });
  await rename(draft, join(folder, name));
  const inOrder = new Intl.Collator('en', { numeric: true }).compare;
  const others = (await readdir(folder)).filter((one) => one.startsWith(kind) && one !== name).toSorted(inOrder);
  for (const old of others.slice(0, 1 - MOST_COPIES)) await rm(join(folder, old), { recursive: true, force: true });
}
