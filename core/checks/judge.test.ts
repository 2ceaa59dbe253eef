import { describe, expect, it } from 'vitest';
import type { LimitRow } from '../risk/limit-rows.js';
import { LIMIT_KEYS, limitDefinition } from '../risk/limit-table.js';
import type { CalendarFacts, ChatFacts, CheckFacts } from './facts.js';
import {
  backupLines,
  calendarLines,
  pastAlertLines,
  checkCalendar,
  checkChat,
  checkDisk,
  checkKeys,
  checkSchedules,
  CHECKS,
  type CheckName,
} from './judge.js';

const REQUIRED = LIMIT_KEYS.filter((key) => limitDefinition(key).usual === 'required');
const ROWS: LimitRow[] = REQUIRED.map((key) => ({ scope: 'account', scopeValue: 'main', key, value: '1', version: 1 }));
const FINE: CheckFacts = {
  ...{ mode: 'normal', halt: null, blocked: [], disabled: [], alerts: [], pastAlerts: [], incidents: [], positions: 1, unprotected: [] },
  ...{ account: 'main', venue: 'paper', limitRows: ROWS },
  watch: { ageMs: 900, equityAgeMs: 1_000, conditions: [], venueMs: 500, clockSkewMs: 12 },
  ...{ cleanAgeMs: 60_000, differences: [], left: [] },
  ...{ overrides: 0, signals: { traded: 3, notTraded: 5, withoutOrder: [] }, unresolved: [], misbooked: [] },
};
const watch = (change: Partial<NonNullable<CheckFacts['watch']>>): Partial<CheckFacts> => ({
  watch: { ageMs: 900, equityAgeMs: 1_000, conditions: [], venueMs: 500, clockSkewMs: 12, ...change },
});

it.each(Object.keys(CHECKS) as CheckName[])('%s finds nothing where all is well', (name) => expect(CHECKS[name](FINE)).toEqual([]));

it.each<[CheckName, Partial<CheckFacts>, readonly string[]]>([
  ['mode', { mode: 'paused' }, ['the account is in mode paused']],
  ['mode', { halt: 'a halt (everything) stands over main' }, ['a halt (everything) stands over main']],
  ['mode', { blocked: ['BTC/USDT'], disabled: ['momentum'] }, ['blocked instruments: BTC/USDT', 'disabled strategies: momentum']],
  ['alerts', { alerts: [{ alertId: '7', kind: 'incident.oddFill' }] }, ['alerts that nobody has acknowledged: 7 (incident.oddFill)']],
  ['incidents', { incidents: [{ incidentId: '2', kind: 'oddFill' }] }, ['open incidents: 2 (oddFill)']],
  ['reconciliation', { cleanAgeMs: null }, ['no reconciliation has found the account clean yet']],
  ['reconciliation', { cleanAgeMs: 300_000 }, []],
  ['reconciliation', { cleanAgeMs: -2_000 }, []],
  ['reconciliation', { cleanAgeMs: -2_001 }, ['the last clean reconciliation is of a time to come: a clock was set back']],
  ['reconciliation', { cleanAgeMs: 300_001 }, ['the last clean reconciliation is 300 s old']],
  [
    'reconciliation',
    { differences: [{ differenceId: '4', class: 'orphanOrder' }] },
    ['differences that wait for a person: 4 (orphanOrder)'],
  ],
  ['venue', { watch: null }, ['the venue has never answered']],
  ['venue', watch({ venueMs: null }), ['the venue has never answered']],
  ['venue', watch({ venueMs: 120_000 }), []],
  ['venue', watch({ venueMs: 120_001 }), ['the venue has not answered for 120 s']],
  ['venue', watch({ clockSkewMs: -500 }), []],
  ['venue', watch({ clockSkewMs: -501 }), ['its clock and ours differ by -501 ms']],
  ['streams', { watch: null }, ['nobody has watched the account yet']],
  ['streams', watch({ ageMs: 5_000, equityAgeMs: 15_000 }), []],
  ['streams', watch({ ageMs: 5_001 }), ['the account watch is silent for 5 s']],
  ['streams', watch({ equityAgeMs: 15_001 }), ['the equity is not known']],
  ['streams', watch({ equityAgeMs: null }), ['the equity is not known']],
  ['streams', watch({ conditions: ['dailyLossWarn'] }), ['conditions of the account watch: dailyLossWarn']],
  ['stops', { unprotected: [{ strategy: 'momentum', instrument: 'BTC/USDT' }] }, ['positions without their stop: BTC/USDT of momentum']],
  ['limits', { limitRows: ROWS.slice(1) }, [`limits that are not set, so that entries are denied: ${REQUIRED[0]}`]],
  ['signals', { signals: { traded: 1, notTraded: 0, withoutOrder: ['s1'] } }, ['signals that count as traded and have no order: s1']],
  ['orders', { unresolved: [{ intentId: 'i1', status: 'unknown' }] }, ['orders whose fate is not known: i1 (unknown)']],
  ['fills', { misbooked: ['i1', 'i2'] }, ['orders whose fills are not what the venue executed: i1, i2']],
])('%s of %o', (name, change, found) => expect(CHECKS[name]({ ...FINE, ...change })).toEqual(found));

describe('the disk', () => {
  it.each([
    ['a small one needs 2 GB', { freeBytes: 2e9, wholeBytes: 20e9 }, 0],
    ['and no less', { freeBytes: 1.99e9, wholeBytes: 20e9 }, 1],
    ['a large one needs a twentieth', { freeBytes: 49e9, wholeBytes: 1e12 }, 1],
    ['and that is enough', { freeBytes: 50e9, wholeBytes: 1e12 }, 0],
  ])('%s', (_, disk, count) => expect(checkDisk(disk)).toHaveLength(count));
});

it('tells of the night, also of what is over', () => {
  expect(pastAlertLines({ pastAlerts: [] })).toBe('no alert since the last morning');
  const past = { alertId: '7', kind: 'runbook.waits', summary: 'it waits', raisedTime: Date.UTC(2026, 10, 27, 3, 0, 59) };
  expect(pastAlertLines({ pastAlerts: [past] })).toBe('2026-11-27T03:00Z 7 (runbook.waits) it waits');
});

it('of a backup it is told that there is none, and which copies there are instead', () => {
  expect(backupLines([])).toBe('there is no backup yet\nno copy of before an upgrade');
  const copies = [
    { name: 'keelson_before_2', ageMs: 3 * 86_400_000 + 1 },
    { name: 'keelson_before_1', ageMs: null },
  ];
  expect(backupLines(copies).split('\n').slice(1)).toEqual([
    'copy of before an upgrade: keelson_before_2, 3 days old',
    'copy of before an upgrade: keelson_before_1, of an age that is not known',
  ]);
});

it.each<[ChatFacts, readonly string[]]>([
  [{ state: 'read', readTime: 0, failure: 'a try that failed' }, []],
  [{ state: 'silent', readTime: null, failure: null }, ['the chat in which people halt is not read: /kill is not heard there']],
  [
    { state: 'silent', readTime: Date.UTC(2026, 10, 25, 9, 5), failure: 'error 401' },
    ['the chat in which people halt is not read since 2026-11-25T09:05Z: /kill is not heard there (error 401)'],
  ],
  [
    { state: 'contested', readTime: 0, failure: 'error 409' },
    ['somebody else reads the chat in which people halt: a /kill there may not be heard (error 409)'],
  ],
])('a chat in which people halt has somebody who hears them: %j', (chat, found) => expect(checkChat(chat)).toEqual(found));

describe('the economic calendar', () => {
  const READ: CalendarFacts = { ageMs: 60_000, maxAgeMs: 3_600_000, failure: null, events: [] };
  const DENIED = 'entries are denied for want of the economic calendar';

  it.each<[string, CalendarFacts | null, readonly string[]]>([
    ['none is configured', null, []],
    ['it was read', READ, []],
    ['as old as it may be', { ...READ, ageMs: 3_600_000 }, []],
    ['too old', { ...READ, ageMs: 3_600_001 }, [`${DENIED}: what is known of it is 3600 s old`]],
    [
      'unreadable, and young enough',
      { ...READ, failure: '404' },
      ['the economic calendar cannot be read (404); what is known of it is 60 s old'],
    ],
    ['never read', { ...READ, ageMs: null }, [`${DENIED}: it was not read yet`]],
    [
      'unreadable from the beginning',
      { ...READ, ageMs: null, failure: '404' },
      ['the economic calendar cannot be read (404); it was not read yet', `${DENIED}: it was not read yet`],
    ],
  ])('where it is so that %s, finds what keeps entries from their blocks', (_, calendar, found) =>
    expect(checkCalendar(calendar)).toEqual(found),
  );

  it('tells the marked events of the day', () => {
    expect(calendarLines(null)).toBe('none is configured');
    expect(calendarLines(READ)).toBe('no marked event within 24 hours');
    const events = [
      { time: Date.UTC(2026, 10, 27, 13, 30, 59), title: 'Rates', instruments: null },
      { time: Date.UTC(2026, 10, 27, 18, 0), title: 'Upgrade', instruments: ['BTC/USDT', 'ETH/USDT'] },
    ];
    expect(calendarLines({ ...READ, events })).toBe('2026-11-27T13:30Z Rates\n2026-11-27T18:00Z Upgrade (BTC/USDT, ETH/USDT)');
  });
});

it('a schedule that is paused, or is not there, is told', () => {
  const state = { isPaused: false, note: '', missed: 3, skipped: 1 };
  expect(checkSchedules([{ id: 'reconcile:main:hour', state }])).toEqual([]);
  const found = checkSchedules([
    { id: 'reconcile:main:minute', state: { ...state, isPaused: true, note: 'olga: noise' } },
    { id: 'reconcile:main:day', state: null },
    { id: 'reconcile:main:hour', state },
  ]);
  expect(found).toEqual([
    'paused schedules: reconcile:main:minute (olga: noise)',
    'schedules that are not there, until a guardian starts: reconcile:main:day',
  ]);
});

it('a key that may withdraw is told by its code; one of which the venue says nothing is told, too', () => {
  expect(checkKeys('main', 'paper', false)).toEqual([]);
  expect(checkKeys('main', 'paper', true)).toEqual([expect.stringContaining('RISK_KEY_WITHDRAWS: The key of main at paper may withdraw')]);
  expect(checkKeys('main', 'kraken', undefined)).toEqual(['kraken does not tell whether the key of main may withdraw']);
});
