import { calendarFailures, clearUntil } from '../calendar/calendar.js';
import { failure, type Failure } from '../errors.js';
import { midOf } from '../ledger/mid.js';
import type { TradeSignal } from '../signal/signal.js';
import { isWithinShare, TRADING_SHARE_PERCENT } from '../venue/weight.js';
import { isFresh } from './draft.js';
import { PROTOCOL } from './limits.js';
import { closingTime, isWithinHours } from './trading-hours.js';
import type { LiveView, RiskView } from './view.js';
import { watchFailures } from './watch-heartbeat.js';

/** What an entry needs to be known or to be so. A missing input is a failure of its own: entries fail closed (design, 4.1). */
export function entryInputFailures(signal: TradeSignal, ledger: RiskView, live: LiveView): Failure[] {
  return [
    ...boundFailures(ledger),
    ...featureFailures(signal),
    ...priceFailures(signal, ledger, live),
    ...clockFailures(ledger, live),
    ...weightFailures(ledger, live),
    ...watchFailures(ledger),
    ...contactFailures(ledger, live),
    ...calendarFailures(ledger.calendar, signal.instrument, ledger.databaseTime),
    ...blockFailures(signal, ledger),
  ];
}

/** Nothing that is authorised is sent later than that. */
const LONGEST_AUTHORISED_MS = 60_000;

/**
 * The last moment, epoch ms by the database's clock, at which trading hours and calendar still let leave what they let pass now; null: none
 * that is near enough to matter.
 */
export function entryEnd(ledger: RiskView, instrument: string): number | null {
  const { calendar, databaseTime } = ledger;
  const end = Math.min(clearUntil(calendar, instrument, databaseTime), openUntil(ledger, LONGEST_AUTHORISED_MS));
  return Number.isFinite(end) ? end : null;
}

/**
 * Until when an entry may rest that is to rest until `workingUntil`, in the venue's time: not after the trading hours, in which it might be filled.
 * What the calendar blocks meanwhile is withdrawn when that comes, also what nobody knows of yet.
 */
export function restingEnd(workingUntil: number | null, ledger: RiskView, { now }: LiveView): number | null {
  if (workingUntil === null) return null;
  return Math.min(workingUntil, now + openUntil(ledger, workingUntil - now) - ledger.databaseTime);
}

/** The last millisecond in which trading hours are open, where that is so near: in the one in which they close they are closed. */
function openUntil({ limits, databaseTime }: RiskView, withinMs: number): number {
  return (closingTime(limits.tradingHours, databaseTime, withinMs) ?? Number.POSITIVE_INFINITY) - 1;
}

function boundFailures({ account, missingLimits, limits, databaseTime }: RiskView): Failure[] {
  const failures: Failure[] = [];
  if (missingLimits.length > 0) failures.push(failure('RISK_LIMITS_MISSING', { account, limits: missingLimits.join(', ') }));
  if (!isWithinHours(limits.tradingHours, databaseTime)) {
    const now = new Date(databaseTime).toISOString();
    failures.push(failure('RISK_TRADING_HOURS', { hours: limits.tradingHours.join(' and '), now }));
  }
  return failures;
}

/** What the model was given must be whole: a feature that could not be computed arrives as something that is no number. */
function featureFailures({ strategy, features, modelHash, score }: TradeSignal): Failure[] {
  const wrong = features.findIndex((value) => !Number.isFinite(value));
  const isScored = modelHash !== undefined;
  if (wrong < 0 && !(isScored && (features.length === 0 || !Number.isFinite(score)))) return [];
  const what = wrong >= 0 ? `feature ${wrong + 1} of ${features.length} is no number` : 'the model had no features, or gave no score';
  return [failure('RISK_FEATURES_INCOMPLETE', { strategy, what })];
}

function priceFailures({ instrument }: TradeSignal, ledger: RiskView, live: LiveView): Failure[] {
  const failures: Failure[] = [];
  if (live.price === undefined) failures.push(failure('RISK_PRICE_MISSING', { instrument }));
  else if (!isFresh(live.price, ledger)) {
    failures.push(failure('RISK_PRICE_STALE', { instrument, ageMs: live.price.ageMs, limitMs: ledger.limits.priceMaxAgeMs }));
  }
  const lateLimitMs = Math.min(PROTOCOL.dataLateMs, ledger.limits.priceMaxAgeMs);
  if (live.price?.lateMs !== undefined && live.price.lateMs > lateLimitMs) {
    failures.push(failure('DATA_STALE', { instrument, lateMs: live.price.lateMs, limitMs: lateLimitMs }));
  }
  if (live.book !== undefined && isCrossed(live.book)) {
    failures.push(failure('DATA_CROSSED_BOOK', { instrument, bid: live.book.bid, ask: live.book.ask }));
  }
  if (live.streamGap !== undefined) failures.push(failure('RISK_STREAM_DOWN', { instrument, reason: live.streamGap }));
  return failures;
}

function isCrossed(book: NonNullable<LiveView['book']>): boolean {
  const mid = midOf(book);
  return 'missing' in mid && mid.missing === 'crossedBook';
}

function clockFailures({ venue, limits }: RiskView, { clockSkewMs: skewMs }: LiveView): Failure[] {
  if (skewMs === undefined) return [failure('RISK_CLOCK_UNKNOWN', { venue })];
  if (Math.abs(skewMs) <= limits.clockSkewMs) return [];
  return [failure('RISK_CLOCK_SKEW', { venue, skewMs, limitMs: limits.clockSkewMs })];
}

/** What is left of the venue's patience is not trading's alone: guardian and kill must still be able to ask. */
function weightFailures({ venue }: RiskView, { venueWeight = { kind: 'unknown' } }: LiveView): Failure[] {
  if (venueWeight.kind === 'closed') return [failure('RISK_VENUE_CLOSED', { venue, forMs: venueWeight.forMs })];
  if (venueWeight.kind === 'unknown') return [failure('RISK_VENUE_WEIGHT_UNKNOWN', { venue })];
  if (venueWeight.kind === 'untold' || isWithinShare(venueWeight)) return [];
  const { used, limit } = venueWeight;
  return [failure('RISK_VENUE_WEIGHT', { venue, used, limit, share: TRADING_SHARE_PERCENT })];
}

/** Who had lost the ledger does not know what was missed: first venue and ledger are compared. */
function contactFailures({ account }: RiskView, { ledgerDoubt }: LiveView): Failure[] {
  return ledgerDoubt === undefined ? [] : [failure('RISK_LEDGER_LOST', { account, what: ledgerDoubt })];
}

function blockFailures({ instrument }: TradeSignal, ledger: RiskView): Failure[] {
  const failures: Failure[] = [];
  if (ledger.blocked !== undefined) failures.push(failure('RISK_INSTRUMENT_BLOCKED', { instrument, reason: ledger.blocked }));
  // P11: while an order of the instrument is unknown, nothing is added to what may already be there.
  const unknown = ledger.workingOrders.find((one) => one.instrument === instrument && one.status === 'unknown');
  if (unknown !== undefined) {
    const reason = `whether order ${unknown.intentId} was placed is not known yet`;
    failures.push(failure('RISK_INSTRUMENT_BLOCKED', { instrument, reason }));
  }
  return failures;
}
