import { expect, it } from 'vitest';
import { canWait, RECONCILE, RECONCILE_SCOPES, rulesAt } from './rules.js';

it.each([
  ['which shows at once: the usual', 0, 5_000, 3_000],
  ['which shows within the usual look', 2_000, 5_000, 3_000],
  ['which takes five seconds: nothing is judged within them', 5_000, 6_000, 6_000],
])('at a venue %s', (_, visibilityBoundMs, inFlightMs, secondLookMs) => {
  expect(rulesAt(visibilityBoundMs)).toEqual({ ...RECONCILE, inFlightMs, secondLookMs });
});

it('what a person or the end of a halt waits for cannot wait', () => {
  expect(RECONCILE_SCOPES.filter((scope) => !canWait(scope))).toEqual(['rearm', 'demand', 'deepDemand']);
});
