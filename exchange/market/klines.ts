import type { Tape, TapeBar } from './tape.js';

/** A kline of any interval that is a multiple of the served one, in ticks and steps. */
export interface Kline extends TapeBar {
  readonly closeTime: number;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
/** Most base bars looked at for one answer: it bounds how long a request can hold up the venue. */
const MOST_BASE_BARS = 20_000;

/** `1s`, `250ms`, `4h` in ms; `undefined` for anything else. */
export function intervalMsOf(name: string): number | undefined {
  const match = /^([1-9]\d{0,5})(ms|s|m|h|d|w)$/.exec(name);
  return match === null ? undefined : Number(match[1]) * (UNIT_MS[match[2] as string] as number);
}

/** The shortest name of an interval, as streams and `klines` call it. */
export function intervalName(intervalMs: number): string {
  const unit = ['w', 'd', 'h', 'm', 's', 'ms'].find((name) => intervalMs % (UNIT_MS[name] as number) === 0) as string;
  return `${intervalMs / (UNIT_MS[unit] as number)}${unit}`;
}

/** True when klines of this interval can be put together from the served bars. */
export function isServedInterval(tape: Tape, intervalMs: number): boolean {
  return intervalMs % tape.intervalMs === 0;
}

/** The kline that holds `time`, as it stands then; `undefined` in a gap. */
export function klineAt(tape: Tape, intervalMs: number, time: number, known?: ClosedPart): Kline | undefined {
  const openTime = Math.floor(time / intervalMs) * intervalMs;
  const current = tape.indexAt(time);
  const isKnown = known?.openTime === openTime && known.before <= current;
  const parts: TapeBar[] = isKnown && known.kline !== undefined ? [known.kline] : [];
  for (let index = isKnown ? known.before : tape.indexAt(openTime); index < current; index += 1) {
    const bar = tape.bar(index);
    if (bar !== undefined) parts.push(bar);
  }
  if (known !== undefined) Object.assign(known, { openTime, before: current, kline: merged(parts, openTime, intervalMs) });
  const running = tape.bar(current);
  if (running !== undefined) parts.push(tape.partial(running, tape.tickAt(time)));
  return merged(parts, openTime, intervalMs);
}

/** What a reader of the running kline keeps, so that a long interval is not put together anew for each of its bars. */
export interface ClosedPart {
  openTime: number;
  /** Base bars before this one are in. */
  before: number;
  kline: Kline | undefined;
}

export interface KlineQuery {
  readonly intervalMs: number;
  readonly startTime: number | undefined;
  readonly endTime: number | undefined;
  readonly limit: number;
  readonly now: number;
}

/** Oldest first, the running one last; gaps are left out. */
export function klinesOf(tape: Tape, query: KlineQuery): Kline[] {
  const { intervalMs, limit, now } = query;
  const most = Math.max(1, Math.min(limit, Math.floor((MOST_BASE_BARS * tape.intervalMs) / intervalMs)));
  const aligned = (time: number): number => Math.floor(time / intervalMs) * intervalMs;
  const newest = aligned(Math.min(now, query.endTime ?? now));
  const found: Kline[] = [];
  if (query.startTime !== undefined) {
    const first = Math.ceil(query.startTime / intervalMs) * intervalMs;
    for (let open = first, looked = 0; open <= newest && found.length < most && looked < most * 10; open += intervalMs, looked += 1) {
      const kline = klineOpenedAt(tape, intervalMs, open, now);
      if (kline !== undefined) found.push(kline);
    }
    return found;
  }
  for (let open = newest, looked = 0; found.length < most && looked < most * 10; open -= intervalMs, looked += 1) {
    const kline = klineOpenedAt(tape, intervalMs, open, now);
    if (kline !== undefined) found.push(kline);
  }
  return found.reverse();
}

function klineOpenedAt(tape: Tape, intervalMs: number, openTime: number, now: number): Kline | undefined {
  return klineAt(tape, intervalMs, Math.min(openTime + intervalMs - 1, now));
}

function merged(parts: readonly TapeBar[], openTime: number, intervalMs: number): Kline | undefined {
  const [first, last] = [parts[0], parts[parts.length - 1]];
  if (first === undefined || last === undefined) return undefined;
  let { high, low, volume, turnover, trades } = first;
  for (let at = 1; at < parts.length; at += 1) {
    const part = parts[at] as TapeBar;
    high = Math.max(high, part.high);
    low = Math.min(low, part.low);
    volume += part.volume;
    turnover += part.turnover;
    trades += part.trades;
  }
  const closeTime = openTime + intervalMs - 1;
  return { index: first.index, openTime, closeTime, open: first.open, high, low, close: last.close, volume, turnover, trades };
}
