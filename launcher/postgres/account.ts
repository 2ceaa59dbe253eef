import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { KeelsonError } from '../../core/errors.js';

const run = promisify(execFile);

/** The system account that the server runs as. Postgres refuses to run as root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const ACCOUNT_NAME = 'postgres';

/** The account to run as, or undefined where we are an ordinary user and run it ourselves. Makes it where it is missing. */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const existing = await lookUp();
  if (existing !== undefined) return existing;
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', ACCOUNT_NAME]);
  } catch (cause) {
    const detail = `Postgres refuses to run as root, and the account \`${ACCOUNT_NAME}\` could not be made (${String(cause)}). Start Keelson as an ordinary user, or make that account`;
    throw new KeelsonError('CONFIG_DATABASE', { address: 'the embedded server', detail }, { cause });
  }
  const made = await lookUp();
  if (made === undefined) throw new Error(`The account ${ACCOUNT_NAME} was made and is not there.`);
  return made;
}

async function lookUp(): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', ACCOUNT_NAME]), run('id', ['-g', ACCOUNT_NAME])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

export interface Permissions {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Whether the account may pass through a folder with these permissions. */
export function mayEnter(folder: Permissions, account: Account): boolean {
  if (folder.uid === account.uid) return (folder.mode & 0o100) !== 0;
  if (folder.gid === account.gid) return (folder.mode & 0o010) !== 0;
  return (folder.mode & 0o001) !== 0;
}

/** The uppermost folder on the way to `path` that the account may not enter; undefined when it can get there. */
export async function closedFolder(path: string, account: Account): Promise<string | undefined> {
  const folders: string[] = [];
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  for (const folder of folders) {
    const permissions = await stat(folder).catch(() => undefined);
    // A folder that is not there yet will be made by us, open to be entered.
    if (permissions === undefined) return undefined;
    if (!mayEnter(permissions, account)) return folder;
  }
  return undefined;
}
