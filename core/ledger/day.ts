const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** No zone is farther from UTC. */
const FARTHEST_MS = 15 * 3_600_000;
const WRITTEN = /^\d{4}-\d\d-\d\d$/;

/** From its first millisecond until before `until`, epoch ms. */
export interface Day {
  readonly day: string;
  readonly zone: string;
  readonly from: number;
  readonly until: number;
}

/**
 * The day that a zone's calendar calls so, whether it has 23, 24 or 25 hours.
 * @param day such as 2026-11-26
 * @param zone such as UTC or Europe/Madrid
 * @returns undefined when there is no such day or no such zone
 */
export function dayIn(day: string, zone: string): Day | undefined {
  const utc = WRITTEN.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(utc) || new Date(utc).toISOString().slice(0, 10) !== day) return undefined;
  const dateOf = datesIn(zone);
  if (dateOf === undefined) return undefined;
  const from = beginOf(utc, day, dateOf);
  const next = new Date(utc + DAY_MS).toISOString().slice(0, 10);
  return { day, zone, from, until: beginOf(utc + DAY_MS, next, dateOf) };
}

/** The day of a moment, as the zone's calendar calls it; undefined when there is no such zone. */
export function dayOfTime(time: number, zone: string): string | undefined {
  return datesIn(zone)?.(time);
}

function datesIn(zone: string): ((time: number) => string) | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
    return (time) => format.format(time);
  } catch {
    return undefined;
  }
}

/** The first minute whose date there is this one or a later one. */
function beginOf(utc: number, day: string, dateOf: (time: number) => string): number {
  let [before, at] = [(utc - FARTHEST_MS) / MINUTE_MS, (utc + FARTHEST_MS) / MINUTE_MS];
  while (at - before > 1) {
    const middle = Math.floor((before + at) / 2);
    if (dateOf(middle * MINUTE_MS) >= day) at = middle;
    else before = middle;
  }
  return at * MINUTE_MS;
}
