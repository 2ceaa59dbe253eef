import { KeelsonError } from '../../core/errors.js';

export interface AttemptLimits {
  /** Failures that are forgiven at once. */
  readonly burst: number;
  /** Time after which one failure is forgotten, in ms. */
  readonly forgetMs: number;
  /** Addresses remembered at most. */
  readonly remembered: number;
}

export const ATTEMPT_LIMITS: AttemptLimits = { burst: 10, forgetMs: 6_000, remembered: 1_000 };

/**
 * Limits failed authentication by address. Only what has no key of ours is held to it: on one machine, and behind a proxy, everyone has
 * the same address, and neither a script with a stale key nor a stranger may lock out the person who wants to halt trading. Nothing is
 * to be had by guessing keys of 256 bits.
 */
export class FailedAttempts {
  readonly #failures = new Map<string, { count: number; since: number }>();
  readonly #now: () => number;
  readonly #limits: AttemptLimits;

  constructor(now: () => number, limits: AttemptLimits = ATTEMPT_LIMITS) {
    this.#now = now;
    this.#limits = limits;
  }

  /** A key that is nobody's came from an address. @throws KeelsonError AUTH_RATE_LIMITED when too many did lately, AUTH_INVALID else */
  refuse(address: string): never {
    const left = this.#left(address);
    if (left >= this.#limits.burst) {
      throw new KeelsonError('AUTH_RATE_LIMITED', {
        retryAfterSeconds: Math.ceil(((left - this.#limits.burst + 1) * this.#limits.forgetMs) / 1_000),
      });
    }
    this.#failures.delete(address);
    this.#failures.set(address, { count: left + 1, since: this.#now() });
    trim(this.#failures, this.#limits.remembered);
    throw new KeelsonError('AUTH_INVALID');
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
