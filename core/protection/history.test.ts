import { describe, expect, it } from 'vitest';
import type { StoredOrder } from '../order/stored-order.js';
import { failedInARow } from './history.js';

const stop = (status: StoredOrder['status'], executedQuantity = '0', purpose: StoredOrder['purpose'] = 'stop'): StoredOrder =>
  ({ purpose, status, executedQuantity }) as StoredOrder;

describe('stops that never came to rest', () => {
  it('are counted whether they were refused, lost or too late', () => {
    expect(failedInARow([stop('notPlaced'), stop('rejected'), stop('expired'), stop('filled'), stop('rejected')])).toBe(3);
  });

  it('end with one that rested, sold, or was taken away by its owner', () => {
    expect(failedInARow([stop('canceled'), stop('rejected')])).toBe(0);
    expect(failedInARow([stop('rejected'), stop('expired', '0.1'), stop('rejected')])).toBe(1);
    expect(failedInARow([stop('rejected', '0', 'escape')])).toBe(0);
  });
});
