/** One stored bar: times of the venue, but for `receivedTime`, by the database's clock. */
export interface StoredBar {
  readonly openTime: number;
  readonly closeTime: number;
  readonly source: 'stream' | 'rest';
  readonly receivedTime: number;
}

/** The newest bars of one instrument and interval, newest first. */
export interface StoredStream {
  readonly instrument: string;
  readonly intervalMs: number;
  readonly bars: readonly StoredBar[];
}

/** What of a stream is asked before an account may trade. */
export interface StreamNeed {
  readonly instrument: string;
  readonly intervalMs: number;
  /** Bars in a row that have to have arrived in time, one after the other, since the observation began. */
  readonly observed: number;
  /** Bars without a hole that its strategies decide on. */
  readonly history: number;
}

/** As prices of entries: a bar is in time for three of its intervals after its close. */
const IN_TIME_INTERVALS = 3;
/** What the way into the database may take with the shortest bars, after the decision on them. */
const LEAST_IN_TIME_MS = 5_000;

/** How many bars are waited for: of those that are so long that so many take longer than `atMostMs`, only as many as fit. */
export function barsToObserve(wanted: number, intervalMs: number, atMostMs: number): number {
  return Math.min(wanted, Math.floor(atMostMs / intervalMs));
}

/**
 * What a stream still lacks, in words; empty: nothing. A bar that came late, by REST or after a hole begins the count anew: so many
 * in a row have to be in time, and the newest must be the one that closed last. `aheadMs`: how far the venue's clock is ahead of ours.
 */
export function lackOf(
  { bars }: Pick<StoredStream, 'bars'>,
  need: StreamNeed,
  { since, now, aheadMs }: { readonly since: number; readonly now: number; readonly aheadMs: number },
): readonly string[] {
  const { instrument, intervalMs, observed, history } = need;
  const inTimeMs = Math.max(IN_TIME_INTERVALS * intervalMs, LEAST_IN_TIME_MS);
  const [newest] = bars;
  if (newest === undefined) return [`${instrument}: no bar has arrived`];
  const ageMs = now + aheadMs - newest.closeTime;
  if (ageMs > intervalMs + inTimeMs) return [`${instrument}: the last bar closed ${Math.round(ageMs / 1_000)} s ago`];
  const isInTime = ({ source, closeTime, receivedTime }: StoredBar): boolean =>
    source === 'stream' && receivedTime >= since && receivedTime + aheadMs - closeTime <= inTimeMs;
  const unbroken = lengthUntil(bars, (_, index) => !isNext(bars, index, intervalMs));
  const arrived = Math.min(
    unbroken,
    lengthUntil(bars, (bar) => !isInTime(bar)),
  );
  return [
    ...(arrived < observed ? [`${instrument}: ${arrived} of ${observed} bars have arrived in time, one after the other`] : []),
    ...(unbroken < history ? [`${instrument}: ${unbroken} of the ${history} bars that its strategies need are there without a hole`] : []),
  ];
}

function lengthUntil(bars: readonly StoredBar[], isOver: (bar: StoredBar, index: number) => boolean): number {
  const at = bars.findIndex(isOver);
  return at === -1 ? bars.length : at;
}

/** Whether nothing is missing between a bar and the one that came after it. */
function isNext(bars: readonly StoredBar[], index: number, intervalMs: number): boolean {
  const [bar, later] = [bars[index], bars[index - 1]];
  return bar === undefined || later === undefined || later.openTime - bar.openTime === intervalMs;
}
