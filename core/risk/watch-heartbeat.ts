import { failure, type Failure } from '../errors.js';
import { PROTOCOL } from './limits.js';
import type { RiskView } from './view.js';

const FROM_THE_BEGINNING = 'from the beginning';
/** So far clocks that go right may differ. What is told of a later time is of a clock that was set. */
export const CLOCK_AHEAD_MS = 2_000;

/**
 * What speaks against an entry where the account watch is silent, does not know what the account is worth, or nobody has found out for
 * long whether ledger and venue agree (P26; design, 4.1). All times and the view's own are of the database's clock, so a time to come is a clock that was set: not fresh.
 */
export function watchFailures({ account, watch, databaseTime }: RiskView): Failure[] {
  if (watch === undefined) return [failure('RISK_WATCH_SILENT', { account, since: FROM_THE_BEGINNING })];
  const ageMs = databaseTime - watch.sampledTime;
  if (!isFresh(ageMs)) return [failure('RISK_WATCH_SILENT', { account, since: `for ${ageMs} ms` })];
  const equityMs = watch.equityTime === undefined ? undefined : databaseTime - watch.equityTime;
  const isEquityKnown = equityMs !== undefined && isFresh(equityMs);
  const comparedMs = databaseTime - watch.comparedTime;
  return [
    ...(isEquityKnown
      ? []
      : [failure('RISK_EQUITY_UNKNOWN', { account, since: equityMs === undefined ? FROM_THE_BEGINNING : `for ${equityMs} ms` })]),
    // One of a time to come is of a clock that was set back: it tells nothing of now either.
    ...(isFresh(comparedMs, PROTOCOL.notComparedMs) ? [] : [failure('RISK_NOT_COMPARED', { account, comparedMs })]),
  ];
}

/** A held view's clock runs on by our own, and may be a little behind a sample that was just told. */
export function isFresh(ageMs: number, limitMs: number = PROTOCOL.watchSilentMs): boolean {
  return ageMs >= -CLOCK_AHEAD_MS && ageMs <= limitMs;
}
