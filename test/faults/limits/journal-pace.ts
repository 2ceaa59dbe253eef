import type { JournalLine } from '../../../exchange/journal/record.js';

/** An entry that the venue saw. */
export interface SeenEntry {
  readonly strategy: string;
  readonly instrument: string;
  /** When the venue took it, by its own clock. */
  readonly venueTime: number;
  /** When its row says that it passed the gate. */
  readonly gateTime: number;
  /** From when it was asked for until the venue had answered, by the clock of who asked: it was on its way for no longer. */
  readonly tookMs: number;
}

/** So many entries within a window, of those that `of` calls the same. */
export interface Pace {
  readonly limit: number;
  readonly windowMs: number;
  readonly of: (entry: SeenEntry) => string;
}

/** The first that the journal says of each order that buys, by our id for it. */
export function entriesIn(
  journal: readonly JournalLine[],
): readonly { readonly clientOrderId: string; readonly account: string; readonly time: number }[] {
  const first = new Map<number, { clientOrderId: string; account: string; time: number }>();
  for (const event of journal.flatMap(({ events }) => events)) {
    if (event.type !== 'order' || event.order.side !== 'BUY' || first.has(event.order.orderId)) continue;
    const { clientOrderId, account, time } = event.order;
    first.set(event.order.orderId, { clientOrderId, account, time });
  }
  return [...first.values()];
}

/**
 * Every time when more entries reached the venue than a limit lets pass in its window: by when their rows say that they passed the gate, and
 * by the venue's clock and who asked, which know nothing of the rows: what passes a window apart arrives so far apart, but for the longest
 * that one of them was on its way.
 */
export function brokenPaces(entries: readonly SeenEntry[], paces: readonly Pace[]): readonly string[] {
  const broken = paces.flatMap(({ limit, windowMs, of }) =>
    [...new Set(entries.map(of))].flatMap((name) => {
      const mine = entries.filter((entry) => of(entry) === name);
      const isOver = (times: readonly number[], spanMs: number): boolean => {
        const sorted = times.toSorted((one, other) => one - other);
        return sorted.some((time, index) => (sorted[index + limit] ?? Number.POSITIVE_INFINITY) - time < spanMs);
      };
      const isBroken =
        isOver(
          mine.map(({ gateTime }) => gateTime),
          windowMs,
        ) ||
        isOver(
          mine.map(({ venueTime }) => venueTime),
          windowMs - Math.max(...mine.map(({ tookMs }) => tookMs)),
        );
      return isBroken ? [`${name}: more than ${limit} within ${windowMs} ms`] : [];
    }),
  );
  return [...new Set(broken)];
}
