import { expect, it, test } from 'vitest';
import { NOT_OF_THE_GATE, RISK_CHECKS } from './checks.js';
import { notEnforced } from './enforcement.js';

/** Of each kind of installation, as people read it; written out by hand, so that nothing leaves the list unseen. */
const KEYS =
  'keys that may withdraw are refused at start-up only where the venue tells what a key may do (kraken: by its documentation, not tried there)';
const WEIGHT = 'share of the request weight that trading may use, where the venue does not tell its use (kraken)';
const ROOM = 'room for one more stop, where the venue does not tell how many orders may rest in an instrument (kraken)';
const CALENDAR = 'economic calendar: none is configured, and no entry is denied because of an event';
const IDENTITY =
  'a restored or promoted database is recognised: this server does not tell its system identifier or timeline to this user (grant execute on pg_control_system, pg_current_wal_lsn and pg_walfile_name)';

test.each([
  [{ hasCalendar: true, tellsIdentity: true }, [KEYS, WEIGHT, ROOM]],
  [{ hasCalendar: false, tellsIdentity: true }, [KEYS, WEIGHT, ROOM, CALENDAR]],
  [{ hasCalendar: true, tellsIdentity: false }, [KEYS, WEIGHT, ROOM, IDENTITY]],
  [{ hasCalendar: false, tellsIdentity: false }, [KEYS, WEIGHT, ROOM, CALENDAR, IDENTITY]],
])('of an installation with %j exactly this is not enforced', (of, listed) => {
  expect(notEnforced(of)).toEqual(listed);
});

/** Which checks each sentence is of, and what has to be there for them to be asked. */
const CHECKS_OF: Readonly<Record<string, { readonly codes: readonly string[]; readonly where: string | undefined }>> = {
  [KEYS]: { codes: ['RISK_KEY_WITHDRAWS'], where: undefined },
  [WEIGHT]: { codes: ['RISK_VENUE_WEIGHT'], where: 'Where it tells that.' },
  [ROOM]: { codes: ['RISK_STOPS_FULL'], where: 'Where it tells that.' },
  [CALENDAR]: { codes: ['RISK_CALENDAR_EVENT', 'RISK_CALENDAR_STALE'], where: 'Where one is configured.' },
  [IDENTITY]: { codes: [], where: undefined },
};

it('what is listed is no check of the gate, but where that says itself what it takes its input from', () => {
  const inTable = (codes: readonly string[]) => RISK_CHECKS.filter(({ code }) => codes.includes(code));
  for (const listed of notEnforced({ hasCalendar: false, tellsIdentity: false })) {
    const { codes, where } = CHECKS_OF[listed] ?? { codes: undefined, where: undefined };
    // A sentence that is new has to say here of which checks it is.
    expect([listed, codes]).toEqual([listed, expect.any(Array)]);
    const checks = inTable(codes ?? []);
    expect(checks.map(({ code }) => code)).toEqual(where === undefined ? [] : codes);
    if (where === undefined) for (const code of codes ?? []) expect(NOT_OF_THE_GATE).toContain(code);
    for (const { code, when } of checks) expect([code, when.endsWith(where ?? '')]).toEqual([code, true]);
  }
});

it('a check that is asked only somewhere is listed where it is not asked', () => {
  const somewhere = RISK_CHECKS.filter(({ when }) => / Where [^.]*\.$/.test(when)).map(({ code }) => code as string);
  const listed = Object.values(CHECKS_OF).flatMap(({ codes, where }) => (where === undefined ? [] : codes));
  expect(somewhere.toSorted()).toEqual(listed.toSorted());
});
