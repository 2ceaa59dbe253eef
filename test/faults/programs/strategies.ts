import type { Bar } from '../../../core/bars/bar.js';
import { momentumTrend } from '../../../core/strategy/momentum-trend.js';
import { STRATEGIES } from '../../../core/strategy/registry.js';
import type { Strategy, StrategyStep } from '../../../core/strategy/strategy.js';

/**
 * Strategies for programs under test, in the registry before the configuration is read: two that never decide, so that
 * only the test's own signals trade, and one that opens and closes by the clock. A build is told apart by its version.
 */
const version = process.env['KEELSON_TEST_STRATEGY_VERSION'] ?? '1';
const STOP_DISTANCE = 0.02;
const PULSE_MS = 4_000;
const FEATURES = momentumTrend.featureNames.map(() => 0);

const step = (intent: StrategyStep['intent']): StrategyStep => ({
  intent,
  stance: 'undecided',
  features: FEATURES,
  stopDistanceRatio: STOP_DISTANCE,
  reason: 'test',
});

function pulse(window: readonly Bar[]): StrategyStep {
  const phase = ((window.at(-1)?.openTime ?? 1) % PULSE_MS) / (PULSE_MS / 4);
  return step(phase === 0 ? 'open' : phase === 2 ? 'close' : 'none');
}

const made = (id: string, take: Strategy['step']): Strategy => ({ ...momentumTrend, id, version, lookbackBars: 2, step: take });

const registry = STRATEGIES as Map<string, Strategy>;
for (const strategy of [made('still', () => step('none')), made('quiet', () => step('none')), made('pulse', pulse)]) {
  registry.set(strategy.id, strategy);
}
