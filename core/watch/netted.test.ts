import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByHand, deposit, gone, told, trade, withdrawal, type Movement } from '../../test/support/by-hand.js';
import { decimal, text, type Amounts, type Decimal } from '../money/index.js';

const OPENING = decimal('100000');

describe('movements by hand that one reading nets', () => {
  it('a purchase beside a deposit is no loss when both are booked, and swallows no later withdrawal', () => {
    const account = new ByHand();
    const [bought, paid] = [trade('-600', '0.012'), deposit('500')];
    account.moves(bought, paid);
    expect(told(account.looks())).toMatchObject({ gone: { USDT: '100' }, pnl: '-100' });
    account.books(bought);
    account.books(paid);
    expect(told(account.looks())).toEqual({ gone: {}, pnl: '0', flows: '500', drawdown: '0' });
    for (const amount of ['100', '200', '300']) {
      account.moves(withdrawal(amount), { kind: 'deposited', amounts: { ETH: text(decimal('0.3')) } });
      expect(told(account.looks())).toMatchObject({ gone: { USDT: amount }, pnl: `-${amount}` });
      account.books(withdrawal(amount));
      account.books({ kind: 'deposited', amounts: { ETH: text(decimal('0.3')) } });
      expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '0', drawdown: '0' });
    }
  });

  it.each<[string, readonly Movement[], string, string]>([
    ['a sale beside a withdrawal of most of it', [trade('500', '-0.01'), withdrawal('400')], '0', '0'],
    ['a purchase beside a withdrawal of some', [trade('-500', '0.01'), withdrawal('100')], '0', '0'],
    ['a purchase beside a deposit of some', [trade('-500', '0.01'), deposit('100')], '0', '0'],
    ['a deposit of a coin beside a withdrawal of its worth', [deposit('0.01', 'BTC'), withdrawal('400')], '0', '0'],
    ['a purchase that has lost, beside a deposit', [trade('-600', '0.01'), deposit('500')], '-100', '0.000995024876'],
    ['a purchase for nothing, beside a deposit', [trade('-600', '0'), deposit('500')], '-600', '0.005970149254'],
  ])('%s: the day loses what the trades have lost, and no flow', (_, movements, pnl, lost) => {
    for (const ordered of [movements, [...movements].reverse()]) {
      const account = new ByHand();
      account.moves(...ordered);
      account.looks();
      for (const movement of ordered) {
        account.books(movement);
        account.looks();
      }
      expect(told(account.looks())).toMatchObject({ gone: {}, pnl, drawdown: lost });
    }
  });

  it('a withdrawal that was netted excuses nothing that goes after it', () => {
    const account = new ByHand();
    const [came, went] = [deposit('1000'), withdrawal('400')];
    account.moves(came, went);
    account.looks();
    account.books(came);
    account.books(went);
    expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '0', flows: '600' });
    account.moves(withdrawal('300'));
    expect(told(account.looks())).toMatchObject({ gone: { USDT: '300' }, pnl: '-300' });
  });
});

it('what went beside a deposit and is booked with it as one is told as netted, until the withdrawal and the rest of the deposit are booked', () => {
  const account = new ByHand();
  account.moves(deposit('1000'));
  account.looks();
  account.moves(withdrawal('400'));
  account.looks();
  account.books(deposit('600'));
  expect(told(account.looks())).toMatchObject({ gone: { USDT: '400' }, pnl: '-400' });
  expect(account.netted()).toEqual({ USDT: '400' });
  account.books(withdrawal('400'));
  expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '0' });
  account.books(deposit('400'));
  expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '0', flows: '600' });
  account.moves(withdrawal('50'));
  account.looks();
  expect(account.netted()).toEqual({});
});

/** A movement: when it happens, and when it is booked. One that happens before the next look is netted with the others of that. */
interface Step {
  readonly movement: Movement;
  readonly movedAt: number;
  readonly bookedAt: number;
}
const LOOKS = 6;

/** All trades go one way: opposite ones of which some wait for others add up to nothing in the books, which leaves a loss where none was. */
const movementOf = (isBuy: boolean): fc.Arbitrary<Movement> =>
  fc.oneof(
    fc.integer({ min: 1, max: 50 }).map((tens) => deposit(String(tens * 10))),
    fc.integer({ min: 1, max: 20 }).map((tens) => withdrawal(String(tens * 10))),
    fc.integer({ min: 1, max: 50 }).map((parts) => deposit(text(decimal('0.0001').mul(parts)), 'BTC')),
    fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 40 })).map(([parts, lost]) => {
      const [btc, worth] = [decimal('0.0001').mul(parts), decimal('5').mul(parts)];
      const paid = worth.mul(isBuy ? 1 + lost / 100 : 1 - lost / 100);
      return isBuy ? trade(text(paid.neg()), text(btc)) : trade(text(paid), text(btc.neg()));
    }),
  );
const at = fc.integer({ min: 0, max: LOOKS });
/** Booked when it has happened, and perhaps before the venue was read. */
const steps = fc.boolean().chain((isBuy) =>
  fc.array(
    fc
      .record({ movement: movementOf(isBuy), movedAt: at, later: at })
      .map(({ movement: one, movedAt, later }): Step => ({ movement: one, movedAt, bookedAt: movedAt + later })),
    { minLength: 1, maxLength: 6 },
  ),
);

const worthOf = (amounts: Amounts): Decimal => decimal(amounts['USDT'] ?? '0').plus(decimal(amounts['BTC'] ?? '0').mul(50_000));
const sumOf = (all: readonly Step[], isFlow: boolean): Decimal =>
  all
    .filter(({ movement: { kind } }) => (kind !== 'traded') === isFlow)
    .reduce((sum, { movement: { amounts } }) => sum.plus(worthOf(amounts)), decimal('0'));

function played(all: readonly Step[]): ByHand {
  const account = new ByHand();
  for (let look = 0; look <= 2 * LOOKS; look += 1) {
    account.moves(...all.filter(({ movedAt }) => movedAt === look).map(({ movement: one }) => one));
    for (const { movement: one, bookedAt } of all) {
      if (bookedAt !== look) continue;
      account.books(one);
      // A sample each second: each booking is seen by itself.
      account.looks();
    }
    account.looks();
  }
  return account;
}

describe('property: movements by hand in any grouping into readings, booked in any order', () => {
  it('when all is booked nothing is counted as lost but what the trades have lost', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const sample = played(all).looks();
        const pnl = sumOf(all, false);
        expect(gone(sample)).toEqual({});
        expect(Number(sample.figures?.dailyPnl)).toBeCloseTo(Number(pnl), 6);
        expect(Number(sample.state.performance?.dayFlows)).toBeCloseTo(Number(sumOf(all, true)), 6);
        // What was lost is a share of what the account was worth then, or when it was booked.
        expect(Math.abs(Number(sample.figures?.drawdownRatio) - Number(pnl.neg().div(OPENING)))).toBeLessThan(0.0004);
      }),
      { numRuns: 100 },
    );
  });

  it('what nobody has booked is excused by nothing that was booked for another', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 300 }), (all, amount) => {
        const account = played(all);
        const before = account.looks();
        account.moves(withdrawal(String(amount)));
        const after = account.looks();
        expect(gone(after)).toEqual({ USDT: String(amount) });
        expect(Number(after.figures?.dailyPnl) - Number(before.figures?.dailyPnl)).toBeCloseTo(-amount, 6);
      }),
      { numRuns: 100 },
    );
  });
});
