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

/** The owner's API key, plain, in a file of mode 600; made at the first start. 256 bits. */
export function ownerKey(path: string, random: RandomText = randomText): string {
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

/** The key pair for the paper venue, mode 600; made at the first start. It opens nothing but this paper venue. */
export function paperKeys(path: string, random: RandomText = randomText): VenueKeys {
  const found = existing(path);
  if (found !== undefined) {
    const value: unknown = JSON.parse(found);
    if (
      typeof value === 'object' &&
      value !== null &&
      'apiKey' in value &&
      typeof value.apiKey === 'string' &&
      'apiSecret' in value &&
      typeof value.apiSecret === 'string'
    ) {
      return { apiKey: value.apiKey, apiSecret: value.apiSecret };
    }
  }
  const keys = { apiKey: `paper_${random(24)}`, apiSecret: random(32) };
  writeWhole(path, `${JSON.stringify(keys)}\n`);
  return keys;
}
