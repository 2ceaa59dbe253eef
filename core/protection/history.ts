import type { OrderStatus } from '../order/lifecycle.js';
import type { StoredOrder } from '../order/stored-order.js';
import { PROTOCOL } from '../risk/limits.js';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const STUCK_PAUSE_MS = 5_000;
/** More stops than this in ten seconds, and something takes them away: no storm of orders is answered with another. */
const MOST_IN_TEN_SECONDS = 8;

const FAILED: ReadonlySet<OrderStatus> = new Set<OrderStatus>(['rejected', 'notPlaced', 'expired']);

/**
 * Escapes that have reached the venue since the newest stop and did not sell all of theirs. `recent`: stops and escapes, newest first.
 * @param countsSold those that did count as well, as builds up to 0.3 had it
 */
export function escapesSinceStop(recent: readonly StoredOrder[], countsSold: boolean): number {
  const stop = recent.findIndex((order) => order.purpose === 'stop');
  const escapes = (stop < 0 ? recent : recent.slice(0, stop)).filter((order) => order.purpose === 'escape' && order.venueOrderId !== null);
  return countsSold ? escapes.length : escapes.filter(({ status }) => status !== 'filled').length;
}

/**
 * Whether the rest of the position has to leave now: its newest stop has woken and did not sell all, or the venue refused it
 * because its price was reached already. Until the position is gone or a new stop was placed, that stays so.
 */
export function isEscaping(recent: readonly StoredOrder[]): boolean {
  const stop = recent.find((order) => order.purpose === 'stop');
  if (stop === undefined || !stop.isFinal) return false;
  return (stop.triggeredTime !== null && stop.status !== 'filled') || wasRefusedAsReached(stop);
}

/** The collar of the next escape: the account's own, doubled with each try, up to what exits may have. */
export function escapeCollarBps(collarBps: number, tries: number): number {
  return Math.min(collarBps * 2 ** Math.min(tries, 10), PROTOCOL.exitCollarMaxBps);
}

/** How older builds reckoned: `countsSold` those up to 0.3 (`escapesSinceStop`), `areAgesSigned` those up to 0.5. */
export interface OlderReckoning {
  readonly countsSold?: boolean;
  /** What is dated after `now` is yet to come, and is waited for. */
  readonly areAgesSigned?: boolean;
}

/**
 * How long to wait before the venue is asked once more, after refusals and after escapes at the widest collar. By a clock that was set back
 * since, it was that long ago at least: nobody waits until that clock has come there again.
 */
export function pauseAfterRefusalsMs(
  recent: readonly StoredOrder[],
  now: number,
  { countsSold = false, areAgesSigned = false }: OlderReckoning = {},
): number {
  const newest = recent[0];
  if (newest === undefined) return 0;
  const ageMs = (time: number): number => (areAgesSigned ? now - time : Math.abs(now - time));
  const since = ageMs(newest.updatedTime);
  if (newest.purpose === 'escape') return escapesSinceStop(recent, countsSold) > 4 ? Math.max(0, STUCK_PAUSE_MS - since) : 0;
  if (wasRefusedAsReached(newest)) return 0;
  const refusals = leading(recent, (order) => order.status === 'rejected' || (order.status === 'expired' && order.venueOrderId !== null));
  if (refusals > 0) return Math.max(0, Math.min(FIRST_PAUSE_MS * 2 ** (refusals - 1), LONGEST_PAUSE_MS) - since);
  const many = recent.filter((order) => ageMs(order.createdTime) < 10_000).length;
  return many > MOST_IN_TEN_SECONDS ? Math.max(0, FIRST_PAUSE_MS - since) : 0;
}

/** Before what leaves at once is offered again, after so many refusals in a row: the first may be of its moment alone. */
export function pauseBeforeNextOfferMs(refusals: number): number {
  return Math.min(250 * 2 ** (refusals - 1), 2_000);
}

/** How many stops in a row, newest first, never came to rest: refused, lost on the way, or sent too late. */
export function failedInARow(recent: readonly StoredOrder[]): number {
  return leading(recent, (order) => order.purpose === 'stop' && FAILED.has(order.status) && order.executedQuantity === '0');
}

/** So many stops a look at a position reads. */
const STOPS_READ = 12;

/**
 * With which stop the row of those began that never came to rest: people are told once of a row, however long it lasts. Null where it is longer
 * than what is read, which is told once more.
 */
export function rowOfFailedBegan(recent: readonly StoredOrder[]): string | null {
  const count = failedInARow(recent);
  return count < STOPS_READ ? (recent[count - 1]?.intentId ?? null) : null;
}

function wasRefusedAsReached(stop: StoredOrder): boolean {
  return stop.status === 'rejected' && stop.failures.some((one) => one.values['reason'] === 'stopWouldTrigger');
}

function leading(recent: readonly StoredOrder[], holds: (order: StoredOrder) => boolean): number {
  const other = recent.findIndex((order) => !holds(order));
  return other < 0 ? recent.length : other;
}
