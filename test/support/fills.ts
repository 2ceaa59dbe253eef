import fc from 'fast-check';
import { Decimal, decimal } from '../../core/money/index.js';
import type { ValuedFill } from '../../core/ledger/results.js';

/** Printed, so that what it found can be found again: KEELSON_TEST_SEED gives it back. */
export function seedOf(what: string): number {
  const seed = Number(process.env['KEELSON_TEST_SEED'] ?? Date.now());
  console.info(`${what}: seed ${seed} (KEELSON_TEST_SEED)`);
  return seed;
}

/** A fill in whole units, so that a test can count them one by one. */
export interface UnitFill {
  readonly side: 'buy' | 'sell';
  readonly units: number;
  readonly price: number;
  readonly fee: number;
  readonly feeAsset: 'BTC' | 'USDT' | 'BNB';
  readonly strategy: 'momentum' | 'other' | null;
  /** What one of the price and one unit are; 1 where left out. */
  readonly ticks?: Ticks;
}

export interface Ticks {
  readonly price: string;
  readonly quantity: string;
}

/** Their product has eleven places, more than any venue's balances show: the books keep them all. */
export const ODD: Ticks = { price: '0.00000812', quantity: '1234.567' };

/** Fees in base are smaller than what was traded. */
export const unitFill: fc.Arbitrary<UnitFill> = fc
  .record({
    side: fc.constantFrom('buy' as const, 'sell' as const),
    units: fc.integer({ min: 2, max: 30 }),
    price: fc.integer({ min: 1, max: 100_000 }),
    fee: fc.integer({ min: 0, max: 40 }),
    feeAsset: fc.constantFrom('BTC' as const, 'USDT' as const, 'BNB' as const),
    strategy: fc.constantFrom('momentum' as const, 'momentum' as const, 'other' as const, null),
  })
  .map((one) => (one.feeAsset === 'BTC' ? { ...one, fee: one.fee % one.units } : one));

export const unitFills: fc.Arbitrary<readonly UnitFill[]> = fc.array(unitFill, { maxLength: 30 });

export function fillOf(one: UnitFill, index: number, changed: Partial<ValuedFill> = {}): ValuedFill {
  const { side, strategy, feeAsset, ticks = { price: '1', quantity: '1' } } = one;
  return {
    account: 'main',
    instrument: 'BTC/USDT',
    ...{ base: 'BTC', quote: 'USDT', side, strategy, feeAsset },
    venueTradeId: String(index),
    venueOrderId: `v${index}`,
    intentId: strategy === null ? null : `i${index}`,
    strategyVersion: strategy === null ? null : '1',
    origin: strategy === null ? 'foreign' : 'ours',
    liquiditySide: 'taker',
    price: new Decimal(one.price).mul(ticks.price),
    quantity: new Decimal(one.units).mul(ticks.quantity),
    fee: new Decimal(one.fee).mul(feeAsset === 'BTC' ? ticks.quantity : '1'),
    feePrice: decimal('300'),
    eventTime: 1_000 * index,
    booking: index,
    ...changed,
  };
}
