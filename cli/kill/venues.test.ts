import { describe, expect, it, vi } from 'vitest';
import type { Venue, VenueOrder } from '../../activities/ports/venue.js';
import type { Latch } from '../../core/control/mode.js';
import { KeelsonError } from '../../core/errors.js';
import { atLast } from './at-last.js';
import { OpenVenues } from './venues.js';

const EVERYTHING: Latch = { scope: 'everything', scopeValue: '' };

/** A venue with 40 open orders and cancels that answer when they are told to; and one whose orders come back. */
function venues() {
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const canceled = { slow: 0, quick: 0 };
  const opened: string[] = [];
  const order = (clientOrderId: string): VenueOrder => ({ instrument: 'BTC/USDT', clientOrderId, isTriggered: true }) as VenueOrder;
  const venueOf = (account: 'slow' | 'quick'): Venue => {
    const open = account === 'slow' ? Array.from({ length: 40 }, (_, index) => order(String(index))) : [order('again')];
    const cancel = async (): Promise<void> => {
      canceled[account] += 1;
      if (account === 'slow') await answered;
    };
    return { haltReader: { openOrders: async () => open, cancel }, close: async () => undefined } as unknown as Venue;
  };
  const all = new OpenVenues(
    async (account) => {
      opened.push(account);
      return venueOf(account as 'slow' | 'quick');
    },
    () => undefined,
    () => 0,
  );
  return { all, canceled, opened, answer: () => answer() };
}

describe('P25: a halt without its database, at a venue whose cancels hang', () => {
  it('is written as soon as the database is back, and cancels elsewhere again and again meanwhile', async () => {
    const { all, canceled, opened, answer } = venues();
    let isBack = false;
    const latched = atLast({
      attempt: async () => {
        if (!isBack) throw new Error('away');
        return 'latched';
      },
      failed: () => undefined,
      beside: (until) => ['slow', 'quick'].forEach((account) => all.keepCanceling(account, EVERYTHING, until)),
      stopping: new AbortController().signal,
    });
    await vi.waitFor(() => expect(canceled.quick).toBeGreaterThanOrEqual(2), { timeout: 10_000, interval: 5 });
    expect(canceled.slow).toBe(8);
    isBack = true;
    // None of its cancels has answered yet.
    await expect(latched).resolves.toBe('latched');
    answer();
    await all.close();
    // What is left is the ledger's to cancel now.
    expect(canceled.slow).toBe(8);
    expect(opened).toEqual(['slow', 'quick']);
  });

  it('does not wait with that for a database that takes the halt and is silent', async () => {
    const { all, canceled } = venues();
    let told = 0;
    let written = (): void => undefined;
    const latched = atLast({
      attempt: () => new Promise<string>((resolve) => (written = () => resolve('latched'))),
      failed: () => undefined,
      late: { afterMs: 1, tell: () => void (told += 1) },
      beside: (until) => all.keepCanceling('quick', EVERYTHING, until),
      stopping: new AbortController().signal,
    });
    await vi.waitFor(() => expect(canceled.quick).toBeGreaterThanOrEqual(1), { timeout: 10_000, interval: 5 });
    expect(told).toBe(1);
    written();
    await expect(latched).resolves.toBe('latched');
    await all.close();
  });

  it('is told to end while it is not written, and ends', async () => {
    const stopping = new AbortController();
    const { all, canceled } = venues();
    const ended = atLast({
      attempt: () => Promise.reject(new Error('away')),
      failed: () => undefined,
      beside: (until) => all.keepCanceling('quick', EVERYTHING, until),
      stopping: stopping.signal,
    });
    await vi.waitFor(() => expect(canceled.quick).toBeGreaterThanOrEqual(1), { timeout: 10_000, interval: 5 });
    stopping.abort();
    await expect(ended).resolves.toBeUndefined();
    await all.close();
  });
});

describe('a venue that refuses the key when it is opened', () => {
  const auth = new KeelsonError('VENUE_AUTH', { venue: 'paper', account: 'main', detail: 'no such key' });

  it.each<readonly [string, number, string | undefined]>([
    ['is opened once it takes the key within a minute', 59_000, undefined],
    ['is given up after a minute', 60_000, auth.message],
  ])('%s', async (_, laterMs, expected) => {
    const venue = { close: async () => undefined } as unknown as Venue;
    let [now, tries] = [0, 0];
    const all = new OpenVenues(
      async () => {
        tries += 1;
        if (tries === 2) now = laterMs;
        if (tries <= 2) throw auth;
        return venue;
      },
      () => undefined,
      () => now,
    );
    const opened = all.of('main', new AbortController().signal).then(
      (found) => (found === venue ? undefined : 'another'),
      (error: Error) => error.message,
    );
    expect([await opened, tries]).toEqual([expected, expected === undefined ? 3 : 2]);
    await all.close();
  });
});
