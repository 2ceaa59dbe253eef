import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import type { Account, Accounts, Permission } from '../accounts/accounts.js';
import { VenueError } from '../matching/venue-error.js';
import { missing, type Params } from './params.js';

const DEFAULT_WINDOW_MS = 5000;
const LARGEST_WINDOW_MS = 60_000;
/** A client's clock may be ahead by less than this. */
const AHEAD_MS = 1000;

/** The account of an API key. @throws VenueError −2014, −2015. */
export function accountOfKey(accounts: Accounts, key: string | undefined, permission: Permission | undefined): Account {
  if (key === undefined || key === '' || key.length > 200) throw new VenueError(-2014, 'API-key format invalid.', 401);
  const account = accounts.byKey(key);
  if (account === undefined || (permission !== undefined && !account.permissions.includes(permission))) {
    throw new VenueError(-2015, 'Invalid API-key, IP, or permissions for action.', 401);
  }
  return account;
}

/**
 * An account signs by its secret (HMAC-SHA256, hexadecimal), or, where the venue has its public key in PEM instead, by
 * the private key to it (Ed25519 or RSA, base64). @throws VenueError −1022 when the signature is not that of what was sent.
 */
export function checkSignature(secret: string, payload: string, signature: string | undefined): void {
  if (signature === undefined) throw missing('signature');
  if (secret.startsWith('-----BEGIN PUBLIC KEY-----')) {
    checkKeySignature(secret, payload, signature);
    return;
  }
  const expected = createHmac('sha256', secret).update(payload).digest();
  const given = Buffer.from(signature, 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new VenueError(-1022, 'Signature for this request is not valid.');
  }
}

function checkKeySignature(publicKey: string, payload: string, signature: string): void {
  const key = createPublicKey(publicKey);
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  if (!verify(algorithm, Buffer.from(payload), key, Buffer.from(signature, 'base64'))) {
    throw new VenueError(-1022, 'Signature for this request is not valid.');
  }
}

export interface Admission {
  readonly timestamp: number;
  readonly recvWindow: number;
}

/** Holds the call's own time to the venue's clock. @throws VenueError −1021 outside its window. */
export function checkTime(params: Params, now: number): Admission {
  const timestamp = params.integer('timestamp');
  if (timestamp === undefined) throw missing('timestamp');
  const window = windowOf(params);
  if (timestamp >= now + AHEAD_MS) {
    throw new VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.");
  }
  if (now - timestamp > window) throw new VenueError(-1021, 'Timestamp for this request is outside of the recvWindow.');
  return { timestamp, recvWindow: window };
}

function windowOf(params: Params): number {
  const text = params.optional('recvWindow');
  if (text === undefined) return DEFAULT_WINDOW_MS;
  // Fractions of a millisecond are allowed.
  if (!/^\d{1,8}(?:\.\d{1,3})?$/.test(text)) throw new VenueError(-1100, "Illegal characters found in parameter 'recvWindow'.");
  if (Number(text) > LARGEST_WINDOW_MS) throw new VenueError(-1131, 'recvWindow must be less than 60000.');
  return Number(text);
}

/** What was signed: everything but the signature itself. */
export function withoutSignature(text: string): string {
  return text.replace(/(^|&)signature=[^&]*/, '');
}
