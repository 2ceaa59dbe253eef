import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { accountSuffix } from '../../config/environment.js';
import type { HomePaths } from './paths.js';
import { readRunFile } from './run-file.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment that the workers of a home have, as far as it can be read from the home itself: for who has to act when
 * neither launcher nor API answers. What the given environment says goes before it.
 */
export function surroundings(paths: HomePaths, env: Environment): Environment {
  const run = readRunFile(paths.runFile);
  const venue = run?.addresses.venue;
  const database = env['DATABASE_URL'] || env['DATABASE_URL_FILE'] ? undefined : embeddedDatabase(paths);
  return {
    ...paperKeys(paths),
    ...(venue === undefined
      ? {}
      : { KEELSON_PAPER_REST: venue.rest, KEELSON_PAPER_STREAM: venue.stream, KEELSON_PAPER_WSAPI: venue.wsApi }),
    ...(database === undefined ? {} : { DATABASE_URL: database }),
    ...(run !== undefined && exists(paths.effectiveConfig) ? { KEELSON_CONFIG: paths.effectiveConfig } : {}),
    ...Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== '')),
    KEELSON_HOME: paths.home,
  };
}

/** The address of the Postgres that runs from the home: its own files say where it listens. */
function embeddedDatabase({ postgres }: HomePaths): string | undefined {
  const password = read(join(postgres, 'password'))?.trim();
  const pointer = read(join(postgres, 'data-is-elsewhere.json'));
  const dataDir = pointer === undefined ? join(postgres, 'data') : (JSON.parse(pointer) as { dataDir: string }).dataDir;
  const port = read(join(dataDir, 'postmaster.pid'))?.split('\n')[3]?.trim();
  if (password === undefined || port === undefined || !/^\d+$/.test(port)) return undefined;
  return `postgres://keelson:${password}@127.0.0.1:${port}/keelson`;
}

function paperKeys({ venueKeys }: HomePaths): Environment {
  const text = read(venueKeys);
  const keys = text === undefined ? {} : (JSON.parse(text) as Record<string, { apiKey: string; apiSecret: string }>);
  return Object.fromEntries(
    Object.entries(keys).flatMap(([account, { apiKey, apiSecret }]) => [
      [`EXCHANGE_API_KEY_${accountSuffix(account)}`, apiKey],
      [`EXCHANGE_API_SECRET_${accountSuffix(account)}`, apiSecret],
    ]),
  );
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const exists = (path: string): boolean => read(path) !== undefined;
