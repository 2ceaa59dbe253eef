import { KeelsonError } from '../../core/errors.js';

export interface AttemptLimits {
  /** Failures that are forgiven at once. */
  readonly burst: number;
  /** Time after which one failure is forgotten, in ms. */
  readonly forgetMs: number;
  /** How long a key that was accepted is let past the limit, in ms. */
  readonly trustMs: number;
  /** Addresses and keys remembered at most. */
  readonly remembered: number;
}

export const ATTEMPT_LIMITS: AttemptLimits = { burst: 10, forgetMs: 6_000, trustMs: 600_000, remembered: 1_000 };

/**
 * Limits failed authentication by address. A key that was accepted a while ago is asked for all the same: on one machine
 * everyone has the same address, and a script with a stale key must not lock out the person who wants to pause trading.
 */
export class FailedAttempts {
  readonly #failures = new Map<string, { count: number; since: number }>();
  readonly #accepted = new Map<string, number>();
  readonly #now: () => number;
  readonly #limits: AttemptLimits;

  constructor(now: () => number, limits: AttemptLimits = ATTEMPT_LIMITS) {
    this.#now = now;
    this.#limits = limits;
  }

  /** @throws KeelsonError AUTH_RATE_LIMITED when the address has failed too often and the key is not one accepted lately. */
  assertAllowed(address: string, keyHash: string): void {
    const until = this.#accepted.get(keyHash);
    if (until !== undefined && until > this.#now()) return;
    const left = this.#left(address);
    if (left < this.#limits.burst) return;
    throw new KeelsonError('AUTH_RATE_LIMITED', {
      retryAfterSeconds: Math.ceil(((left - this.#limits.burst + 1) * this.#limits.forgetMs) / 1_000),
    });
  }

  failed(address: string): void {
    const count = Math.min(this.#left(address) + 1, this.#limits.burst);
    this.#failures.delete(address);
    this.#failures.set(address, { count, since: this.#now() });
    trim(this.#failures, this.#limits.remembered);
  }

  accepted(keyHash: string): void {
    this.#accepted.delete(keyHash);
    this.#accepted.set(keyHash, this.#now() + this.#limits.trustMs);
    trim(this.#accepted, this.#limits.remembered);
  }

  /** Failures not yet forgotten. */
  #left(address: string): number {
    const entry = this.#failures.get(address);
    if (entry === undefined) return 0;
    return Math.max(0, entry.count - Math.floor((this.#now() - entry.since) / this.#limits.forgetMs));
  }
}

/** Drops the entries written longest ago: a map keeps the order of insertion. */
function trim(map: Map<string, unknown>, size: number): void {
  for (const key of map.keys()) {
    if (map.size <= size) return;
    map.delete(key);
  }
}
