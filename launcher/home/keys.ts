import { chmodSync, readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { writeWhole } from './write-file.js';

type RandomText = (bytes: number) => string;
const randomText: RandomText = (bytes) => randomBytes(bytes).toString('base64url');

function existing(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    // A copied home may have lost the mode; the content is a secret either way.
    chmodSync(path, 0o600);
    return text === '' ? undefined : text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A person's API key, plain, in a file of mode 600; made at the first start. 256 bits. */
export function personKey(path: string, random: RandomText = randomText): string {
  const found = existing(path);
  if (found !== undefined) return found;
  const key = `keelson_${random(32)}`;
  writeWhole(path, `${key}\n`);
  return key;
}

export interface VenueKeys {
  readonly apiKey: string;
  readonly apiSecret: string;
}

/**
 * A key pair for each account at the paper venue, in one file of mode 600; those that are missing are made. They open
 * nothing but this paper venue.
 */
export function paperKeys(path: string, accounts: readonly string[], random: RandomText = randomText): Readonly<Record<string, VenueKeys>> {
  const found = existing(path);
  const known: unknown = found === undefined ? {} : JSON.parse(found);
  const all = Object.fromEntries(typeof known === 'object' && known !== null ? Object.entries(known).filter(isEntry) : []);
  const missing = accounts.filter((account) => all[account] === undefined);
  if (missing.length === 0) return all;
  for (const account of missing) all[account] = { apiKey: `paper_${random(24)}`, apiSecret: random(32) };
  writeWhole(path, `${JSON.stringify(all, undefined, 2)}\n`);
  return all;
}

const isEntry = (entry: [string, unknown]): entry is [string, VenueKeys] => {
  const [, value] = entry;
  return (
    typeof value === 'object' &&
    value !== null &&
    'apiKey' in value &&
    typeof value.apiKey === 'string' &&
    'apiSecret' in value &&
    typeof value.apiSecret === 'string'
  );
};
