/**
 * What the design promises and this build does not enforce yet. Shown in `keelson status`, so that nobody relies on a
 * check that has no real input.
 */
const NOT_ENFORCED: readonly string[] = [
  'runbook of a disconnected venue (the account watch pauses the account: entries stop, what is held keeps its stops)',
  'share of the request weight that trading may use, where the venue does not tell its use (kraken)',
];
const NO_CALENDAR = 'economic calendar: none is configured, and no entry is denied because of an event';

/** The same of an installation. */
export function notEnforced({ hasCalendar }: { readonly hasCalendar: boolean }): readonly string[] {
  return hasCalendar ? NOT_ENFORCED : [...NOT_ENFORCED, NO_CALENDAR];
}
