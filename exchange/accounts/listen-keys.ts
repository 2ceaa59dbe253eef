import { randomBytes } from 'node:crypto';

const LIFETIME_MS = 3_600_000;

/** The older way to read an account's events: a secret name of a stream, kept alive by its owner. */
export class ListenKeys {
  readonly #keys = new Map<string, { readonly account: string; expires: number }>();

  /** A key that still lives is given again. */
  open(account: string, now: number): string {
    for (const [key, entry] of this.#keys) {
      if (entry.expires < now) this.#keys.delete(key);
      else if (entry.account === account) {
        entry.expires = now + LIFETIME_MS;
        return key;
      }
    }
    const key = randomBytes(32).toString('hex');
    this.#keys.set(key, { account, expires: now + LIFETIME_MS });
    return key;
  }

  /** False: no such key of this account. */
  extend(account: string, key: string, now: number): boolean {
    const entry = this.#keys.get(key);
    if (entry?.account !== account) return false;
    entry.expires = now + LIFETIME_MS;
    return true;
  }

  close(account: string, key: string): boolean {
    return this.#keys.get(key)?.account === account && this.#keys.delete(key);
  }

  accountOf(key: string, now: number): string | undefined {
    const entry = this.#keys.get(key);
    return entry !== undefined && entry.expires >= now ? entry.account : undefined;
  }
}
