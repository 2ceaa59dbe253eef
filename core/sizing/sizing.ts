import { failure, type Failure } from '../errors.js';
import { Decimal, decimal, floorToStep, quantizeUp, text, type DecimalText } from '../money/index.js';
import type { TradeSignal } from '../signal/signal.js';

/** How much an opening signal buys. Amounts are in the quote asset, above zero, and before fees. */
export type Sizing =
  /** `notional`: what the entry is worth. */
  | { readonly kind: 'fixedNotional'; readonly notional: DecimalText }
  /** `risk`: what is lost when the stop is hit. */
  | { readonly kind: 'riskPerTrade'; readonly risk: DecimalText; readonly maxNotional?: DecimalText }
  /** `target`: one standard deviation of a bar's profit or loss. */
  | { readonly kind: 'volatilityTarget'; readonly target: DecimalText; readonly maxNotional?: DecimalText };

/** Why an entry has its size: enough to compute it again. */
export interface SizingBasis {
  readonly kind: Sizing['kind'];
  /** Everything the formula was given but the price, by name: configured amounts, and the measured ratio as it was used. */
  readonly inputs: Readonly<Record<string, DecimalText>>;
  /** The price that the quantity was divided by: the worst one that the order may pay. */
  readonly price: DecimalText;
  /** In base, before it was rounded down to the venue's step; cut after 18 places. */
  readonly rawQuantity: DecimalText;
}

export interface SizedEntry {
  /** In base, a multiple of the step; zero when the sizing buys less than one step. */
  readonly quantity: Decimal;
  readonly basis: SizingBasis;
}

type Measured = Pick<TradeSignal, 'strategy' | 'stopDistanceRatio' | 'volatilityRatio'>;

/** A tenth of a basis point. What is measured below it is no distance but a fault, and would make a huge order. */
const LEAST_RATIO = 0.000_01;
const RATIO_STEP = '0.000000000001' as DecimalText;
const RAW_PLACES = 18;

/**
 * The quantity of an entry at `price`, rounded down to `stepSize`, with its basis. Fails with RISK_SIZING_INPUT when the
 * signal lacks what the sizing divides by: an entry whose risk is not known is not made.
 */
export function sizeEntry(sizing: Sizing, signal: Measured, price: Decimal, stepSize: Decimal): SizedEntry | Failure {
  if (!price.gt(0)) return unusable(sizing, signal, 'a price above 0', price.toFixed());
  const sized = (inputs: SizingBasis['inputs'], wanted: Decimal): SizedEntry => {
    const raw = wanted.toDecimalPlaces(RAW_PLACES, Decimal.ROUND_DOWN);
    const basis = { kind: sizing.kind, inputs, price: text(price), rawQuantity: text(raw) };
    return { quantity: floorToStep(raw, stepSize), basis };
  };
  if (sizing.kind === 'fixedNotional') return sized({ notional: sizing.notional }, decimal(sizing.notional).div(price));

  const { amountName, amount, ratioName } = dividedBy(sizing);
  const measured = signal[ratioName];
  if (measured === undefined || !(measured >= LEAST_RATIO && measured < 1)) {
    return unusable(sizing, signal, `a ${ratioName} from ${LEAST_RATIO.toFixed(5)} to below 1`, String(measured ?? 'none'));
  }
  const ratio = quantizeUp(measured, RATIO_STEP);
  const inputs = { [amountName]: amount, [ratioName]: ratio };
  const wanted = decimal(amount).div(price.mul(ratio));
  const { maxNotional } = sizing;
  if (maxNotional === undefined) return sized(inputs, wanted);
  return sized({ ...inputs, maxNotional }, Decimal.min(wanted, decimal(maxNotional).div(price)));
}

function dividedBy(sizing: Exclude<Sizing, { kind: 'fixedNotional' }>) {
  return sizing.kind === 'riskPerTrade'
    ? ({ amountName: 'risk', amount: sizing.risk, ratioName: 'stopDistanceRatio' } as const)
    : ({ amountName: 'target', amount: sizing.target, ratioName: 'volatilityRatio' } as const);
}

function unusable(sizing: Sizing, signal: Measured, input: string, value: string): Failure {
  return failure('RISK_SIZING_INPUT', { strategy: signal.strategy, kind: sizing.kind, input, value });
}
