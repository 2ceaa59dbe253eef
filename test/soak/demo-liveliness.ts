/**
 * The demonstration in virtual time: the same bars, strategy, model, threshold and fees as `npm start`, without clock,
 * venue and workflows, so that eight hours take seconds. It answers two questions: how soon does the first position
 * open, and does the account survive the night.
 */
import type { EntryModel } from '../../activities/ports/model.js';
import { decide } from '../../core/signal/decide.js';
import { momentumTrend, stepOnPrices } from '../../core/strategy/momentum-trend.js';
import { lastColumns, type PriceColumns } from '../../core/strategy/price-columns.js';

/** Bars of one instrument; bar 0 is the first played, negative ones are history. */
export interface DemoSource {
  readonly instrument: string;
  readonly bar: (index: number) => { open: number; high: number; low: number; close: number } | undefined;
}

export interface DemoPlan {
  /** Bars to play; at 1 s bars 28,800 are 8 h. */
  readonly bars: number;
  /** What the account begins with and what each entry is worth, in the quote asset. */
  readonly equity: number;
  readonly notional: number;
  /** Fee and half the spread, of each side, as a fraction. */
  readonly costRatio: number;
}

export interface DemoOutcome {
  /** Bars (seconds of the demo) until the first position was open; undefined when none was. */
  readonly firstOpenAfter: number | undefined;
  readonly opened: number;
  readonly stopped: number;
  /** Opens that the model did not let through, and closes that found no position. */
  readonly notTraded: number;
  readonly closesWithoutPosition: number;
  readonly returnRatio: number;
  /** Greatest fall of the equity from its highest point so far, as a fraction. */
  readonly worstDrawdownRatio: number;
}

interface Position {
  readonly quantity: number;
  readonly stopPrice: number;
}

/** Plays all sources at once, each bar of each in turn. */
export async function playDemo(sources: readonly DemoSource[], model: EntryModel, plan: DemoPlan): Promise<DemoOutcome> {
  const markets = sources.map((source) => new Market(columnsOf(source, plan.bars), model, plan));
  let firstOpenAfter: number | undefined;
  let highest = plan.equity;
  let worst = 0;
  for (let bar = 0; bar < plan.bars; bar += 1) {
    let equity = plan.equity;
    for (const market of markets) {
      await market.play(bar);
      equity += market.profit;
    }
    if (firstOpenAfter === undefined && markets.some((market) => market.opened > 0)) firstOpenAfter = bar + 1;
    highest = Math.max(highest, equity);
    worst = Math.max(worst, 1 - equity / highest);
  }
  const total = (read: (market: Market) => number): number => markets.reduce((sum, market) => sum + read(market), 0);
  return {
    firstOpenAfter,
    opened: total((market) => market.opened),
    stopped: total((market) => market.stopped),
    notTraded: total((market) => market.notTraded),
    closesWithoutPosition: total((market) => market.closesWithoutPosition),
    returnRatio: total((market) => market.profit) / plan.equity,
    worstDrawdownRatio: worst,
  };
}

/** One instrument: what is held of it and what it has earned. A decision at a close is filled at the next open. */
class Market {
  opened = 0;
  stopped = 0;
  notTraded = 0;
  closesWithoutPosition = 0;
  /** Cash won or lost so far plus what the position is worth. */
  profit = 0;
  #cash = 0;
  #position: Position | undefined;
  #pending: { readonly leg: 'open' | 'close'; readonly stopDistanceRatio: number } | undefined;
  readonly #prices: PriceColumns;
  readonly #model: EntryModel;
  readonly #plan: DemoPlan;

  constructor(prices: PriceColumns, model: EntryModel, plan: DemoPlan) {
    this.#prices = prices;
    this.#model = model;
    this.#plan = plan;
  }

  async play(bar: number): Promise<void> {
    const row = bar + momentumTrend.lookbackBars;
    const open = this.#prices.open[row] ?? NaN;
    this.#fill(open);
    if (this.#position && (this.#prices.low[row] ?? open) <= this.#position.stopPrice) {
      this.#sell(Math.min(open, this.#position.stopPrice));
      this.stopped += 1;
    }
    const step = stepOnPrices(lastColumns(this.#prices, momentumTrend.lookbackBars, row + 1));
    const score = step.intent === 'open' ? await this.#model.score(step.features) : undefined;
    const decision = decide(step, score, this.#model.threshold);
    if (decision.kind === 'notTraded') this.notTraded += 1;
    if (decision.kind === 'trade') this.#pending = { leg: decision.leg, stopDistanceRatio: step.stopDistanceRatio };
    this.profit = this.#cash + (this.#position?.quantity ?? 0) * (this.#prices.close[row] ?? NaN);
  }

  #fill(price: number): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending?.leg === 'open' && !this.#position) {
      this.#position = { quantity: this.#plan.notional / price, stopPrice: price * (1 - pending.stopDistanceRatio) };
      this.#cash -= this.#plan.notional * (1 + this.#plan.costRatio);
      this.opened += 1;
    }
    if (pending?.leg === 'close') {
      if (this.#position) this.#sell(price);
      else this.closesWithoutPosition += 1;
    }
  }

  #sell(price: number): void {
    this.#cash += (this.#position?.quantity ?? 0) * price * (1 - this.#plan.costRatio);
    this.#position = undefined;
  }
}

/** The bars played and the history before them, as columns. A gap repeats the last close: nothing was traded. */
function columnsOf(source: DemoSource, bars: number): PriceColumns {
  const length = bars + momentumTrend.lookbackBars;
  const columns = {
    open: new Float64Array(length),
    high: new Float64Array(length),
    low: new Float64Array(length),
    close: new Float64Array(length),
  };
  for (let row = 0; row < length; row += 1) {
    const previous = columns.close[row - 1];
    const bar = source.bar(row - momentumTrend.lookbackBars);
    if (!bar && previous === undefined) throw new RangeError(`${source.instrument} begins with a gap`);
    columns.open[row] = bar?.open ?? previous ?? 0;
    columns.high[row] = bar?.high ?? previous ?? 0;
    columns.low[row] = bar?.low ?? previous ?? 0;
    columns.close[row] = bar?.close ?? previous ?? 0;
  }
  return columns;
}
