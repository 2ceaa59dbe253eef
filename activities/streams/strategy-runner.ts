import type { Bar } from '../../core/bars/bar.js';
import { BarWindow, type Arrival } from '../../core/bars/window.js';
import { decide } from '../../core/signal/decide.js';
import type { Leg, TradeSignal } from '../../core/signal/signal.js';
import { readAnswer } from '../../core/strategy/answer.js';
import type { Strategy, StrategyStep } from '../../core/strategy/strategy.js';
import type { EntryModel } from '../ports/model.js';
import type { SignalSink } from '../ports/signal-sink.js';

/** One strategy on one instrument of one account. */
export interface RunnerOptions {
  readonly account: string;
  readonly strategy: Strategy;
  readonly instrument: string;
  readonly intervalMs: number;
  readonly model: EntryModel;
  readonly threshold: number;
  readonly signalValidMs: number;
  readonly sink: SignalSink;
  /** Whether a halt stands over it, as far as that is known without asking anybody; then nothing is decided. */
  readonly isHalted: (version: StrategyVersion) => boolean;
  readonly clock: () => number;
}

/** One build's strategy on one instrument of one account. */
export type StrategyVersion = Pick<TradeSignal, 'account' | 'strategy' | 'strategyVersion' | 'instrument'>;

/**
 * Runs a strategy over the bars of one instrument. Between the bar and the decision there is no I/O; what it decides
 * depends on the last `lookbackBars` bars alone, so a runner is rebuilt by giving it those.
 */
export class StrategyRunner {
  readonly instrument: string;
  readonly lookbackBars: number;
  readonly version: StrategyVersion;
  private readonly options: RunnerOptions;
  private readonly window: BarWindow;

  constructor(options: RunnerOptions) {
    this.options = options;
    this.instrument = options.instrument;
    this.lookbackBars = options.strategy.lookbackBars;
    const { account, strategy, instrument } = options;
    this.version = { account, strategy: strategy.id, strategyVersion: strategy.version, instrument };
    this.window = new BarWindow(options.strategy.lookbackBars);
  }

  lastOpenTime(): number | undefined {
    return this.window.lastOpenTime();
  }

  /** Bars that are past: they fill the window and cause no signal. */
  warmUp(bars: readonly Bar[]): void {
    this.window.rebuild(bars);
  }

  /** A bar that has just closed. On `gap` nothing was decided: fill it by `warmUp` and give the bar again. */
  async onBar(bar: Bar): Promise<Arrival> {
    const arrival = this.window.arrive(bar);
    if (arrival.kind !== 'followed') return arrival;
    const { strategy, model, threshold, sink, signalValidMs, isHalted, clock } = this.options;
    // A bar that reached us too late for its signal to be sent only fills the window, and so does each under a halt.
    if (clock() > bar.closeTime + signalValidMs || isHalted(this.version)) return arrival;
    const { step, failure } = readAnswer(strategy, strategy.step(this.window.bars()));
    if (failure !== undefined) {
      await sink.notTraded(this.signal(bar, step, 'open', undefined), [failure]);
      return arrival;
    }
    if (step.intent === 'none') {
      if (step.stance === 'flat') await this.closeWhatIsLeft(bar, step);
      return arrival;
    }
    const score = step.intent === 'open' ? await model.score(step.features) : undefined;
    const decision = decide(step, score, threshold);
    if (decision.kind === 'trade') await sink.trade(this.signal(bar, step, decision.leg, score));
    if (decision.kind === 'notTraded') await sink.notTraded(this.signal(bar, step, 'open', score), [decision.failure]);
    return arrival;
  }

  /**
   * A strategy says close once, where its stance turns. That bar may have been missed, paused, or filled in part: what is
   * still held while the stance is flat is closed on a later bar. The ledger knows what that is, and is asked.
   */
  private async closeWhatIsLeft(bar: Bar, step: StrategyStep): Promise<void> {
    const { sink } = this.options;
    const signal = this.signal(bar, { ...step, reason: `still held: ${step.reason}` }, 'close', undefined);
    if (await sink.wouldTrade(signal)) await sink.trade(signal);
  }

  private signal(bar: Bar, step: StrategyStep, leg: Leg, score: number | undefined): TradeSignal {
    const { model, threshold, signalValidMs, clock } = this.options;
    return {
      ...this.version,
      leg,
      barCloseTime: bar.closeTime,
      decidedTime: clock(),
      validUntil: bar.closeTime + signalValidMs,
      referencePrice: bar.close,
      stopDistanceRatio: step.stopDistanceRatio,
      ...(step.volatilityRatio === undefined ? {} : { volatilityRatio: step.volatilityRatio }),
      features: step.features,
      ...(score === undefined ? {} : { score, threshold, modelHash: model.hash }),
      reason: step.reason,
    };
  }
}
