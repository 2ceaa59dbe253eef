import { describe, expect, it } from 'vitest';
import type { StoredOrder } from '../order/stored-order.js';
import { failure } from '../errors.js';
import { failedInARow, pauseAfterRefusalsMs, pauseBeforeNextOfferMs, rowOfFailedBegan } from './history.js';

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

describe('a row of stops that never came to rest', () => {
  /** Newest first, as a look reads them: no more than twelve stops. */
  const looks = (statuses: readonly StoredOrder['status'][]): readonly (string | null)[] => {
    const all = statuses.map((status, index) => ({ ...stop(status), intentId: `stop ${index}` }));
    const told = all
      .map((_, index) =>
        all
          .slice(0, index + 1)
          .toReversed()
          .slice(0, 12),
      )
      .filter((recent) => failedInARow(recent) >= 3);
    return [...new Set(told.map(rowOfFailedBegan))];
  };

  it('is told once, and once more where it is longer than what is read', () => {
    const refused = (count: number): StoredOrder['status'][] => Array.from({ length: count }, () => 'rejected');
    expect(looks(refused(2))).toEqual([]);
    expect(looks(refused(11))).toEqual(['stop 0']);
    expect(looks(refused(500))).toEqual(['stop 0', null]);
    expect(looks(['filled', ...refused(11)])).toEqual(['stop 1']);
    // One that rested ends it: what comes then is another.
    expect(looks([...refused(5), 'canceled', ...refused(5)])).toEqual(['stop 0', 'stop 6']);
  });
});

describe('what waits before it is tried again', () => {
  const at = (updatedTime: number, more: Partial<StoredOrder>): StoredOrder =>
    ({
      purpose: 'escape',
      status: 'canceled',
      executedQuantity: '0',
      venueOrderId: 'v',
      createdTime: 0,
      updatedTime,
      failures: [],
      ...more,
    }) as StoredOrder;
  const escapes = (count: number) => [
    ...Array.from({ length: count }, () => at(1_000, {})),
    at(0, { purpose: 'stop', status: 'canceled' }),
  ];

  it('escapes follow each other at once as long as their collar widens, and then each five seconds', () => {
    expect(pauseAfterRefusalsMs(escapes(4), 1_000)).toBe(0);
    expect([1_000, 3_000, 6_000, 60_000].map((now) => pauseAfterRefusalsMs(escapes(5), now))).toEqual([5_000, 3_000, 0, 0]);
    // Only those since the newest stop count.
    expect(pauseAfterRefusalsMs([at(1_000, {}), at(0, { purpose: 'stop', status: 'canceled' }), ...escapes(9)], 1_000)).toBe(0);
    // One that never reached the venue widened nothing.
    expect(pauseAfterRefusalsMs([at(1_000, { venueOrderId: null }), ...escapes(4)], 1_000)).toBe(0);
  });

  it('escapes that the venue refuses are offered later and later, each two seconds at least', () => {
    expect([1, 2, 3, 4, 5, 60].map(pauseBeforeNextOfferMs)).toEqual([250, 500, 1_000, 2_000, 2_000, 2_000]);
  });

  it('stops that it refuses likewise, up to half a minute; one whose price was reached waits for nothing', () => {
    const refused = (count: number) =>
      Array.from({ length: count }, () => at(0, { purpose: 'stop', status: 'rejected', venueOrderId: null }));
    expect([1, 2, 3, 5, 6, 20].map((count) => pauseAfterRefusalsMs(refused(count), 0))).toEqual([
      1_000, 2_000, 4_000, 16_000, 30_000, 30_000,
    ]);
    const reached = at(0, { purpose: 'stop', status: 'rejected', failures: [failure('VENUE_REJECTED', { reason: 'stopWouldTrigger' })] });
    expect(pauseAfterRefusalsMs([reached, ...refused(5)], 0)).toBe(0);
  });

  it('nothing waits for longer than that where the clock was set back since, but in what builds up to 0.5 have read', () => {
    const hour = 3_600_000;
    const stops = (count: number, status: StoredOrder['status']) =>
      Array.from({ length: count }, () => at(hour, { purpose: 'stop', status, createdTime: hour }));
    const kinds = [[...Array.from({ length: 5 }, () => at(hour, {})), ...stops(1, 'canceled')], stops(2, 'rejected'), stops(9, 'canceled')];
    for (const recent of kinds) {
      expect(pauseAfterRefusalsMs(recent, 0)).toBe(0);
      const usual = pauseAfterRefusalsMs(recent, hour);
      expect(usual).toBeGreaterThan(0);
      for (const backMs of [1, 999, 5_000]) expect(pauseAfterRefusalsMs(recent, hour - backMs)).toBe(Math.max(0, usual - backMs));
    }
    const [, refused = []] = kinds;
    expect(pauseAfterRefusalsMs(refused, 0, { areAgesSigned: true })).toBe(hour + 2_000);
  });
});
