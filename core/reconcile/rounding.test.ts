import fc from 'fast-check';
import { expect, it } from 'vitest';
import { text, decimal, type DecimalText } from '../money/index.js';
import { compareBalances } from './balances.js';
import type { Difference } from './difference.js';
import { RECONCILE } from './rules.js';
import type { LedgerSight, SeenFill, VenueSight } from './sight.js';

const d = (value: string): DecimalText => value as DecimalText;
const NOW = 1_700_000_000_000;
const INSTRUMENT = 'BTC/USD';
const UNIT = '0.0001';

const fill = (more: Partial<SeenFill> = {}): SeenFill => ({
  ...{ venueTradeId: 't1', venueOrderId: 'v1', instrument: INSTRUMENT, side: 'buy', price: d('100.003'), quantity: d('0.011') },
  ...{ amount: d('1.10003'), fee: d('0'), feeAsset: 'USD', liquiditySide: 'taker', eventTime: NOW - 1_000, ...more },
});
/** Of dollars the venue has so much more than the books, which have booked so many fills since the last clean look. */
const compared = (
  amount: string,
  fills: number,
  explained: readonly Difference[] = [],
  seen: Partial<VenueSight> = {},
  known: Parameters<typeof compareBalances>[5] = [],
): readonly Difference[] => {
  const ledger: LedgerSight = {
    ...{ account: 'main', databaseTime: NOW, onboardedTime: 0, orders: [], fills: [], protected: [], contradictions: [], bookedBeside: [] },
    balances: { USD: d('100') },
    instruments: { [INSTRUMENT]: { base: 'BTC', quote: 'USD', quoteUnit: d(UNIT) } },
    roundings: fills === 0 ? {} : { USD: { unit: d(UNIT), fills, left: text(decimal(UNIT).mul(fills)), inventory: d('100') } },
  };
  const venue = { venueTime: NOW, openOrders: [], fillsSince: 0, fills: [], balances: { USD: text(decimal('100').plus(amount)) }, ...seen };
  return compareBalances(venue, ledger, explained, new Set(), RECONCILE, known);
};

it('up to a unit for each fill since the last clean look is the venue’s rounding, and more is nobody’s', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: -400, max: 400 }).filter((tenths) => tenths !== 0),
      (fills, tenths) => {
        const amount = decimal(UNIT).mul(tenths).div(10);
        const [found] = compared(text(amount), fills);
        const isRounding = Math.abs(tenths) <= fills * 10;
        expect(found).toMatchObject({ class: isRounding ? 'rounding' : 'balanceMovement', deltas: { USD: text(amount) } });
        expect(found?.repair).toEqual(isRounding ? { kind: 'bookRounding', asset: 'USD', amount: text(amount) } : undefined);
      },
    ),
  );
});

it('what a fill that nobody has booked yet leaves goes with that fill, a unit and no more', () => {
  const explained = {
    class: 'missedFill',
    deltas: { USD: d('-1.10003') },
    evidence: { venue: fill(), ledger: null },
  } as unknown as Difference;
  expect(compared('-1.1', 0, [explained])).toEqual([]);
  expect(compared('-1.1002', 0, [explained])).toMatchObject([{ class: 'balanceMovement', deltas: { USD: '-0.00017' } }]);
});

it('a balance from before what was filled while the venue was read leaves only what is older', () => {
  const meanwhile = fill({ eventTime: NOW });
  // The books have the fill, the balance has not, and 0.00004 of what was filled before.
  expect(compared('1.10007', 2, [], { fills: [meanwhile] })).toMatchObject([{ class: 'rounding', deltas: { USD: '0.00004' } }]);
});

it.each([
  ['nothing else has moved', '-50', ['balanceMovement -50']],
  ['a fill has left something', '-50.0001', ['balanceMovement -50', 'rounding -0.0001']],
  ['more is missing than a fill can leave', '-50.0002', ['balanceMovement -50.0002']],
  ['it has come back, but for what a fill has left', '-0.0001', ['rounding -0.0001']],
  ['it has come back', '0', []],
])('of a balance that a person has left as it is: %s', (_, amount, found) => {
  const left = { class: 'balanceMovement', status: 'decided', decision: 'reject', deltas: { USD: d('-50') } } as const;
  expect(compared(amount, 1, [], {}, [left]).map(({ class: what, deltas }) => `${what} ${deltas['USD']}`)).toEqual(found);
});

it('what our own entries contradict is no movement; what has moved beside it has its own amount, and kept as the venue has it nothing has', () => {
  const damaged = (amount: string, part: string) => {
    const ledger: LedgerSight = {
      ...{ account: 'main', databaseTime: NOW, onboardedTime: 0, orders: [], fills: [], protected: [], bookedBeside: [], instruments: {} },
      contradictions: [{ subject: `books:${part}:USD`, kept: '100', reckoned: '130' }],
      balances: { USD: d('100') },
    };
    const venue = { venueTime: NOW, openOrders: [], fillsSince: 0, fills: [], balances: { USD: text(decimal('100').plus(amount)) } };
    return compareBalances(venue, ledger, [], new Set(), RECONCILE).map(({ class: what, deltas }) => [what, deltas]);
  };
  for (const part of ['balance', 'inventory', 'opening']) {
    expect(damaged('30', part)).toEqual([]);
    expect(damaged('0', part)).toEqual([]);
    expect(damaged('32', part)).toEqual([['balanceMovement', { USD: '2' }]]);
    expect(damaged('-5', part)).toEqual([['balanceMovement', { USD: '-35' }]]);
  }
  expect(damaged('30', 'position')).toEqual([['balanceMovement', { USD: '30' }]]);
});
