import { VenueError } from '../matching/venue-error.js';

/** Per address and minute; per account and ten seconds or day. Wide, because the venue is for tests, but enforced. */
export const WEIGHT_PER_MINUTE = 600_000;
export const ORDERS_PER_10_SECONDS = 100_000;
export const ORDERS_PER_DAY = 100_000_000;

/** As `exchangeInfo` lists them. */
export const RATE_LIMITS = [
  { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: WEIGHT_PER_MINUTE },
  { rateLimitType: 'ORDERS', interval: 'SECOND', intervalNum: 10, limit: ORDERS_PER_10_SECONDS },
  { rateLimitType: 'ORDERS', interval: 'DAY', intervalNum: 1, limit: ORDERS_PER_DAY },
] as const;

interface Window {
  begin: number;
  used: number;
}

/** Counts request weight by address and orders by account, in fixed windows. */
export class Weights {
  readonly #requests = new Map<string, Window>();
  readonly #orders = new Map<string, Window>();

  /** Adds a call's weight and returns what the minute has used. @throws VenueError −1003 with Retry-After. */
  addRequest(address: string, weight: number, now: number): number {
    const used = count(this.#requests, address, weight, 60_000, now);
    if (used > WEIGHT_PER_MINUTE) {
      const seconds = Math.ceil((60_000 - (now % 60_000)) / 1000);
      throw new VenueError(-1003, 'Too much request weight used; please use WebSocket Streams for live updates.', 429, {
        'retry-after': String(seconds),
      });
    }
    return used;
  }

  /** @throws VenueError −1015 */
  addOrder(account: string, now: number): number {
    const used = count(this.#orders, account, 1, 10_000, now);
    if (used > ORDERS_PER_10_SECONDS) throw new VenueError(-1015, 'Too many new orders.', 429, { 'retry-after': '10' });
    return used;
  }
}

function count(windows: Map<string, Window>, key: string, amount: number, lengthMs: number, now: number): number {
  const begin = now - (now % lengthMs);
  let window = windows.get(key);
  if (window === undefined || window.begin !== begin) {
    // An address that has stopped calling is forgotten with the next sweep.
    if (windows.size > 1000) for (const [old, { begin: then }] of windows) if (then !== begin) windows.delete(old);
    window = { begin, used: 0 };
    windows.set(key, window);
  }
  window.used += amount;
  return window.used;
}
