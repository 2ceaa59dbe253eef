import { VenueError } from '../matching/venue-error.js';

/** Limits that are enforced and that `exchangeInfo` lists. */
export interface RateLimits {
  /** Request weight by address and minute. */
  readonly weightPerMinute: number;
  /** New orders by account and ten seconds. */
  readonly ordersPer10Seconds: number;
}

/** An address that goes on calling after this many refusals in a minute is banned. */
const REFUSALS_BEFORE_BAN = 20;
const BAN_MS = 120_000;
const MOST_WINDOWS = 1000;

interface Window {
  begin: number;
  used: number;
  refusals: number;
}

/** As `exchangeInfo` lists them. */
export function rateLimitsJson(limits: RateLimits): Record<string, unknown>[] {
  return [
    { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: limits.weightPerMinute },
    { rateLimitType: 'ORDERS', interval: 'SECOND', intervalNum: 10, limit: limits.ordersPer10Seconds },
  ];
}

/** Counts request weight by address and orders by account, in fixed windows of the venue's clock. */
export class Weights {
  readonly #limits: RateLimits;
  readonly #requests = new Map<string, Window>();
  readonly #orders = new Map<string, Window>();
  readonly #bannedUntil = new Map<string, number>();

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /** What an address has used of its minute, as replies of the WebSocket API tell it. */
  usageJson(address: string, now: number): Record<string, unknown>[] {
    const [weight] = rateLimitsJson(this.#limits);
    return [{ ...weight, count: windowOf(this.#requests, address, 60_000, now).used }];
  }

  /** Adds a call's weight and returns what the minute has used. @throws VenueError −1003: 429 with Retry-After, then 418. */
  addRequest(address: string, weight: number, now: number): number {
    const banned = this.#bannedUntil.get(address);
    if (banned !== undefined && banned > now) throw ban(banned, now);
    this.#bannedUntil.delete(address);
    const window = windowOf(this.#requests, address, 60_000, now);
    window.used += weight;
    if (window.used <= this.#limits.weightPerMinute) return window.used;
    window.refusals += 1;
    if (window.refusals > REFUSALS_BEFORE_BAN) {
      this.#bannedUntil.set(address, now + BAN_MS);
      throw ban(now + BAN_MS, now);
    }
    const text = `Too much request weight used; current limit is ${this.#limits.weightPerMinute} request weight per 1 MINUTE.`;
    throw new VenueError(-1003, text, 429, { 'retry-after': String(Math.ceil((60_000 - (now % 60_000)) / 1000)) });
  }

  /** Counts a new order and returns what the ten seconds have had. @throws VenueError −1015 */
  addOrder(account: string, now: number): number {
    const window = windowOf(this.#orders, account, 10_000, now);
    window.used += 1;
    if (window.used <= this.#limits.ordersPer10Seconds) return window.used;
    const text = `Too many new orders; current limit is ${this.#limits.ordersPer10Seconds} orders per 10 SECOND.`;
    throw new VenueError(-1015, text, 429, { 'retry-after': String(Math.ceil((10_000 - (now % 10_000)) / 1000)) });
  }
}

function ban(until: number, now: number): VenueError {
  const text = `Way too much request weight used; IP banned until ${until}. Please use WebSocket Streams for live updates to avoid bans.`;
  return new VenueError(-1003, text, 418, { 'retry-after': String(Math.ceil((until - now) / 1000)) });
}

function windowOf(windows: Map<string, Window>, key: string, lengthMs: number, now: number): Window {
  const begin = now - (now % lengthMs);
  const known = windows.get(key);
  if (known?.begin === begin) return known;
  // Who has stopped calling is forgotten, so that the map stays small.
  if (windows.size > MOST_WINDOWS) for (const [old, { begin: then }] of windows) if (then !== begin) windows.delete(old);
  const window = { begin, used: 0, refusals: 0 };
  windows.set(key, window);
  return window;
}
