import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillOf, seedOf, unitFills, type UnitFill } from '../../test/support/fills.js';
import { Decimal, ZERO, decimal } from '../money/index.js';
import { lotsOf } from './lots.js';
import { RoundTrips } from './closed-position.js';
import { Books, byStrategy, profitOf, type BookResult } from './results.js';

const seed = seedOf('results');

/** A quotient, never rounded. */
class Share {
  readonly over: bigint;
  readonly under: bigint;
  constructor(over: bigint, under: bigint) {
    this.over = over;
    this.under = under;
  }
  plus(other: Share): Share {
    return new Share(this.over * other.under + other.over * this.under, this.under * other.under).least();
  }
  times(count: bigint): Share {
    return new Share(this.over * count, this.under).least();
  }
  private least(): Share {
    let [a, b] = [this.over < 0n ? -this.over : this.over, this.under];
    while (b > 0n) [a, b] = [b, a % b];
    return a > 1n ? new Share(this.over / a, this.under / a) : this;
  }
  decimal(): Decimal {
    return new Decimal(this.over.toString()).div(this.under.toString());
  }
}

/**
 * The same results counted in another way: every unit that is held (or owed) is an item of its own with its price, and a
 * unit that goes realizes what it brought less what it cost, by the oldest or by the mean of all. No lots, no running cost.
 */
function counted(fills: readonly UnitFill[], method: 'fifo' | 'average'): { realized: Decimal; held: number; cost: Decimal } {
  let units: Share[] = [];
  let owed = false;
  let realized = new Share(0n, 1n);
  for (const { side, units: traded, price, fee, feeAsset } of fills) {
    const change = (side === 'buy' ? traded : -traded) - (feeAsset === 'BTC' ? fee : 0);
    const each = new Share(BigInt(traded * price), BigInt(Math.abs(change)));
    for (let count = 0; count < Math.abs(change); count += 1) {
      const grows = units.length === 0 || owed === change < 0;
      if (grows) {
        owed = change < 0;
        units.push(each);
        continue;
      }
      const mean = units.reduce((sum, unit) => sum.plus(unit), new Share(0n, 1n));
      const gone = method === 'fifo' ? (units[0] as Share) : new Share(mean.over, mean.under * BigInt(units.length));
      const kept = units.slice(1);
      units = method === 'fifo' ? kept : kept.map(() => gone);
      const [sold, bought] = owed ? [gone, each] : [each, gone];
      realized = realized.plus(sold).plus(bought.times(-1n));
    }
    if (feeAsset === 'USDT') realized = realized.plus(new Share(BigInt(-fee), 1n));
    if (feeAsset === 'BNB') realized = realized.plus(new Share(BigInt(-fee * 300), 1n));
  }
  const cost = units.reduce((sum, unit) => sum.plus(unit), new Share(0n, 1n)).times(owed ? -1n : 1n);
  return { realized: realized.decimal(), held: owed ? -units.length : units.length, cost: cost.decimal() };
}

const near = (one: Decimal, other: Decimal): boolean => one.minus(other).abs().lt('0.000000000001');

describe('results', () => {
  it('are what counting unit by unit gives, by average cost and first in, first out', () => {
    fc.assert(
      fc.property(unitFills, (fills) => {
        const books = new Books();
        fills.forEach((fill, index) => books.add(fillOf(fill, index)));
        for (const book of books.all()) {
          const mine = fills.filter(({ strategy }) => strategy === book.strategy);
          const [average, fifo] = profitOf(book, decimal('50'));
          for (const profit of [average, fifo]) {
            const expected = counted(mine, profit.method);
            expect(book.average.quantity.eq(expected.held)).toBe(true);
            expect(near(profit.realizedPnl, expected.realized)).toBe(true);
            expect(near(profit.unrealizedPnl ?? ZERO, new Decimal(50 * expected.held).minus(expected.cost))).toBe(true);
          }
          expect(
            lotsOf(book.fifo)
              .reduce((sum, lot) => sum.plus(lot.quantity), ZERO)
              .eq(book.average.quantity),
          ).toBe(true);
        }
      }),
      { seed },
    );
  });

  it('of both methods agree to the last digit where nothing is held any more, and are the cash that came', () => {
    fc.assert(
      fc.property(unitFills, fc.integer({ min: 1, max: 1_000 }), (fills, price) => {
        const books = new Books();
        let book: BookResult | undefined;
        let cash = ZERO;
        const add = (fill: UnitFill, index: number): void => {
          book = books.add(fillOf(fill, index));
          cash = cash.plus(new Decimal(fill.side === 'buy' ? -fill.units : fill.units).mul(fill.price));
          if (fill.feeAsset !== 'BTC') cash = cash.minus(fill.feeAsset === 'USDT' ? fill.fee : fill.fee * 300);
        };
        const mine = fills.map((fill) => ({ ...fill, strategy: 'momentum' as const }));
        mine.forEach(add);
        const held = book?.average.quantity.toNumber() ?? 0;
        if (held !== 0) {
          const rest = {
            side: held > 0 ? 'sell' : 'buy',
            units: Math.abs(held),
            price,
            fee: 0,
            feeAsset: 'USDT',
            strategy: 'momentum',
          } as const;
          add(rest, mine.length);
        }
        if (book === undefined) return;
        const [average, fifo] = profitOf(book, undefined);
        expect([average.realizedPnl.toFixed(), fifo.realizedPnl.toFixed()]).toEqual([cash.toFixed(), cash.toFixed()]);
      }),
      { seed },
    );
  });

  it('of twenty thousand open lots are reckoned as soon as of few: a fill looks at the lots that it takes, and at no others', () => {
    const COUNT = 20_000;
    const trade = { fee: 0, feeAsset: 'USDT', strategy: 'momentum' } as const;
    const books = new Books();
    for (let index = 0; index < COUNT; index += 1) books.add(fillOf({ ...trade, side: 'buy', units: 1, price: 100 + (index % 2) }, index));
    // The oldest goes, then all but the newest in one sale.
    const first = books.add(fillOf({ ...trade, side: 'sell', units: 1, price: 200 }, COUNT));
    expect([lotsOf(first.fifo).length, first.fifo.realizedPnl.toFixed()]).toEqual([COUNT - 1, '100']);
    const last = books.add(fillOf({ ...trade, side: 'sell', units: COUNT - 2, price: 200 }, COUNT + 1));
    expect(lotsOf(last.fifo).map(({ quantity, cost }) => [quantity.toFixed(), cost.toFixed()])).toEqual([['1', '101']]);
    const bought = (COUNT / 2) * 201 - 101;
    expect(last.fifo.realizedPnl.toFixed()).toBe(`${200 * (COUNT - 1) - bought}`);
    expect(last.fifo.cost.toFixed()).toBe('101');
    // More is sold than there is: what is owed is the only lot.
    const owed = books.add(fillOf({ ...trade, side: 'sell', units: 2, price: 200 }, COUNT + 2));
    expect(lotsOf(owed.fifo).map(({ quantity, cost }) => [quantity.toFixed(), cost.toFixed()])).toEqual([['-1', '-200']]);
  });

  it('say by which method, and differ while something is held', () => {
    const books = new Books();
    const trade = { fee: 0, feeAsset: 'USDT', strategy: 'momentum' } as const;
    books.add(fillOf({ ...trade, side: 'buy', units: 2, price: 100 }, 1));
    books.add(fillOf({ ...trade, side: 'buy', units: 2, price: 200 }, 2));
    const book = books.add(fillOf({ ...trade, side: 'sell', units: 2, price: 300, fee: 1, feeAsset: 'BNB' }, 3));
    const told = profitOf(book, decimal('300')).map(({ method, realizedPnl, unrealizedPnl, averagePrice }) =>
      [method, realizedPnl, unrealizedPnl, averagePrice].join(' '),
    );
    expect(told).toEqual(['average 0 300 150', 'fifo 100 200 200']);
    expect(profitOf(book, undefined)[0].unrealizedPnl).toBeUndefined();
  });

  it('without a price of the fee’s asset count it, and guess nothing', () => {
    const books = new Books();
    const fill = { side: 'buy', units: 2, price: 100, fee: 3, feeAsset: 'BNB', strategy: null } as const;
    const book = books.add(fillOf(fill, 1, { feePrice: undefined }));
    expect([book.unvaluedFees, book.fees.toFixed(), book.strategy]).toEqual([1, '0', null]);
    books.add(fillOf({ ...fill, strategy: 'momentum', feeAsset: 'BTC', fee: 1 }, 2));
    expect(byStrategy(books.all()).map(({ strategy, fees, unvaluedFees }) => [strategy, fees.toFixed(), unvaluedFees])).toEqual([
      ['momentum', '100', 0],
      [null, '0', 1],
    ]);
  });
});

describe('what is traded by hand', () => {
  it('has no result and is no short: of what was there before nobody knows what it cost', () => {
    const sold = { side: 'sell', units: 1, price: 50_000, fee: 2, feeAsset: 'USDT', strategy: null } as const;
    const books = new Books();
    const trips = new RoundTrips(() => ZERO);
    for (const [index, fill] of [sold, { ...sold, side: 'buy' as const, price: 60_000 }].entries()) {
      books.add(fillOf(fill, index));
      expect(trips.add(fillOf(fill, index))).toBeUndefined();
    }
    const [book] = books.all();
    expect([book?.bought.toFixed(), book?.sold.toFixed()]).toEqual(['1', '1']);
    expect(byStrategy(books.all())).toMatchObject([{ strategy: null, realizedAverage: undefined, realizedFifo: undefined, fills: 2 }]);
    expect(byStrategy(books.all())[0]?.fees.toFixed()).toBe('4');
  });
});

it('a result says how many of its fills were by another hand, for whomever a person has booked them or taken their order over', () => {
  const books = new Books();
  const fill = { side: 'buy', units: 2, price: 100, fee: 0, feeAsset: 'USDT', strategy: 'momentum' } as const;
  for (const [index, intentId] of ['i1', 'adopted:main:BTC-USDT:7', 'byHand:main:BTC-USDT:8'].entries())
    books.add(fillOf(fill, index, { intentId }));
  books.add(fillOf({ ...fill, strategy: null }, 4));
  expect(byStrategy(books.all()).map(({ strategy, fills, foreignFills }) => [strategy, fills, foreignFills])).toEqual([
    ['momentum', 3, 2],
    [null, 1, 1],
  ]);
});

describe('closed positions', () => {
  it('are from flat to flat, dust aside, and sum up to everything that was realized', () => {
    const trips = new RoundTrips(() => new Decimal(2));
    const trade = { fee: 0, feeAsset: 'USDT', strategy: 'momentum' } as const;
    const told = [
      fillOf({ ...trade, side: 'buy', units: 4, price: 100, fee: 2 }, 1),
      fillOf({ ...trade, side: 'sell', units: 2, price: 110 }, 2),
      fillOf({ ...trade, side: 'sell', units: 2, price: 120 }, 3),
      // One unit of these is taken as a fee, so one is left that nobody can sell.
      fillOf({ ...trade, side: 'buy', units: 6, price: 100, fee: 1, feeAsset: 'BTC' }, 4),
      fillOf({ ...trade, side: 'sell', units: 4, price: 150 }, 5),
      fillOf({ ...trade, side: 'buy', units: 2, price: 100 }, 6),
    ].map((fill) => trips.add(fill));
    expect(told.map((one) => one?.closedTime)).toEqual([undefined, undefined, 3_000, undefined, 5_000, undefined]);
    expect(told[2]).toMatchObject({ openedTime: 1_000, strategyVersion: '1', fills: 3 });
    expect([told[2]?.entryPrice, told[2]?.exitPrice, told[2]?.realizedFifo, told[2]?.fees].join(' ')).toBe('100 115 58 2');
    expect([told[4]?.realizedAverage, told[4]?.realizedFifo, told[4]?.fees].join(' ')).toBe('120 120 100');
  });
});
