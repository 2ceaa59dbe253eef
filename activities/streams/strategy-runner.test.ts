import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bar } from '../../core/bars/bar.js';
import type { DecimalText } from '../../core/money/index.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import type { Strategy, StrategyStep } from '../../core/strategy/strategy.js';
import type { EntryModel } from '../ports/model.js';
import { StrategyRunner, type RunnerOptions } from './strategy-runner.js';

const INTERVAL_MS = 1_000;
const VALID_MS = 2_000;
const bar = (index: number): Bar => ({
  instrument: 'BTC/USDT',
  intervalMs: INTERVAL_MS,
  openTime: index * INTERVAL_MS,
  closeTime: (index + 1) * INTERVAL_MS - 1,
  open: '1' as DecimalText,
  high: '1' as DecimalText,
  low: '1' as DecimalText,
  close: String(100 + index) as DecimalText,
  volume: '0' as DecimalText,
});

/** Wants the same at every bar and remembers the windows that it saw. */
class Steady implements Strategy {
  readonly version = '3';
  readonly lookbackBars = 4;
  readonly featureNames = ['last'];
  readonly windows: number[][] = [];
  readonly id: string;
  private readonly intent: StrategyStep['intent'];
  private readonly stance: StrategyStep['stance'];

  constructor(id: string, intent: StrategyStep['intent'] = 'open', stance: StrategyStep['stance'] = 'undecided') {
    this.id = id;
    this.intent = intent;
    this.stance = stance;
  }

  step(window: readonly Bar[]): StrategyStep {
    const opened = window.map(({ openTime }) => openTime / INTERVAL_MS);
    this.windows.push(opened);
    const measured = { stopDistanceRatio: 0.02, volatilityRatio: 0.01 };
    return { intent: this.intent, stance: this.stance, features: [opened.at(-1) ?? -1], ...measured, reason: 'always' };
  }
}

const model = (score = 0.9): EntryModel => ({
  hash: 'the-hash',
  threshold: 0.5,
  featureNames: ['last'],
  trainedFrom: '2000-01-01',
  trainedTo: '2010-01-01',
  score: () => Promise.resolve(score),
});

function running(changes: Partial<RunnerOptions> & { readonly strategy: Strategy }) {
  const traded: TradeSignal[] = [];
  const asked: TradeSignal[] = [];
  const untraded: { readonly signal: TradeSignal; readonly codes: string[] }[] = [];
  let now = 0;
  const runner = new StrategyRunner({
    account: 'main',
    instrument: 'BTC/USDT',
    intervalMs: INTERVAL_MS,
    model: model(),
    threshold: 0.5,
    signalValidMs: VALID_MS,
    clock: () => now,
    isHalted: () => false,
    sink: {
      trade: async (signal) => void traded.push(signal),
      // The ledger: something is held until a close was traded.
      wouldTrade: async (signal) => {
        asked.push(signal);
        return !traded.some(({ leg }) => leg === 'close');
      },
      notTraded: async (signal, failures) => void untraded.push({ signal, codes: failures.map(({ code }) => code) }),
    },
    ...changes,
  });
  /** Gives a bar `lateMs` after its close. */
  const give = (index: number, lateMs = 5): Promise<{ readonly kind: string }> => {
    now = bar(index).closeTime + lateMs;
    return runner.onBar(bar(index));
  };
  return { runner, traded, untraded, asked, give };
}

describe('StrategyRunner', () => {
  it('a strategy whose ratio is text enters nothing, which is on record, and still closes', async () => {
    class Untyped extends Steady {
      override step(window: readonly Bar[]): StrategyStep {
        return { ...super.step(window), stopDistanceRatio: '0.02' as unknown as number };
      }
    }
    const { traded, untraded, give } = running({ strategy: new Untyped('mine') });
    await give(0);
    expect([traded, untraded]).toMatchObject([[], [{ codes: ['RISK_STRATEGY_ANSWER'], signal: { leg: 'open', stopDistanceRatio: 0 } }]]);
    const closing = running({ strategy: new Untyped('mine', 'close') });
    await closing.give(0);
    expect(closing.traded).toMatchObject([{ leg: 'close', stopDistanceRatio: 0 }]);
  });

  it('closes what is still held while the stance is flat: the bar that said so may have been missed', async () => {
    const { runner, traded, asked, give } = running({ strategy: new Steady('momentum', 'none', 'flat') });
    runner.warmUp([bar(1), bar(2), bar(3)]);
    await give(4);
    await give(5);
    await give(6, VALID_MS + 1);
    expect(traded.map(({ leg, barCloseTime, reason }) => ({ leg, barCloseTime, reason }))).toEqual([
      { leg: 'close', barCloseTime: 4_999, reason: 'still held: always' },
    ]);
    // Asked once a bar, and not for one that came too late.
    expect(asked.map(({ barCloseTime }) => barCloseTime)).toEqual([4_999, 5_999]);
  });

  it('under a halt computes nothing and fills its window, from which it goes on when that is over', async () => {
    const [open, close] = [new Steady('momentum'), new Steady('other', 'none', 'flat')];
    let isHalted = true;
    const asked: string[] = [];
    const runs = [open, close].map((strategy) =>
      running({ strategy, isHalted: (version) => (asked.push(`${version.account} ${version.strategy} ${version.instrument}`), isHalted) }),
    );
    for (const { runner, give } of runs) {
      runner.warmUp([bar(1), bar(2), bar(3)]);
      expect(await give(4)).toMatchObject({ kind: 'followed' });
      await give(5);
    }
    expect(runs.map(({ traded, untraded, asked: gate }) => [traded, untraded, gate])).toEqual([
      [[], [], []],
      [[], [], []],
    ]);
    expect([...open.windows, ...close.windows]).toEqual([]);
    expect(new Set(asked)).toEqual(new Set(['main momentum BTC/USDT', 'main other BTC/USDT']));
    isHalted = false;
    for (const { give } of runs) await give(6);
    expect(open.windows).toEqual([[3, 4, 5, 6]]);
    expect(runs.map(({ traded }) => traded.map(({ barCloseTime }) => barCloseTime))).toEqual([[6_999], [6_999]]);
  });

  it.each(['long', 'undecided'] as const)('asks nothing while the stance is %s', async (stance) => {
    const { runner, traded, asked, give } = running({ strategy: new Steady('momentum', 'none', stance) });
    runner.warmUp([bar(1), bar(2), bar(3)]);
    await give(4);
    expect([traded, asked]).toEqual([[], []]);
  });

  it('makes of a close a signal with everything that it was decided on', async () => {
    const { runner, traded, give } = running({ strategy: new Steady('momentum') });
    runner.warmUp([bar(1), bar(2), bar(3)]);
    await give(4);
    expect(traded).toEqual([
      {
        account: 'main',
        strategy: 'momentum',
        strategyVersion: '3',
        instrument: 'BTC/USDT',
        leg: 'open',
        barCloseTime: 4_999,
        decidedTime: 5_004,
        validUntil: 6_999,
        referencePrice: '104',
        stopDistanceRatio: 0.02,
        volatilityRatio: 0.01,
        features: [4],
        score: 0.9,
        threshold: 0.5,
        modelHash: 'the-hash',
        reason: 'always',
      },
    ]);
  });

  it('says nothing of a volatility that its strategy does not measure', async () => {
    const unmeasured = new (class extends Steady {
      override step(window: readonly Bar[]): StrategyStep {
        const { volatilityRatio: _, ...rest } = super.step(window);
        return rest;
      }
    })('momentum');
    const { traded, give } = running({ strategy: unmeasured });
    await give(1);
    expect(traded).toHaveLength(1);
    expect(traded[0]).not.toHaveProperty('volatilityRatio');
  });

  it('an entry under the threshold is recorded with its score, not traded', async () => {
    const { traded, untraded, give } = running({ strategy: new Steady('momentum'), model: model(0.3) });
    await give(1);
    expect(traded).toEqual([]);
    expect(untraded).toMatchObject([{ codes: ['RISK_MODEL_THRESHOLD'], signal: { leg: 'open', score: 0.3 } }]);
  });

  it('a close asks no model', async () => {
    const deaf = { ...model(), score: () => Promise.reject(new Error('asked')) };
    const { traded, give } = running({ strategy: new Steady('momentum', 'close'), model: deaf });
    await give(1);
    expect(traded).toMatchObject([{ leg: 'close' }]);
    expect(traded[0]).not.toHaveProperty('score');
  });

  it('what it is warmed up with causes no signal', () => {
    const strategy = new Steady('momentum');
    const { runner, traded } = running({ strategy });
    runner.warmUp([bar(1), bar(2)]);
    expect([traded, strategy.windows]).toEqual([[], []]);
  });

  it('a bar that came too late for its signal fills the window and is not decided on', async () => {
    const strategy = new Steady('momentum');
    const { runner, traded, give } = running({ strategy });
    expect(await give(1, VALID_MS + 1)).toEqual({ kind: 'followed' });
    expect([traded, strategy.windows]).toEqual([[], []]);
    await give(2, VALID_MS);
    expect(strategy.windows).toEqual([[1, 2]]);
    expect(runner.lastOpenTime()).toBe(2_000);
  });

  it('decides nothing beyond a gap until it is filled', async () => {
    const strategy = new Steady('momentum');
    const { runner, traded, give } = running({ strategy });
    await give(1);
    expect(await give(4)).toEqual({ kind: 'gap', fromOpenTime: 2_000, toOpenTime: 3_000 });
    expect(traded).toHaveLength(1);
    runner.warmUp([bar(2)]);
    expect(await give(4)).toMatchObject({ kind: 'gap' });
    runner.warmUp([bar(3)]);
    expect(await give(4)).toEqual({ kind: 'followed' });
    expect(strategy.windows).toEqual([[1], [1, 2, 3, 4]]);
  });

  it('two strategies on one instrument do not disturb each other', async () => {
    const one = new Steady('one');
    const other = new Steady('other');
    const first = running({ strategy: one });
    const second = running({ strategy: other });
    await first.give(1);
    await first.give(2);
    await second.give(2);
    expect([one.windows, other.windows]).toEqual([[[1], [1, 2]], [[2]]]);
    expect(first.traded.map(({ strategy }) => strategy)).toEqual(['one', 'one']);
    expect(second.traded.map(({ strategy }) => strategy)).toEqual(['other']);
  });

  it('whatever arrives in whatever order: each bar is decided on at most once, over an unbroken window that ends with it', async () => {
    const arrivals = fc.array(fc.record({ index: fc.nat(15), isLate: fc.boolean(), isFilled: fc.boolean() }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(arrivals, async (given) => {
        const strategy = new Steady('momentum');
        const { runner, traded, give } = running({ strategy });
        for (const { index, isLate, isFilled } of given) {
          const arrival = await give(index, isLate ? VALID_MS + 1 : 5);
          if (arrival.kind !== 'gap' || !isFilled) continue;
          runner.warmUp(Array.from({ length: index }, (_, at) => bar(at)));
          await give(index, isLate ? VALID_MS + 1 : 5);
        }
        const decided = traded.map(({ barCloseTime }) => barCloseTime);
        expect(decided).toEqual([...new Set(decided)].sort((one, two) => one - two));
        for (const window of strategy.windows) {
          expect(window.length).toBeLessThanOrEqual(strategy.lookbackBars);
          window.forEach((index, at) => expect(index).toBe((window[0] ?? 0) + at));
        }
        expect(strategy.windows.map((window) => bar(window.at(-1) ?? -1).closeTime)).toEqual(decided);
      }),
    );
  });
});
