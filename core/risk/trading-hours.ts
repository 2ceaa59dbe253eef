const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const DAY_MINUTES = 1_440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
const MINUTE_MS = 60_000;
/** 1970-01-01 was a Thursday. */
const EPOCH_DAY = DAYS.indexOf('thu');
const PART = /^([a-z]{3})(?:-([a-z]{3}))? (\d\d):(\d\d)-(\d\d):(\d\d)$/;

/** From its first minute of the week, Monday 00:00 UTC first, until before its last. */
type Span = readonly [from: number, until: number];

/**
 * Reads `mon-fri 13:30-20:00, sat 10:00-12:00`; `24:00` ends a day. Undefined when it is not written so.
 */
export function hoursOf(text: string): readonly Span[] | undefined {
  const spans: Span[] = [];
  for (const part of text.split(',')) {
    const read = spansOf(part.trim());
    if (read === undefined) return undefined;
    spans.push(...read);
  }
  return spans;
}

function spansOf(part: string): readonly Span[] | undefined {
  const match = PART.exec(part);
  if (match === null) return undefined;
  const [first, last] = [DAYS.indexOf(match[1] ?? ''), DAYS.indexOf(match[2] ?? match[1] ?? '')];
  const [from, until] = [timeOf(match[3], match[4]), timeOf(match[5], match[6])];
  if (first < 0 || last < first || from === undefined || until === undefined || from >= until) return undefined;
  return Array.from({ length: last - first + 1 }, (_, index): Span => {
    const day = (first + index) * DAY_MINUTES;
    return [day + from, day + until];
  });
}

function timeOf(hour: string | undefined, minute: string | undefined): number | undefined {
  const minutes = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && minutes <= DAY_MINUTES ? minutes : undefined;
}

const isOpen = (spans: readonly Span[], minute: number): boolean => spans.some(([from, until]) => from <= minute && minute < until);

const minuteOfWeek = (time: number): number => Math.floor(time / MINUTE_MS + EPOCH_DAY * DAY_MINUTES) % WEEK_MINUTES;

/** Whether every one of the schedules is open at that time, epoch ms. What cannot be read is closed. */
export function isWithinHours(schedules: readonly string[], time: number): boolean {
  const minute = minuteOfWeek(time);
  return schedules.every((one) => isOpen(hoursOf(one) ?? [], minute));
}

/** When the first of them closes, epoch ms, if that is `withinMs` of `time`, at which all are open; undefined: they go on until then. */
export function closingTime(schedules: readonly string[], time: number, withinMs: number): number | undefined {
  if (schedules.length === 0) return undefined;
  const read = schedules.map((one) => hoursOf(one) ?? []);
  for (let next = Math.floor(time / MINUTE_MS) + 1; next * MINUTE_MS <= time + withinMs;) {
    const minute = minuteOfWeek(next * MINUTE_MS);
    const ends = read.map((spans) => Math.max(...spans.filter((one) => isOpen([one], minute)).map(([, until]) => until)));
    const openFor = Math.min(...ends) - minute;
    if (openFor < 0) return next * MINUTE_MS;
    next += openFor;
  }
  return undefined;
}

/** Whether `one` is open only when `other` is. */
export function areHoursWithin(one: string, other: string): boolean {
  const [open, before] = [hoursOf(one) ?? [], hoursOf(other) ?? []];
  return Array.from({ length: WEEK_MINUTES }, (_, minute) => minute).every((minute) => !isOpen(open, minute) || isOpen(before, minute));
}
