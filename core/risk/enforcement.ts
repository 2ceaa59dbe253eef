/**
 * What the design promises and this build does not enforce yet. Shown in `keelson status`, so that nobody relies on a
 * check that has no real input.
 */
const NOT_ENFORCED: readonly string[] = [
  'keys that may withdraw are refused at start-up only where the venue tells what a key may do (kraken: by its documentation, not tried there)',
  'share of the request weight that trading may use, where the venue does not tell its use (kraken)',
  'room for one more stop, where the venue does not tell how many orders may rest in an instrument (kraken)',
];
const NO_CALENDAR = 'economic calendar: none is configured, and no entry is denied because of an event';
const NO_IDENTITY =
  'a restored or promoted database is recognised: this server does not tell its system identifier or timeline to this user (grant execute on pg_control_system, pg_current_wal_lsn and pg_walfile_name)';

/** The same of an installation. */
export function notEnforced(of: { readonly hasCalendar: boolean; readonly tellsIdentity: boolean }): readonly string[] {
  return [...NOT_ENFORCED, ...(of.hasCalendar ? [] : [NO_CALENDAR]), ...(of.tellsIdentity ? [] : [NO_IDENTITY])];
}
