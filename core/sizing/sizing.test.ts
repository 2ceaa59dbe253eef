import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decimal, decimal, decimalTextOf, isDecimalText, isOnStep, text, type DecimalText } from '../money/index.js';
import { sizeEntry, type SizedEntry, type Sizing } from './sizing.js';

const d = (written: string): DecimalText => decimalTextOf(written);
const signal = (stopDistanceRatio: number, volatilityRatio?: number) => ({
  strategy: 'momentum',
  stopDistanceRatio,
  ...(volatilityRatio === undefined ? {} : { volatilityRatio }),
});
const size = (sizing: Sizing, ratio = 0.02, price = decimal('100'), step = decimal('0.001')): SizedEntry => {
  const sized = sizeEntry(sizing, signal(ratio, ratio), price, step);
  if ('code' in sized) throw new Error(sized.message);
  return sized;
};

const scaled = (most: number, places: number) =>
  fc.integer({ min: 1, max: most }).map((unscaled) => new Decimal(unscaled).div(new Decimal(10).pow(places)));
const amounts = scaled(100_000_000, 2);
const prices = scaled(2_000_000_000, 4);
const steps = fc.constantFrom('1', '0.1', '0.001', '0.00001', '0.00000001', '0.25').map(decimal);
const ratios = fc.double({ min: 0.000_01, max: 0.999, noNaN: true });

/** Every kind that divides by a ratio, and the amount that may not be exceeded. */
const byRatio = fc.constantFrom<(amount: Decimal, maxNotional?: Decimal) => Sizing>(
  (risk, most) => ({ kind: 'riskPerTrade', risk: text(risk), ...(most === undefined ? {} : { maxNotional: text(most) }) }),
  (target, most) => ({ kind: 'volatilityTarget', target: text(target), ...(most === undefined ? {} : { maxNotional: text(most) }) }),
);

describe('the size of an entry', () => {
  it.each<[Sizing, string, string]>([
    [{ kind: 'fixedNotional', notional: d('500') }, '5', '5'],
    // 20 are lost when 100 falls by 2 %: ten units lose 2 each.
    [{ kind: 'riskPerTrade', risk: d('20') }, '10', '10'],
    [{ kind: 'riskPerTrade', risk: d('20'), maxNotional: d('333.3333') }, '3.333', '3.333333'],
    [{ kind: 'riskPerTrade', risk: d('20'), maxNotional: d('5000') }, '10', '10'],
    [{ kind: 'volatilityTarget', target: d('1.99999') }, '0.999', '0.999995'],
    [{ kind: 'volatilityTarget', target: d('2'), maxNotional: d('50') }, '0.5', '0.5'],
  ])('of %j', (sizing, quantity, rawQuantity) => {
    const sized = size(sizing);
    expect(sized.quantity.toFixed()).toBe(quantity);
    expect(sized.basis).toMatchObject({ kind: sizing.kind, price: '100', rawQuantity });
  });

  it('says in its basis what it was computed of', () => {
    expect(size({ kind: 'riskPerTrade', risk: d('20'), maxNotional: d('400') }).basis).toEqual({
      kind: 'riskPerTrade',
      inputs: { risk: '20', stopDistanceRatio: '0.02', maxNotional: '400' },
      price: '100',
      rawQuantity: '4',
    });
    expect(size({ kind: 'volatilityTarget', target: d('2') }).basis.inputs).toEqual({ target: '2', volatilityRatio: '0.02' });
    expect(size({ kind: 'fixedNotional', notional: d('7') }).basis.inputs).toEqual({ notional: '7' });
  });

  it.each([0, -0.02, 0.000_009, 1, 3, NaN, Infinity])('is none for a ratio of %d: the entry is denied, never huge', (ratio) => {
    for (const sizing of [
      { kind: 'riskPerTrade', risk: d('1'), maxNotional: d('1') },
      { kind: 'volatilityTarget', target: d('1') },
    ] as const) {
      expect(sizeEntry(sizing, signal(ratio, ratio), decimal('100'), decimal('1'))).toMatchObject({ code: 'RISK_SIZING_INPUT' });
    }
  });

  it('is none where a measure or a price is missing', () => {
    const sizing: Sizing = { kind: 'volatilityTarget', target: d('1') };
    expect(sizeEntry(sizing, signal(0.02), decimal('100'), decimal('1'))).toMatchObject({
      code: 'RISK_SIZING_INPUT',
      message:
        'momentum is sized by volatilityTarget, which needs a volatilityRatio from 0.00001 to below 1; found: none. The entry is not sized.',
    });
    const fixed: Sizing = { kind: 'fixedNotional', notional: d('1') };
    expect(sizeEntry(fixed, signal(0.02), decimal('0'), decimal('1'))).toMatchObject({ code: 'RISK_SIZING_INPUT' });
  });
});

describe('whatever the numbers, a size', () => {
  it('of fixed notional is worth at most that, and less by under one step', () => {
    fc.assert(
      fc.property(amounts, prices, steps, (notional, price, step) => {
        const { quantity } = size({ kind: 'fixedNotional', notional: text(notional) }, 0, price, step);
        expect(quantity.mul(price).lte(notional)).toBe(true);
        expect(quantity.plus(step).mul(price).gt(notional)).toBe(true);
      }),
    );
  });

  it('never risks more than was allowed, nor is worth more, and comes within one step of one of them', () => {
    fc.assert(
      fc.property(
        byRatio,
        amounts,
        fc.option(amounts, { nil: undefined }),
        ratios,
        prices,
        steps,
        (kind, amount, most, ratio, price, step) => {
          const { quantity } = size(kind(amount, most), ratio, price, step);
          const atRisk = (units: Decimal): Decimal => units.mul(price).mul(new Decimal(ratio));
          expect(atRisk(quantity).lte(amount)).toBe(true);
          if (most !== undefined) expect(quantity.mul(price).lte(most)).toBe(true);
          // The ratio is rounded up to its twelfth place, which may cost the smallest ratios a ten-millionth of their size.
          const next = quantity.plus(step).mul('1.0000001');
          expect(atRisk(next).gt(amount) || (most !== undefined && next.mul(price).gt(most))).toBe(true);
        },
      ),
    );
  });

  it('lies on the step, is zero under one, and is its raw quantity rounded down', () => {
    fc.assert(
      fc.property(byRatio, amounts, ratios, prices, steps, (kind, amount, ratio, price, step) => {
        const { quantity, basis } = size(kind(amount), ratio, price, step);
        const raw = decimal(basis.rawQuantity);
        expect(isOnStep(quantity, step) && quantity.gte(0) && quantity.lte(raw) && raw.minus(quantity).lt(step)).toBe(true);
        expect(quantity.isZero()).toBe(raw.lt(step));
        for (const written of [...Object.values(basis.inputs), basis.price, basis.rawQuantity]) expect(isDecimalText(written)).toBe(true);
      }),
    );
  });

  it('grows with the amount and shrinks with the ratio and the price', () => {
    fc.assert(
      fc.property(byRatio, fc.tuple(amounts, amounts), fc.tuple(ratios, ratios), fc.tuple(prices, prices), steps, (kind, a, r, p, step) => {
        const [little, much] = [Decimal.min(...a), Decimal.max(...a)];
        const quantityOf = (amount: Decimal, ratio: number, price: Decimal): Decimal => size(kind(amount), ratio, price, step).quantity;
        const [near, far] = [Math.min(...r), Math.max(...r)];
        const [cheap, dear] = [Decimal.min(...p), Decimal.max(...p)];
        expect(quantityOf(much, far, dear).gte(quantityOf(little, far, dear))).toBe(true);
        expect(quantityOf(much, near, dear).gte(quantityOf(much, far, dear))).toBe(true);
        expect(quantityOf(much, near, cheap).gte(quantityOf(much, near, dear))).toBe(true);
      }),
    );
  });

  it('is the same in other units: of the quote asset, and of the base asset', () => {
    fc.assert(
      fc.property(
        byRatio,
        amounts,
        amounts,
        ratios,
        prices,
        steps,
        fc.integer({ min: 0, max: 6 }),
        (kind, a, most, ratio, price, step, places) => {
          const unit = new Decimal(10).pow(places);
          const { quantity } = size(kind(a, most), ratio, price, step);
          const otherQuote = size(kind(a.mul(unit), most.mul(unit)), ratio, price.mul(unit), step);
          expect(otherQuote.quantity.eq(quantity)).toBe(true);
          const otherBase = size(kind(a, most), ratio, price.mul(unit), step.div(unit));
          expect(otherBase.quantity.mul(unit).eq(quantity)).toBe(true);
        },
      ),
    );
  });
});
