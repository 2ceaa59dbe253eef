import type { Bar } from './bar.js';

/** What a bar did to a window: it followed, came twice or late, or bars are missing before it. */
export type Arrival =
  | { readonly kind: 'followed' }
  | { readonly kind: 'old' }
  | { readonly kind: 'gap'; readonly fromOpenTime: number; readonly toOpenTime: number };

/**
 * The last bars of one instrument, consecutive, oldest first. A bar that does not follow is not taken in: the window is
 * rebuilt from the stored and the venue's bars, since a strategy must never see a hole (design, section 3).
 */
export class BarWindow {
  private readonly capacity: number;
  private held: Bar[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  bars(): readonly Bar[] {
    return this.held;
  }

  lastOpenTime(): number | undefined {
    return this.held.at(-1)?.openTime;
  }

  arrive(bar: Bar): Arrival {
    const last = this.held.at(-1);
    if (last !== undefined && bar.openTime <= last.openTime) return { kind: 'old' };
    if (last !== undefined && bar.openTime !== last.openTime + bar.intervalMs) {
      return { kind: 'gap', fromOpenTime: last.openTime + bar.intervalMs, toOpenTime: bar.openTime - bar.intervalMs };
    }
    this.held.push(bar);
    if (this.held.length > this.capacity) this.held.shift();
    return { kind: 'followed' };
  }

  /** Takes the longest consecutive run at the end of `bars` (any order, duplicates allowed) together with what is held. */
  rebuild(bars: readonly Bar[]): void {
    const byTime = new Map([...this.held, ...bars].map((bar) => [bar.openTime, bar]));
    const sorted = [...byTime.values()].sort((one, other) => one.openTime - other.openTime).slice(-this.capacity);
    const start = sorted.findLastIndex((bar, index) => {
      const before = sorted[index - 1];
      return before !== undefined && before.openTime + before.intervalMs !== bar.openTime;
    });
    this.held = start < 0 ? sorted : sorted.slice(start);
  }
}
