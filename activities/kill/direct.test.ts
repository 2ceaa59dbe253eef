import { describe, expect, it } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import type { Venue, VenueOrder } from '../ports/venue.js';
import { killDirectly, type DirectRun } from './direct.js';
import type { KillDependencies } from './dependencies.js';

const open = (instrument: string, more: Partial<VenueOrder> = {}): VenueOrder =>
  ({ instrument, clientOrderId: `of ${instrument}`, isTriggered: true, ...more }) as VenueOrder;
const OPEN = [open('BTC/USDT'), open('ETH/USDT'), open('ETH/USDT', { clientOrderId: 'a stop', isTriggered: false })];

describe('a halt without Temporal whose venue cannot be looked at', () => {
  const auth = new KeelsonError('VENUE_AUTH', { venue: 'paper', account: 'main', detail: 'no such key' });
  const away = new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', detail: 'timed out' });

  const refusal = new KeelsonError('RISK_EPOCH', { epoch: 1, current: 2 });

  /** Looks once in each second; `ended`: after so many ms, undefined when only the test ended it. */
  it.each<readonly [string, boolean, (second: number) => KeelsonError, number | undefined]>([
    ['ends when for a minute its key is refused', true, () => auth, 60],
    ['does not end where its key is refused for less', true, (second) => (second < 59 ? auth : away), undefined],
    ['counts the minute anew after another answer', true, (second) => (second === 50 ? away : auth), 111],
    ['does not end where waiting may help', true, () => away, undefined],
    ['does not end for what is not about the key', true, () => refusal, undefined],
    ['does not end in a guardian', false, () => auth, undefined],
  ])('%s', async (_, endsRefused, failing, expected) => {
    const stopping = new AbortController();
    let second = 0;
    const dependencies = {
      kills: { readKill: () => Promise.reject(failing(second)), ordersAs: () => ({}), dropLease: async () => undefined },
      venueOf: () => ({}) as Venue,
      newId: () => 'me',
      clock: () => second * 1_000,
      pause: async () => {
        second += 1;
        if (second >= 300) stopping.abort();
      },
    } as unknown as KillDependencies;
    const run = { scope: { scope: 'strategy' } as const, say: () => undefined, stopping: stopping.signal, endsRefused };
    const found = await killDirectly(dependencies, 'main', run);
    expect(stopping.signal.aborted ? undefined : second).toBe(expected);
    expect(found.unverified).toContainEqual({ kind: 'unanswered', detail: failing(Math.min(second, 299)).message });
  });
});

describe('P29: a halt without Temporal that loses its ledger', () => {
  it.each<readonly [DirectRun['scope'], readonly string[]]>([
    [{ scope: 'account' }, ['of BTC/USDT', 'of ETH/USDT']],
    [{ scope: 'everything' }, ['of BTC/USDT', 'of ETH/USDT']],
    [{ scope: 'venue' }, ['of BTC/USDT', 'of ETH/USDT']],
    // Which of them are ours only the ledger knows.
    [{ scope: 'instrument' }, []],
    [{ scope: 'strategy' }, []],
  ])('cancels what is open in %j, and nothing beside it', async (scope, expected) => {
    const canceled = new Set<string>();
    const reader = {
      openOrders: async (instrument?: string) => OPEN.filter((one) => instrument === undefined || one.instrument === instrument),
      cancel: async (_: string, clientOrderId: string) => {
        canceled.add(clientOrderId);
        return 'canceled' as const;
      },
    };
    const venue = { reader, haltReader: reader } as unknown as Venue;
    const stopping = new AbortController();
    const away = (): Promise<never> => Promise.reject(new KeelsonError('INFRA_DATABASE', { detail: 'away' }));
    const dependencies = {
      kills: { readKill: away, ordersAs: () => ({}), dropLease: away },
      venueOf: () => venue,
      newId: () => 'me',
      clock: () => 0,
      // One round is enough.
      pause: async () => stopping.abort(),
    } as unknown as KillDependencies;
    const found = await killDirectly(dependencies, 'main', { scope, say: () => undefined, stopping: stopping.signal });
    expect(found.unverified).toContainEqual({ kind: 'unanswered', detail: expect.stringContaining('away') as string });
    expect([...canceled].toSorted()).toEqual(expected);
  });

  it('asks the ledger again although what it cancels meanwhile hangs, and cancels one round at a time', async () => {
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const stopping = new AbortController();
    let [asked, rounds] = [0, 0];
    const reader = {
      openOrders: async () => OPEN,
      cancel: async () => {
        asked += 1;
        await answered;
      },
    };
    const away = (): Promise<never> => Promise.reject(new KeelsonError('INFRA_DATABASE', { detail: 'away' }));
    const dependencies = {
      kills: { readKill: away, ordersAs: () => ({}), dropLease: away },
      venueOf: () => ({ reader, haltReader: reader }) as unknown as Venue,
      newId: () => 'me',
      clock: () => 0,
      pause: async () => {
        rounds += 1;
        if (rounds < 3) return;
        stopping.abort();
        answer();
      },
    } as unknown as KillDependencies;
    await killDirectly(dependencies, 'main', { scope: { scope: 'account' }, say: () => undefined, stopping: stopping.signal });
    expect([rounds, asked]).toEqual([3, 2]);
  });
});
