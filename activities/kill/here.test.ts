import { describe, expect, it } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import { LEDGER } from '../../test/support/risk-view.js';
import type { Events } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import type { KillDependencies } from './dependencies.js';
import { killHere, saidOnce } from './here.js';

const LATCH = { latchId: 'l-1', scope: 'account', scopeValue: LEDGER.account, policy: 'none', engagedTime: 0 };

/** Carries a halt out for so long, at a venue that does not answer. */
async function killedFor(ms: number, tell: (events: Events) => void): Promise<readonly string[]> {
  const said: string[] = [];
  const stopping = new AbortController();
  let now = 7_000;
  const until = now + ms;
  const away = (): Promise<never> => Promise.reject(new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'all', detail: 'away' }));
  const reader = { openOrders: away, balances: away, clock: away };
  const dependencies = {
    kills: {
      readKill: async () => ({
        risk: { ...LEDGER, positions: [] },
        latches: [LATCH],
        working: [],
        instruments: {},
        inventory: {},
        sold: [],
        contradicted: [],
        money: [],
      }),
      ordersAs: () => ({}),
      dropLease: async () => undefined,
    },
    store: { openIncident: async (events: Events) => tell(events) },
    protection: {},
    venueOf: () => ({ reader, haltReader: reader }) as unknown as Venue,
    newId: () => 'me',
    clock: () => now,
    pause: async (waited: number) => {
      now += waited;
      if (now >= until) stopping.abort();
    },
  } as unknown as KillDependencies;
  await killHere(
    dependencies,
    LEDGER.account,
    { scope: 'account', of: 'l-1', since: 5_000 },
    { say: (line) => said.push(line), stopping: stopping.signal },
  );
  return said;
}

describe('P26: a halt that a guardian carries out', () => {
  it('tells people as the workflow does, each thing once, however many do it', async () => {
    const keys: string[] = [];
    const tell = ({ incidents = [] }: Events): void => incidents.forEach(({ key }) => keys.push(key));
    await killedFor(340_000, tell);
    const told = [1, 2].map((count) => `haltNotVerified:${LEDGER.account}:l-1:5000:${count}`);
    expect(keys).toEqual(told);
    await killedFor(340_000, tell);
    expect(new Set(keys)).toEqual(new Set(told));
  });

  it('goes on where people cannot be told', async () => {
    const said = await killedFor(60_000, () => {
      throw new Error('the database is away');
    });
    expect(said).toContainEqual(expect.stringContaining('people are not told: Error: the database is away'));
  });

  it('says of the same halt nothing twice in a row, however often it begins anew', () => {
    const lines: string[] = [];
    const sayOf = saidOnce((line) => void lines.push(line));
    for (const of of ['l-1', 'l-1', 'l-1+l-2']) sayOf(of)('the venue shows the target');
    sayOf('l-1+l-2')('an order is unknown');
    sayOf('l-1+l-2')('the venue shows the target');
    const target = 'the venue shows the target';
    expect(lines).toEqual([target, target, 'an order is unknown', target]);
  });
});
