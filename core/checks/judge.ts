import { failure } from '../errors.js';
import { effectiveLimits } from '../risk/limit-rows.js';
import { PROTOCOL } from '../risk/limits.js';
import { WATCH } from '../watch/rules.js';
import type { CalendarFacts, ChatFacts, CheckFacts, CopyFacts, DiskFacts, ScheduleFacts } from './facts.js';

/** What one item of the checks found: empty where all is as it should be. */
export type Findings = readonly string[];

/** The protocol's usual limit; an account may have a stricter one, which its entries are held to. */
const CLOCK_SKEW_MS = 500;
/** It is reconciled each minute; a few of them may be put off for want of weight. */
const CLEAN_WITHIN_MS = 300_000;
/** As the database has it: less is no matter of a clock that was set. */
const AHEAD_MS = 2_000;
const LEAST_FREE_BYTES = 2_000_000_000;
const LEAST_FREE_RATIO = 0.05;

const list = (what: string, names: readonly string[]): Findings => (names.length === 0 ? [] : [`${what}: ${names.join(', ')}`]);
const seconds = (ms: number): string => `${Math.floor(ms / 1_000)} s`;

/** The items of the checks, each a judgement of what the database tells. */
export const CHECKS = {
  mode: ({ mode, halt, blocked, disabled }) => [
    ...(mode === 'normal' ? [] : [`the account is in mode ${mode}`]),
    ...(halt === null ? [] : [halt]),
    ...list('blocked instruments', blocked),
    ...list('disabled strategies', disabled),
  ],
  alerts: ({ alerts }) =>
    list(
      'alerts that nobody has acknowledged',
      alerts.map(({ alertId, kind }) => `${alertId} (${kind})`),
    ),
  incidents: ({ incidents }) =>
    list(
      'open incidents',
      incidents.map(({ incidentId, kind }) => `${incidentId} (${kind})`),
    ),
  reconciliation: ({ cleanAgeMs, differences }) => [
    ...(cleanAgeMs === null ? ['no reconciliation has found the account clean yet'] : []),
    ...(cleanAgeMs !== null && cleanAgeMs < -AHEAD_MS ? ['the last clean reconciliation is of a time to come: a clock was set back'] : []),
    ...(cleanAgeMs !== null && cleanAgeMs > CLEAN_WITHIN_MS ? [`the last clean reconciliation is ${seconds(cleanAgeMs)} old`] : []),
    ...list(
      'differences that wait for a person',
      differences.map(({ differenceId, class: what }) => `${differenceId} (${what})`),
    ),
  ],
  venue: ({ watch }) => {
    if (watch === null || watch.venueMs === null) return ['the venue has never answered'];
    return [
      ...(watch.venueMs > WATCH.venueUnreachableMs ? [`the venue has not answered for ${seconds(watch.venueMs)}`] : []),
      ...(Math.abs(watch.clockSkewMs ?? 0) > CLOCK_SKEW_MS ? [`its clock and ours differ by ${watch.clockSkewMs} ms`] : []),
    ];
  },
  streams: ({ watch }) => {
    if (watch === null) return ['nobody has watched the account yet'];
    const { ageMs, equityAgeMs, conditions } = watch;
    return [
      ...(ageMs > PROTOCOL.watchSilentMs ? [`the account watch is silent for ${seconds(ageMs)}`] : []),
      ...(equityAgeMs === null || equityAgeMs > WATCH.equityUnknownMs ? ['the equity is not known'] : []),
      ...list('conditions of the account watch', conditions),
    ];
  },
  stops: ({ unprotected }) =>
    list(
      'positions without their stop',
      unprotected.map(({ strategy, instrument }) => `${instrument} of ${strategy}`),
    ),
  limits: ({ account, venue, limitRows }) =>
    list(
      'limits that are not set, so that entries are denied',
      effectiveLimits(limitRows, { account, venue, strategy: '', instrument: '' }).missing,
    ),
  signals: ({ signals }) => list('signals that count as traded and have no order', signals.withoutOrder),
  orders: ({ unresolved }) =>
    list(
      'orders whose fate is not known',
      unresolved.map(({ intentId, status }) => `${intentId} (${status})`),
    ),
  fills: ({ misbooked }) => list('orders whose fills are not what the venue executed', misbooked),
} as const satisfies Readonly<Record<string, (facts: CheckFacts) => Findings>>;
export type CheckName = keyof typeof CHECKS;

/** What the venue tells of the key in use; what it does not tell is found, too. */
export function checkKeys(account: string, venue: string, canWithdraw: boolean | undefined): Findings {
  if (canWithdraw === undefined) return [`${venue} does not tell whether the key of ${account} may withdraw`];
  return canWithdraw ? [codedMessage('RISK_KEY_WITHDRAWS', { account, venue })] : [];
}

/** What is due by the clock has to be started by it. */
export function checkSchedules(schedules: readonly ScheduleFacts[]): Findings {
  return [
    ...list(
      'paused schedules',
      schedules.flatMap(({ id, state }) => (state?.isPaused === true ? [`${id} (${state.note})`] : [])),
    ),
    ...list(
      'schedules that are not there, until a guardian starts',
      schedules.flatMap(({ id, state }) => (state === null ? [id] : [])),
    ),
  ];
}

/** Code and message, as people look either of them up. */
function codedMessage(...[code, values]: Parameters<typeof failure>): string {
  return `${code}: ${failure(code, values).message}`;
}

/** A calendar that is configured has to be readable; null: none is. */
export function checkCalendar(calendar: CalendarFacts | null): Findings {
  if (calendar === null) return [];
  const { ageMs, maxAgeMs, failure } = calendar;
  const age = ageMs === null ? 'it was not read yet' : `what is known of it is ${seconds(ageMs)} old`;
  return [
    ...(failure === null ? [] : [`the economic calendar cannot be read (${failure}); ${age}`]),
    ...(ageMs === null || ageMs > maxAgeMs ? [`entries are denied for want of the economic calendar: ${age}`] : []),
  ];
}

/** Where people may halt from a chat somebody has to hear them there. */
export function checkChat({ state, readTime, failure }: ChatFacts): Findings {
  if (state === 'read') return [];
  const why = failure === null ? '' : ` (${failure})`;
  if (state === 'contested') return [`somebody else reads the chat in which people halt: a /kill there may not be heard${why}`];
  const since = readTime === null ? '' : ` since ${new Date(readTime).toISOString().slice(0, 16)}Z`;
  return [`the chat in which people halt is not read${since}: /kill is not heard there${why}`];
}

/** The marked events of the day, in lines for people. */
export function calendarLines(calendar: CalendarFacts | null): string {
  if (calendar === null) return 'none is configured';
  const lines = calendar.events.map(({ time, title, instruments }) => {
    const of = instruments === null ? '' : ` (${instruments.join(', ')})`;
    return `${new Date(time).toISOString().slice(0, 16)}Z ${title}${of}`;
  });
  return lines.length === 0 ? 'no marked event within 24 hours' : lines.join('\n');
}

/** What people were told of since the last morning and is over, in lines for people. */
export function pastAlertLines({ pastAlerts }: Pick<CheckFacts, 'pastAlerts'>): string {
  const lines = pastAlerts.map(
    ({ alertId, kind, summary, raisedTime }) => `${new Date(raisedTime).toISOString().slice(0, 16)}Z ${alertId} (${kind}) ${summary}`,
  );
  return lines.length === 0 ? 'no alert since the last morning' : lines.join('\n');
}

/** What there is to go back to, in lines for people: no backup is made yet, and copies only before an upgrade. */
export function backupLines(copies: readonly CopyFacts[]): string {
  const days = (ageMs: number): string => `${Math.floor(ageMs / 86_400_000)} days old`;
  const lines = copies.map(
    ({ name, ageMs }) => `copy of before an upgrade: ${name}, ${ageMs === null ? 'of an age that is not known' : days(ageMs)}`,
  );
  return ['there is no backup yet', ...(lines.length === 0 ? ['no copy of before an upgrade'] : lines)].join('\n');
}

export function checkDisk({ freeBytes, wholeBytes }: DiskFacts): Findings {
  const least = Math.max(LEAST_FREE_BYTES, LEAST_FREE_RATIO * wholeBytes);
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  return freeBytes >= least ? [] : [`${gigabytes(freeBytes)} of the disk are free; it should be ${gigabytes(least)}`];
}
