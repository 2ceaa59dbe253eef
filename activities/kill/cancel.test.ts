import { describe, expect, it, vi } from 'vitest';
import { KEY, LEDGER, RULES } from '../../test/support/risk-view.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { VenueOrder } from '../ports/venue.js';
import { createKillCancel } from './cancel.js';
import type { KillDependencies } from './dependencies.js';

const SHOWN = ['another round has placed', 'our books had closed', 'of others'].map(
  (clientOrderId) =>
    ({ instrument: RULES.instrument, clientOrderId, venueOrderId: `v ${clientOrderId}`, status: 'accepted' }) as VenueOrder,
);

const NOTHING = {
  quantity: '1',
  executedQuantity: '0',
  executedNotional: '0',
  venueExecutedQuantity: '0',
  venueStatus: null,
  triggeredTime: null,
};

/** What is canceled of what the venue shows, none of which was at work when the ledger was read. */
async function canceled(isFinal: Readonly<Record<string, boolean>>): Promise<readonly string[]> {
  const gone: string[] = [];
  const row = (name: string): StoredOrder | undefined => {
    const status = isFinal[name] ? 'canceled' : 'accepted';
    const order = { ...NOTHING, intentId: name, venueOrderId: `v ${name}`, status, side: 'sell', isFinal: isFinal[name] };
    return name in isFinal ? (order as unknown as StoredOrder) : undefined;
  };
  const reader = { openOrders: async () => SHOWN, cancel: async (_: string, name: string) => void gone.push(name) };
  const latch = { scope: 'account', scopeValue: LEDGER.account, policy: 'atOnce' };
  const dependencies = {
    kills: { readKill: async () => ({ risk: LEDGER, latches: [latch], working: [] }) },
    venueOf: () => ({ reader }),
    epoch: 1,
    clock: () => 0,
    store: {
      orderByVenueIds: async ({ clientOrderId }: VenueOrder) => row(clientOrderId),
      order: async (intentId: string) => row(intentId),
      changeOrder: async ({ intentId }: { intentId: string }) => ({ kind: 'written', order: row(intentId) }),
      openIncident: async () => undefined,
    },
  } as unknown as KillDependencies;
  const { asked } = await createKillCancel(dependencies)(LEDGER.account);
  expect(asked).toBe(gone.length);
  return gone.toSorted();
}

describe('P27: what a halt cancels while another round of it is at work', () => {
  it('is nothing that the other has placed since the ledger was read; what is not at work, and what is nobody’s, goes', async () => {
    expect(await canceled({ 'another round has placed': false, 'our books had closed': true })).toEqual([
      'of others',
      'our books had closed',
    ]);
    expect(await canceled({})).toHaveLength(3);
  });
});

/** A venue whose list of orders is long and whose cancels hang until they are told to answer, each for five seconds by our clock. */
function hanging(working: readonly Partial<StoredOrder>[]) {
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const proven: string[] = [];
  let now = 0;
  const asked: string[] = [];
  const order = (index: number) => ({ ...SHOWN[0], clientOrderId: `of others ${index}` });
  const reader = {
    openOrders: async () => Array.from({ length: 200 }, (_, index) => order(index)),
    cancel: async (_: string, name: string) => {
      asked.push(name);
      await answered;
      now += 5_000;
    },
  };
  const latch = { scope: 'account', scopeValue: LEDGER.account, policy: 'atOnce' };
  const rows = working.map(
    (one) => ({ ...NOTHING, ...KEY, side: 'buy', purpose: 'entry', isFinal: false, venueOrderId: null, ...one }) as unknown as StoredOrder,
  );
  const dependencies = {
    kills: { readKill: async () => ({ risk: LEDGER, latches: [latch], working: rows }) },
    venueOf: () => ({ reader, profile: { id: 'paper' } }),
    epoch: 1,
    clock: () => now,
    store: {
      orderByVenueIds: async () => undefined,
      order: async (intentId: string) => rows.find((one) => one.intentId === intentId),
      changeOrder: async ({ intentId, status }: StoredOrder) => {
        proven.push(`${intentId} ${status}`);
        return { kind: 'written', order: { ...rows[0], intentId, status, isFinal: true } };
      },
      openIncident: async () => undefined,
    },
  } as unknown as KillDependencies;
  const cancel = createKillCancel(dependencies);
  return { round: () => cancel(LEDGER.account), proven, answer: () => answer(), asked };
}

describe('P25: what a halt does at a venue whose cancels hang', () => {
  it('proves unsent what was only authorised, before any of them answers, and leaves the rest of its list to the next round', async () => {
    const { round, proven, answer, asked } = hanging([{ intentId: 'an intent', status: 'authorised' }]);
    const first = round();
    await vi.waitFor(() => expect(proven).toEqual([expect.stringMatching(/^an intent (expired|canceled)$/u)]));
    answer();
    await first;
    expect(asked.length).toBeLessThan(20);
    // … which begins with what was not asked for yet.
    const before = new Set(asked.splice(0));
    await round();
    expect(asked.filter((name) => before.has(name))).toEqual([]);
  });
});
