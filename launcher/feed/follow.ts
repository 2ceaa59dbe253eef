import { setTimeout as sleep } from 'node:timers/promises';
import { decimal } from '../../core/money/index.js';
import type { LauncherEvent } from '../screen/events.js';
import type { ApiReader, Equity } from './api-reader.js';
import { toLauncherEvent } from './translate.js';

export interface FollowOptions {
  readonly api: ApiReader;
  /** The last event that is not to be shown: what happened before this start. */
  readonly after: string;
  readonly show: (event: LauncherEvent) => void;
  readonly signal: AbortSignal;
  readonly now?: () => number;
  /** Time between two looks, in ms. */
  readonly pollMs?: number;
  /** Shortest time between two lines of equity of an account, in ms. */
  readonly equityEveryMs?: number;
}

/** Shows what happens until the signal is aborted. An API that does not answer (it is being restarted) is asked again. */
export async function follow(options: FollowOptions): Promise<void> {
  const { api, signal } = options;
  const now = options.now ?? Date.now;
  const equity = new EquityLine(options.equityEveryMs ?? 15_000);
  let after = options.after;
  while (!signal.aborted) {
    try {
      const events = await api.events(after, signal);
      for (const event of events) {
        const shown = toLauncherEvent(event);
        if (shown !== undefined) options.show(shown);
        after = event.id;
      }
      for (const line of equity.due(await equity.read(api, now(), signal), now())) options.show(line);
    } catch {
      // Restarts of the API are told by the supervisor; what happened meanwhile is read afterwards.
    }
    await sleep(options.pollMs ?? 400, undefined, { signal }).catch(() => undefined);
  }
}

/** Which equities are worth a line: changed, and not more often than every so often. */
export class EquityLine {
  readonly #everyMs: number;
  readonly #first = new Map<string, string>();
  readonly #last = new Map<string, string>();
  #readAt = -Infinity;
  #shownAt = -Infinity;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** The equities of all accounts; none while it is too early to show another line. */
  async read(api: ApiReader, now: number, signal: AbortSignal): Promise<readonly Equity[]> {
    if (now - this.#readAt < Math.min(1000, this.#everyMs) || now - this.#shownAt < this.#everyMs) return [];
    this.#readAt = now;
    return api.equity(signal);
  }

  due(readings: readonly Equity[], now: number): readonly LauncherEvent[] {
    return readings.flatMap((reading) => {
      const first = this.#first.get(reading.account);
      if (first === undefined) this.#first.set(reading.account, reading.equity);
      if (this.#last.get(reading.account) === reading.equity) return [];
      this.#last.set(reading.account, reading.equity);
      this.#shownAt = now;
      const change = first === undefined ? {} : { change: decimal(reading.equity).minus(first).toFixed() };
      return [{ time: now, event: 'equity' as const, ...reading, ...change }];
    });
  }
}
