import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KEY as BTC, LEDGER as ACCOUNT, NOW, RULES } from '../../test/support/risk-view.js';
import { FLAT, applyFill, entriesOf, type LedgerFill } from '../ledger/position.js';
import { ZERO, decimal, text, type Decimal, type DecimalText } from '../money/index.js';
import { planProtection, uncoveredOf, type ProtectionView } from '../protection/plan.js';
import type { TradeSignal } from '../signal/signal.js';
import { termsOf } from './draft.js';
import { freeOfPosition, freeToSell } from './free-to-sell.js';
import { decideOrder } from './gate.js';
import { decideEscape, decideStop } from './protective.js';
import type { PositionView, RiskView, WorkingOrder } from './view.js';

const d = (value: string): DecimalText => value as DecimalText;
const KEY = { ...BTC, instrument: 'BNB/USDT' };
const INSTRUMENT = { ...RULES, instrument: KEY.instrument, base: 'BNB', tickSize: d('0.1') };
const CLOSE: TradeSignal = {
  ...KEY,
  strategyVersion: '1',
  leg: 'close',
  barCloseTime: NOW - 1,
  decidedTime: NOW,
  validUntil: NOW + 2_000,
  referencePrice: d('600'),
  stopDistanceRatio: 0.02,
  features: [],
  reason: 'test',
};

/** Books by the ledger's own functions: what fills make of the position in BNB and of the account's BNB. */
function bookAll(fills: readonly LedgerFill[]): Pick<RiskView, 'positions' | 'balances'> {
  let [position, balance] = [FLAT, ZERO];
  for (const fill of fills) {
    if (fill.base === 'BNB') position = applyFill(position, fill);
    for (const { asset, delta } of entriesOf(fill)) if (asset === 'BNB') balance = balance.plus(delta);
  }
  return { positions: [heldOf(text(position.quantity))], balances: { BNB: text(balance), USDT: d('10000') } };
}
const heldOf = (quantity: string, strategy: string = KEY.strategy): PositionView => ({
  strategy,
  instrument: KEY.instrument,
  quantity: d(quantity),
  cost: d('600'),
});
const viewOf = (more: Partial<RiskView>): RiskView => ({ ...ACCOUNT, instrument: INSTRUMENT, ...more });
const protectionOf = (risk: RiskView): ProtectionView => ({
  risk,
  working: [],
  adopted: [],
  recent: [],
  stops: 0,
  escapes: 0,
  basis: { averagePrice: '600', stopDistanceRatio: 0.02, strategyVersion: '1', createdTime: NOW - 60_000 },
});
const working = (more: Partial<WorkingOrder>): WorkingOrder => ({
  intentId: 'x',
  strategy: 'other',
  instrument: KEY.instrument,
  leg: 'close',
  side: 'sell',
  purpose: 'stop',
  status: 'accepted',
  reservedQuantity: d('0'),
  reservedNotional: d('0'),
  quote: 'USDT',
  ...more,
});
const exit = (ledger: RiskView) =>
  decideOrder(CLOSE, termsOf({ kind: 'fixedNotional', notional: d('0') }), ledger, { now: NOW, price: { price: d('600'), ageMs: 10 } });
const escape = (ledger: RiskView) => decideEscape(KEY, { sequence: 1, collarBps: 50 }, ledger, decimal('600'));
const stop = (ledger: RiskView, quantity: Decimal) =>
  decideStop(KEY, { sequence: 1, quantity, stopPrice: decimal('588'), limitPrice: decimal('585') }, ledger);

it('of a coin whose name every object knows is what is held of it, and no amount is too long to be added up', () => {
  const key = { ...KEY, instrument: 'constructor/USDT' };
  const positions = [{ ...heldOf('1'), instrument: key.instrument }];
  expect(text(freeToSell(key, viewOf({ positions, balances: {} })))).toBe('1');
  const most = d(`${'9'.repeat(31)}.${'9'.repeat(36)}`);
  expect(text(freeToSell(key, viewOf({ positions, balances: { constructor: most } })))).toBe('1');
});

describe('fees paid in a coin that is held as a position', () => {
  const trade = (side: 'buy' | 'sell', quantity: string, fee: string): LedgerFill => ({
    ...{ side, price: decimal('600'), quantity: decimal(quantity), fee: decimal(fee), feeAsset: 'BNB' },
    ...{ base: 'BNB', quote: 'USDT' },
  });
  /** Bought, its fee taken in base; sold but for what is under the step; and the fee of a trade in BTC takes just that. */
  const round = [trade('buy', '1', '0.00075'), trade('sell', '0.999', '0'), { ...trade('buy', '1', '0.00025'), base: 'BTC' }];
  const books = bookAll([...round, ...round, ...round, ...round, trade('buy', '1', '0.00075')]);
  const ledger = viewOf(books);

  it('P19, P21, P22: stop, exit and escape are for what is there, however much larger the position is', () => {
    expect(books).toMatchObject({ positions: [{ quantity: '1.00025' }], balances: { BNB: '0.99925' } });
    const view = protectionOf(ledger);
    const step = planProtection(KEY, view);
    expect(step.kind === 'placeStop' && text(step.wish.quantity)).toBe('0.999');
    expect(text(uncoveredOf(KEY, view))).toBe('0.001');
    // What a build that went by the position alone has recorded comes to what it came to then (P32).
    const { adopted: _later, ...recorded } = view;
    const then = planProtection(KEY, recorded);
    expect(then.kind === 'placeStop' && text(then.wish.quantity)).toBe('1');
    expect(stop(ledger, decimal('0.999'))).toMatchObject({ kind: 'approved' });
    expect(stop(ledger, decimal('1'))).toMatchObject({ failures: [{ code: 'RISK_NO_POSITION' }] });
    expect(exit(ledger)).toMatchObject({ order: { quantity: '0.999' } });
    expect(escape(ledger)).toMatchObject({ order: { quantity: '0.999' } });
  });

  it('are paid with what was there before, where there is such', () => {
    const inventory = viewOf({ ...books, balances: { BNB: d('5.99925') } });
    expect(exit(inventory)).toMatchObject({ order: { quantity: '1' } });
    expect(uncoveredOf(KEY, protectionOf(inventory)).isZero()).toBe(true);
  });

  it('leave an owner at rest when nothing of its position is there, without a stop that could only be refused', () => {
    const gone = viewOf({ ...books, balances: { BNB: d('0.0002') } });
    expect(planProtection(KEY, protectionOf(gone))).toEqual({ kind: 'rest', because: 'short' });
    const little = viewOf({ positions: [heldOf('0.002')], balances: { BNB: d('0.0002') } });
    expect(planProtection(KEY, protectionOf(little))).toEqual({ kind: 'rest', because: 'dust' });
  });
});

describe('what is there', () => {
  const two = { positions: [heldOf('2'), heldOf('1', 'other')], balances: { BNB: d('2.5') } };

  it('is less by what others sell of the coin, in whatever instrument, and not by what a buy would pay with it', () => {
    const free = (...workingOrders: WorkingOrder[]) => text(freeToSell(KEY, viewOf({ ...two, workingOrders })));
    expect(free()).toBe('2');
    expect(free(working({ reservedQuantity: d('1') }))).toBe('1.5');
    expect(free(working({ instrument: 'BNB/EUR', reservedQuantity: d('1') }))).toBe('1.5');
    expect(free(working({ instrument: 'XRP/BNB', side: 'buy', quote: 'BNB', reservedNotional: d('0.75') }))).toBe('2');
    expect(free(working({ instrument: 'BTC/USDT', reservedQuantity: d('1') }))).toBe('2');
  });

  it('is not asked for where the books say nothing of the coin (P19)', () => {
    expect(text(freeToSell(KEY, viewOf({ ...two, balances: {} })))).toBe('2');
  });

  it('is never sold twice, whoever sells (P18)', () => {
    const units = fc.integer({ min: 0, max: 3_000 });
    const amount = (count: number): DecimalText => text(decimal(String(count)).div(1_000));
    fc.assert(
      fc.property(units, units, units, units, units, (mine, theirs, balance, sold, wanted) => {
        const workingOrders = [working({ reservedQuantity: amount(Math.min(sold, theirs)) })];
        const positions = [heldOf(amount(mine)), heldOf(amount(theirs), 'other')];
        const ledger = viewOf({ positions, balances: { BNB: amount(balance), USDT: d('1') }, workingOrders });
        for (const verdict of [exit(ledger), escape(ledger), stop(ledger, decimal(amount(wanted)))]) {
          if (verdict.kind === 'denied') continue;
          const all = decimal(verdict.order.quantity).plus(decimal(workingOrders[0]!.reservedQuantity));
          expect(all.lte(decimal(amount(balance)))).toBe(true);
          expect(decimal(verdict.order.quantity).lte(decimal(amount(mine)))).toBe(true);
        }
        const step = planProtection(KEY, protectionOf(ledger));
        if (step.kind === 'placeStop') expect(stop(ledger, step.wish.quantity).kind).toBe('approved');
      }),
    );
  });
});

it.each([
  ['more', '5', '2', '2'],
  ['less', '1', '2', '1'],
  ['something, and nothing was bought', '1', '0', '0'],
])(
  'P18: of a position that is kept as %s than its fills add up to, no more than the lesser of both is sold',
  (_, quantity, filled, most) => {
    const ledger = viewOf({
      positions: [{ ...KEY, quantity: d(quantity), cost: d('100'), filled: d(filled) }],
      balances: { BTC: d('100') },
    });
    expect(text(freeOfPosition(KEY, ledger))).toBe(most);
    expect(text(freeToSell(KEY, ledger))).toBe(most);
  },
);
