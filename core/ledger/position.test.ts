import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decimal, ZERO, decimal, text } from '../money/index.js';
import { FLAT, applyFill, entriesOf, type LedgerFill } from './position.js';

const fillOf = (side: 'buy' | 'sell', price: string, quantity: string, fee = '0', feeAsset = 'USDT'): LedgerFill => ({
  side,
  price: decimal(price),
  quantity: decimal(quantity),
  fee: decimal(fee),
  feeAsset,
  base: 'BTC',
  quote: 'USDT',
});

describe('a position', () => {
  it('holds what was really received when the fee is taken in base (P21)', () => {
    const held = applyFill(FLAT, fillOf('buy', '100', '1', '0.001', 'BTC'));
    expect(held.quantity.toFixed()).toBe('0.999');
    expect(held.cost.toFixed()).toBe('100');
  });

  it('that its fee ate whole is a loss, and has cost nothing', () => {
    const amount = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(amount, amount, (price, quantity) => {
        const left = applyFill(FLAT, fillOf('buy', String(price), String(quantity), String(quantity), 'BTC'));
        expect([left.quantity.toFixed(), left.cost.toFixed(), left.realizedPnl.toFixed()]).toEqual(['0', '0', String(-price * quantity)]);
      }),
    );
  });

  it('realizes what a sale earned over its share of the cost, fees in quote taken off', () => {
    const held = applyFill(FLAT, fillOf('buy', '100', '2', '0.2'));
    const left = applyFill(held, fillOf('sell', '110', '1', '0.11'));
    expect(left.quantity.toFixed()).toBe('1');
    expect(left.cost.toFixed()).toBe('100');
    expect(left.realizedPnl.toFixed()).toBe('9.69');
  });

  it('that was sold before its purchase was booked ends as if it had been bought first', () => {
    const sold = applyFill(FLAT, fillOf('sell', '110', '1'));
    expect([sold.quantity.toFixed(), sold.cost.toFixed(), sold.realizedPnl.toFixed()]).toEqual(['-1', '-110', '0']);
    const flat = applyFill(sold, fillOf('buy', '100', '1'));
    expect([flat.quantity.toFixed(), flat.cost.toFixed(), flat.realizedPnl.toFixed()]).toEqual(['0', '0', '10']);
    const bought = applyFill(sold, fillOf('buy', '100', '4'));
    expect([bought.quantity.toFixed(), bought.cost.toFixed(), bought.realizedPnl.toFixed()]).toEqual(['3', '300', '10']);
    const oversold = applyFill(applyFill(FLAT, fillOf('buy', '100', '1')), fillOf('sell', '110', '3'));
    expect([oversold.quantity.toFixed(), oversold.cost.toFixed(), oversold.realizedPnl.toFixed()]).toEqual(['-2', '-220', '10']);
  });

  it('that ends flat has cost nothing and earned its cash, in whatever order its fills were booked', () => {
    const amount = fc.integer({ min: 1, max: 100_000 });
    const trades = fc.array(fc.record({ quantity: amount, bought: amount, sold: amount, parts: fc.integer({ min: 1, max: 3 }) }), {
      minLength: 1,
      maxLength: 6,
    });
    const roundTrips = trades.chain((all) => {
      const fills = all.flatMap(({ quantity, bought, sold, parts }) => [
        fillOf('buy', String(bought), String(quantity * parts), '0.3', 'BNB'),
        ...Array.from({ length: parts }, () => fillOf('sell', String(sold), String(quantity), '0.07')),
      ]);
      return fc.shuffledSubarray(fills, { minLength: fills.length });
    });
    fc.assert(
      fc.property(roundTrips, (fills) => {
        const end = fills.reduce(applyFill, FLAT);
        const cash = fills
          .flatMap(entriesOf)
          .filter(({ asset }) => asset === 'USDT')
          .reduce((sum, { delta }) => sum.plus(delta), ZERO);
        expect([end.quantity.toFixed(), end.cost.toFixed(), end.realizedPnl.toFixed()]).toEqual(['0', '0', cash.toFixed()]);
      }),
    );
  });

  it('is told to the last place of what was paid, however small the price and odd the quantity', () => {
    const units = fc.bigInt({ min: 1n, max: 10n ** 18n - 1n });
    fc.assert(
      fc.property(units, units, fc.constantFrom('buy' as const, 'sell' as const), (price, quantity, side) => {
        const [base, quote] = entriesOf(fillOf(side, `0.${String(price).padStart(18, '0')}`, `0.${String(quantity).padStart(18, '0')}`));
        const sign = side === 'buy' ? 1n : -1n;
        expect(base?.delta.mul('1e18').toFixed()).toBe(String(sign * quantity));
        expect(quote?.delta.mul('1e36').toFixed()).toBe(String(-sign * price * quantity));
      }),
    );
    expect(entriesOf(fillOf('buy', '0.00000812', '1234.567'))[1]?.delta.toFixed()).toBe('-0.01002468404');
  });

  it('conserves: cash paid and received, position and entries always agree', () => {
    const fills = fc.array(
      fc.record({
        buys: fc.boolean(),
        price: fc.integer({ min: 1, max: 100_000 }),
        quantity: fc.integer({ min: 1, max: 1_000 }),
        fee: fc.integer({ min: 0, max: 50 }),
        feeAsset: fc.constantFrom('BTC', 'USDT', 'BNB'),
      }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(fills, (story) => {
        let position = FLAT;
        const sums = new Map<string, Decimal>();
        for (const { buys, price, quantity, fee, feeAsset } of story) {
          const wanted = new Decimal(quantity).div(1_000).toFixed();
          const fill = fillOf(buys ? 'buy' : 'sell', String(price), wanted, new Decimal(fee).div(1_000_000).toFixed(), feeAsset);
          for (const { asset, delta } of entriesOf(fill)) sums.set(asset, (sums.get(asset) ?? ZERO).plus(delta));
          position = applyFill(position, fill);
        }
        expect(position.quantity.eq(sums.get('BTC') ?? ZERO)).toBe(true);
        // Whatever was realized plus what is still held at cost is the cash that went out or came in.
        const cash = sums.get('USDT') ?? ZERO;
        expect(position.realizedPnl.minus(position.cost).eq(cash)).toBe(true);
        // … and every figure can be written to the ledger and read again.
        for (const figure of [position.quantity, position.cost, position.realizedPnl]) expect(decimal(text(figure)).eq(figure)).toBe(true);
      }),
    );
  });
});
