import { Decimal, decimal, floorToStep, maximum, quantize } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import { PROTOCOL } from '../risk/limits.js';

/** What a position was opened at, and how far under that its stop belongs; undefined where no signal tells. */
export interface StopBasis {
  readonly averagePrice: string;
  readonly stopDistanceRatio: number | null;
}

const RATIO_STEP = '0.00000001';

/**
 * Where the stop of a position belongs: its distance under what the position was opened at, on the tick, rounded down;
 * and the limit under it, for a stop that sells at a limit. Both at least one tick.
 */
export function stopPricesOf(basis: StopBasis, rules: InstrumentRules): { readonly stopPrice: Decimal; readonly limitPrice: Decimal } {
  const tick = decimal(rules.tickSize);
  const told = basis.stopDistanceRatio;
  const ratio = told !== null && told > 0 && told < 1 ? told : PROTOCOL.stopDistanceRatio;
  const kept = new Decimal(1).minus(decimal(quantize(ratio, RATIO_STEP as Parameters<typeof quantize>[1])));
  const stopPrice = maximum(tick, floorToStep(new Decimal(basis.averagePrice).mul(kept), tick));
  const under = new Decimal(10_000 - PROTOCOL.stopLimitBps).div(10_000);
  return { stopPrice, limitPrice: maximum(tick, floorToStep(stopPrice.mul(under), tick)) };
}
