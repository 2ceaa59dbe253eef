import { failure, type Failure } from '../errors.js';
import { parseRows, type Row } from './rows.js';
import { unreadable } from './unreadable.js';

/** One event of an economic calendar. */
export interface CalendarEvent {
  /** Epoch ms, UTC. */
  readonly time: number;
  readonly title: string;
  readonly currency: string | null;
  /** Those that it concerns; null: every one. */
  readonly instruments: readonly string[] | null;
  /** Entries are blocked around it. */
  readonly isMarked: boolean;
}

/** More is no calendar of one desk, and the gate reads the marked ones of some days. */
const MOST_EVENTS = 5_000;
const LONGEST_TITLE = 200;
const IMPACTS = ['low', 'medium', 'high'];
/** Without its zone a time may be meant in any. */
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:?\d{2})$/;
const INSTRUMENT = /^[A-Z0-9]{1,15}\/[A-Z0-9]{1,15}$/;

/**
 * Reads a calendar, JSON or CSV. An event that says neither how grave it is nor whether it is marked counts as marked; one without
 * instruments concerns all of them. What is not understood makes the whole of it unreadable: an event that is left out blocks nothing.
 * @throws KeelsonError DATA_CALENDAR
 */
export function parseCalendar(text: string): readonly CalendarEvent[] {
  const rows = parseRows(text);
  if (rows.length > MOST_EVENTS) throw unreadable(`it has ${rows.length} events; ${MOST_EVENTS} are the most`);
  const events = new Map<string, CalendarEvent>();
  for (const [index, row] of rows.entries()) {
    const event = eventOf(row, index + 1);
    const key = `${event.time} ${event.title}`;
    const had = events.get(key);
    events.set(key, had === undefined ? event : both(had, event));
  }
  return [...events.values()].toSorted((one, other) => one.time - other.time);
}

/** Told twice it concerns what either says. */
function both(one: CalendarEvent, other: CalendarEvent): CalendarEvent {
  const instruments =
    one.instruments === null || other.instruments === null ? null : [...new Set([...one.instruments, ...other.instruments])];
  return { ...one, instruments, isMarked: one.isMarked || other.isMarked };
}

/** No number where it is none, or of a day that its month does not have: `Date` would take that for one of the next month. */
function timeOf(word: string): number {
  const time = TIME.test(word) ? Date.parse(word.replace(' ', 'T')) : Number.NaN;
  const day = word.slice(0, 10);
  const midnight = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().slice(0, 10) === day ? time : Number.NaN;
}

function eventOf(row: Row, position: number): CalendarEvent {
  const wrong = (what: string): never => {
    throw unreadable(`event ${position}: ${what}`);
  };
  const word = (key: string): string => {
    const value = row[key] ?? '';
    if (typeof value === 'string') return value.trim();
    if (key === 'marked' && typeof value === 'boolean') return String(value);
    // A number may be meant as a time, or as a yes: it is not for us to say.
    return wrong(`expected text for ${key}, found ${JSON.stringify(value).slice(0, 40)}`);
  };
  const title = word('title').slice(0, LONGEST_TITLE);
  if (title === '') wrong('it has no title');
  const time = timeOf(word('time'));
  if (Number.isNaN(time)) wrong(`expected a time with its zone, such as 2026-12-10T13:30:00Z, found "${word('time').slice(0, 40)}"`);
  const impact = word('impact').toLowerCase();
  if (impact !== '' && !IMPACTS.includes(impact)) wrong(`expected an impact of ${IMPACTS.join(', ')}, found "${impact.slice(0, 40)}"`);
  const marked = word('marked').toLowerCase();
  if (!['', 'true', 'false'].includes(marked)) wrong(`expected true or false for marked, found "${marked.slice(0, 40)}"`);
  const written: unknown = row['instruments'];
  const listed = Array.isArray(written)
    ? written.map((one): string => (typeof one === 'string' ? one : wrong('expected a list of text for instruments')))
    : word('instruments').split(/[;\s]+/);
  const instruments = listed.map((one) => one.trim()).filter((one) => one !== '');
  const odd = instruments.find((one) => !INSTRUMENT.test(one));
  if (odd !== undefined) wrong(`expected an instrument as BASE/QUOTE, found "${odd.slice(0, 40)}"`);
  const currency = word('currency').slice(0, 15);
  return {
    ...{ time, title, currency: currency === '' ? null : currency, instruments: instruments.length === 0 ? null : instruments },
    isMarked: marked === '' ? impact === '' || impact === 'high' : marked === 'true',
  };
}

/** What of the calendar the gate reads. Times are epoch ms; both ends of a window belong to it. */
export interface CalendarView {
  /** Null: it was not read yet. */
  readonly refreshedTime: number | null;
  readonly maxAgeMs: number;
  readonly windows: readonly {
    readonly from: number;
    readonly until: number;
    readonly time: number;
    readonly title: string;
    readonly instruments: readonly string[] | null;
  }[];
}

/** A refresh is told by the database's clock, and what is held runs on by our own. */
const AHEAD_MS = 5_000;

/** What of a configured calendar speaks against an entry: an event that is marked, or that nobody knows whether there is one. */
export function calendarFailures(calendar: CalendarView | undefined, instrument: string, now: number): Failure[] {
  if (calendar === undefined) return [];
  const { refreshedTime, maxAgeMs, windows } = calendar;
  const failures: Failure[] = [];
  const ageMs = refreshedTime === null ? null : now - refreshedTime;
  if (ageMs === null || ageMs > maxAgeMs || ageMs < -AHEAD_MS) {
    failures.push(failure('RISK_CALENDAR_STALE', { since: ageMs === null ? 'not read yet' : `${ageMs} ms old`, maxAgeMs }));
  }
  for (const { from, until, time, title, instruments } of windows) {
    if (now < from || now > until || !concerns(instruments, instrument)) continue;
    failures.push(failure('RISK_CALENDAR_EVENT', { title, time: iso(time), from: iso(from), until: iso(until) }));
  }
  return failures;
}

/** The last moment at which what is known by now speaks against no entry. Nothing does at this one. */
export function clearUntil(calendar: CalendarView | undefined, instrument: string, now: number): number {
  if (calendar === undefined) return Number.POSITIVE_INFINITY;
  const { refreshedTime, maxAgeMs, windows } = calendar;
  const ahead = windows.filter(({ from, instruments }) => from > now && concerns(instruments, instrument)).map(({ from }) => from - 1);
  return Math.min((refreshedTime ?? now) + maxAgeMs, ...ahead);
}

function concerns(instruments: readonly string[] | null, instrument: string): boolean {
  return instruments === null || instruments.includes(instrument);
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
