import { expect, it } from 'vitest';
import { expectedWeight } from '../../activities/reconcile/counted.js';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import { comparedEachMinutes, SLOWEST_MINUTES } from '../reconcile/pace.js';
import { fits, plannedAMinute } from './planned.js';

const COMPARED = expectedWeight(BINANCE, 3);
const plans = Array.from({ length: 40 }, (_, index) => index + 1).flatMap((accounts) =>
  [1, 2, 3].map((processes) => {
    const weights = Array.from({ length: accounts }, () => COMPARED);
    const each = comparedEachMinutes(BINANCE.rateBudget.weight, weights);
    return { accounts, each, planned: plannedAMinute(BINANCE, weights, processes) };
  }),
);

it('up to twelve accounts and three processes, all that is asked for by the minute leaves a halt its part', () => {
  for (const { accounts, planned } of plans) if (accounts <= 12) expect([accounts, fits(planned)]).toEqual([accounts, true]);
});

it('what does not fit is told, and nothing else; the clock takes no more than a tenth', () => {
  for (const { planned } of plans) {
    const { watches, tended, comparisons, clock, held, unheld, limit } = planned;
    expect(fits(planned)).toBe(watches + tended + comparisons + clock <= held && held + unheld < limit);
    expect(clock).toBeLessThan(limit / 10);
  }
  expect(plans.filter(({ planned }) => !fits(planned)).length).toBeGreaterThan(0);
});

it('comparisons keep to a tenth as long as none has to wait for longer than it may', () => {
  for (const { each, planned } of plans) {
    expect(each).toBeLessThanOrEqual(SLOWEST_MINUTES);
    if (each < SLOWEST_MINUTES) expect(planned.comparisons).toBeLessThanOrEqual(planned.limit / 10);
  }
});
