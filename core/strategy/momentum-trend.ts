import { clamp, realizedVolatility } from './indicators.js';
import { FEATURE_BARS, FEATURE_NAMES, featuresOf, readTrend, type TrendReading } from './features.js';
import { lastColumns, priceColumnsOf, type PriceColumns } from './price-columns.js';
import type { Stance, Strategy, StrategyStep } from './strategy.js';

/** How far back the last clear stance is looked for. */
const MEMORY_BARS = 32;
const LOOKBACK_BARS = FEATURE_BARS + MEMORY_BARS;

/** The fast average must stand this many true ranges above the slow one before a trend counts. */
const ENTRY_SPREAD = 0.2;
/** … and this many below it before the trend counts as over. Between the two the stance is undecided. */
const EXIT_SPREAD = -0.1;
const STOP_RANGES = 3;
const LEAST_STOP_RATIO = 0.004;
const GREATEST_STOP_RATIO = 0.12;

/**
 * Long-only trend following: in while the fast exponential average stands above the slow one and the price confirms it,
 * out when it falls below. The two thresholds differ (hysteresis), so that a market going sideways does not trade.
 *
 * An intention is emitted only on the bar where the stance turns. Whether it turned is read from the window alone: the
 * stance of an earlier bar is computed from the `FEATURE_BARS` bars that ended there, exactly as it was then. So opens
 * and closes alternate, and a close without a position happens only after an open that was not taken.
 */
export const momentumTrend: Strategy = {
  id: 'momentum',
  version: '1',
  lookbackBars: LOOKBACK_BARS,
  featureNames: FEATURE_NAMES,
  step: (window) => stepOnPrices(priceColumnsOf(window.slice(-LOOKBACK_BARS))),
};

/** The same step for prices that are floats already: training and simulation run over hundreds of thousands of bars. */
export function stepOnPrices(window: PriceColumns): StrategyStep {
  const count = window.close.length;
  if (count < LOOKBACK_BARS) {
    return {
      intent: 'none',
      stance: 'undecided',
      features: [],
      stopDistanceRatio: 0,
      reason: `warming up: ${count} of ${LOOKBACK_BARS} bars`,
    };
  }
  const prices = lastColumns(window, FEATURE_BARS);
  const trend = readTrend(prices);
  const stance = stanceOf(trend);
  const earlier = stance === 'undecided' ? stance : lastClearStance(window);
  const turned = stance !== 'undecided' && stance !== earlier;
  return {
    intent: turned ? (stance === 'long' ? 'open' : 'close') : 'none',
    stance,
    features: featuresOf(prices, trend),
    stopDistanceRatio: clamp(STOP_RANGES * trend.rangeRatio, LEAST_STOP_RATIO, GREATEST_STOP_RATIO),
    volatilityRatio: realizedVolatility(prices.close, FEATURE_BARS - 1),
    reason: reasonOf(stance, turned, trend),
  };
}

function stanceOf(trend: TrendReading): Stance {
  if (trend.spread >= ENTRY_SPREAD && trend.distance > 0) return 'long';
  if (trend.spread <= EXIT_SPREAD) return 'flat';
  return 'undecided';
}

/** The stance of the nearest earlier bar that had one; undecided when there was none in the memory. */
function lastClearStance(window: PriceColumns): Stance {
  const newest = window.close.length;
  for (let end = newest - 1; end >= newest - MEMORY_BARS; end -= 1) {
    const stance = stanceOf(readTrend(lastColumns(window, FEATURE_BARS, end)));
    if (stance !== 'undecided') return stance;
  }
  return 'undecided';
}

function reasonOf(stance: Stance, turned: boolean, trend: TrendReading): string {
  const spread = `${trend.spread >= 0 ? '+' : '−'}${Math.abs(trend.spread).toFixed(2)} true ranges`;
  if (stance === 'undecided') return `no clear trend: averages ${spread} apart`;
  if (stance === 'long') return turned ? `trend up: averages ${spread} apart` : `trend goes on: averages ${spread} apart`;
  return turned ? `trend over: averages ${spread} apart` : `no trend: averages ${spread} apart`;
}
