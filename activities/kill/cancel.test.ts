import { describe, expect, it } from 'vitest';
import { LEDGER, RULES } from '../../test/support/risk-view.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { VenueOrder } from '../ports/venue.js';
import { createKillCancel } from './cancel.js';
import type { KillDependencies } from './dependencies.js';

const SHOWN = ['another round has placed', 'our books had closed', 'of others'].map(
  (clientOrderId) =>
    ({ instrument: RULES.instrument, clientOrderId, venueOrderId: `v ${clientOrderId}`, status: 'accepted' }) as VenueOrder,
);

/** What is canceled of what the venue shows, none of which was at work when the ledger was read. */
async function canceled(isFinal: Readonly<Record<string, boolean>>): Promise<readonly string[]> {
  const gone: string[] = [];
  const NOTHING = {
    quantity: '1',
    executedQuantity: '0',
    executedNotional: '0',
    venueExecutedQuantity: '0',
    venueStatus: null,
    triggeredTime: null,
  };
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
