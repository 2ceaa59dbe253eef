import { expect, it } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import type { Venue, VenueReader } from '../ports/venue.js';
import type { ReconcileDependencies } from './dependencies.js';
import { createRepair } from './repair.js';

it('P31: a comparison that was begun before a restore cancels nothing', async () => {
  const current = 2;
  const checkEpoch = async (epoch: number): Promise<void> => {
    if (epoch !== current) throw new KeelsonError('RISK_EPOCH', { epoch, current });
  };
  const canceled: number[] = [];
  const cancelBy = (epoch: number): Promise<void> => {
    const reader = { cancel: async () => (canceled.push(epoch), 'canceled') } as unknown as VenueReader;
    const parts = { books: { store: { checkEpoch, orderByVenueIds: async () => undefined }, epoch } } as unknown as ReconcileDependencies;
    const repair = createRepair(parts, 'main', {} as Venue, reader);
    return repair({ kind: 'cancelOrder', instrument: 'BTC/USDT', clientOrderId: 'second' }, '1');
  };
  await expect(cancelBy(1)).rejects.toMatchObject({ failure: { code: 'RISK_EPOCH' } });
  await cancelBy(2);
  expect(canceled).toEqual([2]);
});
