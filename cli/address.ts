import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { failure } from '../core/errors.js';
import { homePaths, personKeyPath } from '../launcher/home/paths.js';
import { readRunFile } from '../launcher/home/run-file.js';
import { CommandFailure, EXIT } from './exit.js';
import type { Terminal } from './terminal.js';

/** Where the API is, and the key to call it with. */
export interface Access {
  readonly address: string;
  readonly key: string;
}

export function homeFolder({ env, root }: Pick<Terminal, 'env' | 'root'>): string {
  return resolve(env['KEELSON_HOME'] || join(root, '.keelson'));
}

/**
 * Address and key from KEELSON_HOME, or both from KEELSON_API_URL and KEELSON_API_KEY (or _FILE).
 * @throws CommandFailure 69 when nothing runs, 78 when a key is missing, readable by others, or would travel in the clear.
 */
export function findAccess(terminal: Pick<Terminal, 'env' | 'root'>, person?: string): Access {
  const { env } = terminal;
  const paths = homePaths(homeFolder(terminal));
  const address = env['KEELSON_API_URL'] || readRunFile(paths.runFile)?.addresses.api;
  if (!address)
    throw new CommandFailure(
      EXIT.unreachable,
      `Keelson does not run from ${paths.home}. Start it with \`npm start\`, or say with KEELSON_HOME where it runs.`,
    );
  assertPrivate(address);
  const where = keyOf(terminal, person);
  return { address, key: where.key ?? readKey(where.path, person) };
}

/** The key itself, or the file that has it: the owner's, or that of `person`, whom naming goes before everything that the environment says. */
export function keyOf(
  terminal: Pick<Terminal, 'env' | 'root'>,
  person?: string,
): { readonly key: string } | { readonly key?: undefined; readonly path: string } {
  const { env } = terminal;
  const paths = homePaths(homeFolder(terminal));
  if (person !== undefined) return { path: personKeyPath(paths, person) };
  const key = env['KEELSON_API_KEY'];
  return key ? { key } : { path: env['KEELSON_API_KEY_FILE'] || paths.ownerKey };
}

/** Of whom there are keys beside that one, where it was a name that was given. */
function othersBeside(path: string): string {
  try {
    return ` There are keys of ${['owner', ...readdirSync(dirname(path)).toSorted()].join(', ')}.`;
  } catch {
    return '';
  }
}

/** @throws CommandFailure 78 */
function readKey(path: string, person?: string): string {
  let mode: number;
  let key: string;
  try {
    mode = statSync(path).mode;
    key = readFileSync(path, 'utf8').trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new CommandFailure(
      EXIT.configuration,
      `The API key ${path} cannot be read (${code}). Give one with KEELSON_API_KEY or KEELSON_API_KEY_FILE.${person === undefined || person === 'owner' ? '' : othersBeside(path)}`,
    );
  }
  if ((mode & 0o077) !== 0) {
    const { code, message } = failure('CONFIG_SECRET_READABLE', { path, mode: (mode & 0o777).toString(8) });
    throw new CommandFailure(EXIT.configuration, message, { code });
  }
  return key;
}

/** A key goes over loopback or TLS only. */
function assertPrivate(address: string): void {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isLoopback = url !== undefined && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback)) return;
  throw new CommandFailure(
    EXIT.configuration,
    `The API address ${address} is neither https nor on this machine: the key would travel in the clear.`,
  );
}
