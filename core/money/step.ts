import { Decimal, decimal, text, type DecimalText } from './decimal.js';

/** The largest multiple of `step` that is not above `value` (towards minus infinity). @throws RangeError for step ≤ 0. */
export function floorToStep(value: Decimal, step: Decimal): Decimal {
  assertStep(step);
  return value.div(step).floor().mul(step);
}

/** The smallest multiple of `step` that is not below `value`. @throws RangeError for step ≤ 0. */
export function ceilToStep(value: Decimal, step: Decimal): Decimal {
  assertStep(step);
  return value.div(step).ceil().mul(step);
}

/** True when `value` is a whole multiple of `step`. @throws RangeError for step ≤ 0. */
export function isOnStep(value: Decimal, step: Decimal): boolean {
  assertStep(step);
  return value.mod(step).isZero();
}

/**
 * The one named crossing from floating point to money: a figure from an indicator, a model or a generator is rounded
 * to a multiple of `step` (half even) and leaves as text.
 * @throws RangeError when the number is not finite or the step is not positive.
 */
export function quantize(float: number, step: DecimalText): DecimalText {
  const unit = decimal(step);
  return text(inUnits(float, unit).round().mul(unit));
}

/** The same crossing for what an amount will be divided by: rounded up, so that rounding never makes the quotient larger. */
export function quantizeUp(float: number, step: DecimalText): DecimalText {
  const unit = decimal(step);
  return text(inUnits(float, unit).ceil().mul(unit));
}

/** The crossing the other way: decimals become floats only to feed indicators, models and statistics. */
export function toFloat(value: DecimalText): number {
  return Number(value);
}

function inUnits(float: number, unit: Decimal): Decimal {
  if (!Number.isFinite(float)) throw new RangeError(`not a finite number: ${float}`);
  assertStep(unit);
  return new Decimal(float).div(unit);
}

function assertStep(step: Decimal): void {
  if (!step.gt(0)) throw new RangeError(`a step must be positive, not ${step.toFixed()}`);
}
