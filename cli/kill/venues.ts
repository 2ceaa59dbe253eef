import { setTimeout as wait } from 'node:timers/promises';
import { cancelOpen, isKeyRefused, mayBeMended, REFUSED_MS } from '../../activities/kill/direct.js';
import type { Venue } from '../../activities/ports/venue.js';
import type { Latch } from '../../core/control/mode.js';

const OPEN_AGAIN_MS = 2_000;
const CANCEL_AGAIN_MS = 500;

/** The venues of the accounts, each opened when it answers. */
export class OpenVenues {
  private readonly open = new Map<string, Promise<Venue>>();
  private readonly told = new Map<string, string>();
  private readonly cancels: Promise<void>[] = [];
  private readonly openVenue: (account: string) => Promise<Venue>;
  private readonly say: (line: string) => void;
  private readonly now: () => number;

  constructor(openVenue: (account: string) => Promise<Venue>, say: (line: string) => void, now: () => number) {
    this.openVenue = openVenue;
    this.say = say;
    this.now = now;
  }

  /** Undefined when it was to end before the venue answered. @throws what no waiting mends: the account is not configured, or its key is refused for a minute */
  async of(account: string, stopping: AbortSignal): Promise<Venue | undefined> {
    let refusedSince: number | undefined;
    const isEndured = (error: unknown): boolean => {
      refusedSince = isKeyRefused(error) ? (refusedSince ?? this.now()) : undefined;
      return refusedSince === undefined ? mayBeMended(error) : this.now() - refusedSince < REFUSED_MS;
    };
    for (;;) {
      const venue = await this.attempt(account, () => this.find(account), isEndured);
      if (venue !== undefined || stopping.aborted) return venue;
      await wait(OPEN_AGAIN_MS, undefined, { signal: stopping }).catch(() => undefined);
    }
  }

  /**
   * Cancels what is open in scope, without asking our books, again and again until it is told to end. Only `close` waits for it: a
   * venue that hangs keeps neither the latch nor another venue waiting.
   */
  keepCanceling(account: string, scope: Latch, until: AbortSignal): void {
    this.cancels.push(this.cancelUntil(account, scope, until));
  }

  async close(): Promise<void> {
    await Promise.all(this.cancels);
    await Promise.allSettled([...this.open.values()].map(async (venue) => (await venue).close()));
  }

  private async cancelUntil(account: string, scope: Latch, until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      await this.attempt(account, async () => {
        const asked = await cancelOpen(await this.find(account), scope, until);
        if (asked > 0) this.say(`${account}: ${asked} open orders canceled`);
      });
      await wait(CANCEL_AGAIN_MS, undefined, { signal: until }).catch(() => undefined);
    }
  }

  /** Opened once, whoever asks meanwhile; anew when that failed. */
  private find(account: string): Promise<Venue> {
    const known = this.open.get(account);
    if (known !== undefined) return known;
    const opening = this.openVenue(account);
    this.open.set(account, opening);
    opening.catch(() => this.open.delete(account));
    return opening;
  }

  /** What goes wrong is told once, and again when it is something else. */
  private async attempt<T>(account: string, work: () => Promise<T>, isEndured?: (error: unknown) => boolean): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (isEndured?.(error) === false) throw error;
      const detail = told(error);
      if (this.told.get(account) !== detail) this.say(`${account}: ${detail}`);
      this.told.set(account, detail);
      return undefined;
    }
  }
}

/** Whether a halt is about an account, as far as the configuration tells. */
export function isTouched({ scope, scopeValue, account: whose }: Latch, account: string, venue: string): boolean {
  if (scope === 'venue') return scopeValue === venue;
  if (scope === 'account') return scopeValue === account;
  return scope === 'everything' || whose === undefined || whose === account;
}

export function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
