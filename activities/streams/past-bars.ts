import type { Bar } from '../../core/bars/bar.js';
import type { BarRange, MarketStore, OrderStore } from '../ports/store.js';
import type { VenueReader } from '../ports/venue.js';

/** Of what closed while nobody listened at most so many of the newest bars are fetched: a strategy needs none of them. */
export const MOST_PAST_BARS = 20_000;
/** How many bars a venue is asked for at once. */
export const BARS_A_REQUEST = 500;
/** What a venue did not have is asked for once a day for a week: some fill their own holes later. Then it is not there for good. */
const ASKED_AGAIN = { againMs: 86_400_000, times: 8 };

export interface PastBarsDependencies {
  readonly account: string;
  readonly venue: string;
  readonly intervalMs: number;
  readonly bars: Pick<MarketStore, 'saveBars' | 'newestHoles' | 'noteAbsent'>;
  readonly store: Pick<OrderStore, 'openIncident'>;
  readonly reader: Pick<VenueReader, 'bars'>;
  /** @returns when the windows that were asked for are stored. */
  readonly stored: () => Promise<void>;
  readonly report: (error: unknown, what: string) => void;
}

/**
 * Makes the stored bars whole from before the windows of the strategies, none of which needs them: beside the decisions, page by page, the
 * newest holes first. Holes are found in what is stored, so one that is left open when a feed ends is filled, or marked as the venue's own, by
 * the next.
 */
export class PastBars {
  private readonly dependencies: PastBarsDependencies;
  /** By instrument: where the windows of its strategies begin; gone when everything before is whole. */
  private readonly windows = new Map<string, number>();
  /** Told already, each by its instrument and the newest of its bars. */
  private readonly marked = new Set<string>();
  private filling: Promise<void> | undefined;
  private isEnding = false;

  constructor(dependencies: PastBarsDependencies) {
    this.dependencies = dependencies;
  }

  /** @param from where the window of one of the instrument's strategies begins */
  lookBefore(instrument: string, from: number): void {
    this.windows.set(instrument, Math.min(from, this.windows.get(instrument) ?? from));
  }

  /** What fails is tried again at the next call. */
  fill(): void {
    const [first] = this.windows;
    if (first === undefined || this.filling !== undefined || this.isEnding) return;
    const [instrument, before] = first;
    this.filling = this.fillAll(instrument, before)
      .catch((error: unknown) => this.dependencies.report(error, `past bars of ${instrument}`))
      .finally(() => (this.filling = undefined));
  }

  /** Begins nothing more. @returns when what was under way is stored */
  async end(): Promise<void> {
    this.isEnding = true;
    await this.filling;
  }

  private async fillAll(instrument: string, before: number): Promise<void> {
    const { bars, stored, venue, intervalMs } = this.dependencies;
    while (!this.isEnding) {
      await stored();
      const since = before - MOST_PAST_BARS * intervalMs;
      const found = await bars.newestHoles({ venue, instrument, intervalMs, since, before, span: BARS_A_REQUEST, ...ASKED_AGAIN });
      if (found === undefined) {
        this.windows.delete(instrument);
        return;
      }
      await this.fillHoles(instrument, found);
    }
  }

  /** Holes that lie together are one request, or as many as the one long one takes, and one notice; those that were asked for before are none. */
  private async fillHoles(instrument: string, { isNew, holes }: { readonly isNew: boolean; readonly holes: readonly BarRange[] }) {
    const { account, venue, intervalMs, bars, store, reader } = this.dependencies;
    const [from, to] = [Math.min(...holes.map((hole) => hole.from)), Math.max(...holes.map((hole) => hole.to))];
    const key = `${instrument} ${to}`;
    if (isNew && !this.marked.has(key)) {
      const missing = holes.reduce((sum, hole) => sum + (hole.to - hole.from) / intervalMs + 1, 0);
      await store.openIncident({ audit: [{ kind: 'bars.gap', account, data: { instrument, from, to, missing } }] });
    }
    this.marked.add(key);
    for (let next = from; next <= to && !this.isEnding;) {
      const shown = await reader.bars(instrument, intervalMs, next, BARS_A_REQUEST);
      if (shown.length === 0) {
        // Bars after the hole came from this venue: it does not tell now what it has. The next feed asks again.
        this.windows.delete(instrument);
        throw new Error(`the venue shows nothing from ${next} on`);
      }
      const page = shown.filter(({ openTime }) => openTime >= next && openTime <= to);
      await bars.saveBars(venue, page, 'rest');
      // What is shown after the holes says that they have no more in them.
      const isOver = shown.some(({ openTime }) => openTime > to);
      const ranges = common(absentIn(page, next, isOver ? to : undefined, intervalMs), holes);
      if (ranges.length > 0) await bars.noteAbsent({ account, venue, instrument, intervalMs, ranges });
      const last = page.at(-1);
      next = isOver || last === undefined ? to + intervalMs : last.openTime + intervalMs;
    }
  }
}

/** What the venue leaves out of holes; what is stored between them it may have told by its stream. */
function common(absent: readonly BarRange[], holes: readonly BarRange[]): readonly BarRange[] {
  return absent
    .flatMap((one) => holes.map((hole) => ({ from: Math.max(one.from, hole.from), to: Math.min(one.to, hole.to) })))
    .filter(({ from, to }) => from <= to)
    .toSorted((one, other) => one.from - other.from);
}

/** What a list of bars leaves out. @param to the last that there could be; undefined: the list may go on */
function absentIn(page: readonly Bar[], from: number, to: number | undefined, intervalMs: number): readonly BarRange[] {
  const absent: BarRange[] = [];
  let next = from;
  for (const { openTime } of page) {
    if (openTime > next) absent.push({ from: next, to: openTime - intervalMs });
    next = openTime + intervalMs;
  }
  if (to !== undefined && next <= to) absent.push({ from: next, to });
  return absent;
}
