import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { type Account, closedFolder } from './account.js';

/** Where a server's files are: `home` holds what is ours (password, pointer), `dataDir` belongs to the server. */
export interface Location {
  readonly dataDir: string;
  readonly password: string;
}

/** What lies in a home whose data had to go elsewhere, so that people and `reset` find it. */
interface Pointer {
  readonly dataDir: string;
  readonly because: string;
}

const POINTER = 'data-is-elsewhere.json';

/**
 * Settles the data folder: `home/data`, or, where the server's account may not enter the home (root's own home has
 * mode 700), a folder below `systemDir`, with a pointer file in the home. A pointer once written is followed.
 */
export async function settleLocation(options: {
  home: string;
  account: Account | undefined;
  systemDir: string;
  report: (line: string) => void;
}): Promise<Location> {
  const home = resolve(options.home);
  await mkdir(home, { recursive: true });
  // Whatever the umask is: root's server runs under another account, which has to pass through.
  if (options.account !== undefined) await chmod(home, 0o711);
  const dataDir = await settleDataDir({ ...options, home });
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  if (options.account !== undefined) await chown(dataDir, options.account.uid, options.account.gid);
  await chmod(dataDir, 0o700);
  return { dataDir, password: await settlePassword(home) };
}

async function settleDataDir(options: {
  home: string;
  account: Account | undefined;
  systemDir: string;
  report: (line: string) => void;
}): Promise<string> {
  const pointer = await dataElsewhere(options.home);
  if (pointer !== undefined) return pointer;
  const wanted = join(options.home, 'data');
  const closed = options.account && (await closedFolder(wanted, options.account));
  if (closed === undefined) return wanted;
  // Not named after the home: one that was deleted and made anew must not find data whose password went with it.
  const dataDir = join(options.systemDir, `data-${randomBytes(6).toString('hex')}`);
  const because = `the account that runs Postgres may not enter ${closed}`;
  options.report(`Postgres keeps its data in ${dataDir}: ${because}`);
  const content: Pointer = { dataDir, because };
  await writeFile(join(options.home, POINTER), `${JSON.stringify(content, null, 2)}\n`);
  await mkdir(options.systemDir, { recursive: true });
  await chmod(options.systemDir, 0o755);
  return dataDir;
}

/** The data folder outside the home, if this home has one: `reset` has to empty it too. */
export async function dataElsewhere(home: string): Promise<string | undefined> {
  const text = await readFile(join(home, POINTER), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Pointer).dataDir;
}

/** Any user of the machine can reach a loopback port: so the password is random and only our user can read it. */
async function settlePassword(home: string): Promise<string> {
  const file = join(home, 'password');
  const existing = await readFile(file, 'utf8').catch(() => undefined);
  if (existing !== undefined) return existing.trim();
  const password = randomBytes(18).toString('base64url');
  await writeFile(file, `${password}\n`, { mode: 0o600, flag: 'wx' });
  return password;
}
