import { invariant } from '../../core/errors.js';
import { resolve } from 'node:path';
import { StrategyRunner, type RunnerOptions } from '../../activities/streams/strategy-runner.js';
import type { SignalSink } from '../../activities/ports/signal-sink.js';
import { loadOnnxModel } from '../../adapters/model/onnx-model.js';
import { configPath, INTERVALS } from '../../config/index.js';
import type { Strategy } from '../../core/strategy/strategy.js';
import type { WorkerProcess } from './process.js';

export type FindStrategy = (id: string) => Strategy | undefined;

/**
 * Loads every configured strategy with its approved model.
 * @param venueNow in which bars are stamped: a clock of ours that is off must not make every signal late.
 * @returns the runners of an account and interval; made anew at each call, since a runner belongs to one stream.
 * @throws KeelsonError MODEL_MISSING, MODEL_HASH_MISMATCH, MODEL_SCHEMA_MISMATCH.
 */
export async function loadRunners(
  process: WorkerProcess,
  sink: SignalSink,
  venueNow: (account: string) => number,
  strategyOf: FindStrategy,
  isHalted: RunnerOptions['isHalted'],
): Promise<(account: string, intervalMs: number) => StrategyRunner[]> {
  const { config, env } = process;
  const folder = resolve(configPath(env, globalThis.process.cwd()), '..');
  const loaded = await Promise.all(
    config.strategies.map(async (configured) => {
      const strategy = strategyOf(configured.id);
      invariant(strategy !== undefined, `strategy ${configured.id} is registered`);
      const { path, sha256, threshold } = configured.model;
      const model = await loadOnnxModel({ path: resolve(folder, path), expectedHash: sha256, featureNames: strategy.featureNames });
      return { configured, strategy, model, threshold: threshold ?? model.threshold };
    }),
  );
  return (account, intervalMs) =>
    loaded
      .filter(({ configured }) => configured.account === account && INTERVALS[configured.interval] === intervalMs)
      .flatMap(({ configured, strategy, model, threshold }) =>
        configured.instruments.map((instrument) => {
          const { signalValidMs } = configured;
          return new StrategyRunner({
            account,
            strategy,
            instrument,
            intervalMs,
            model,
            threshold,
            signalValidMs,
            sink,
            isHalted,
            clock: () => venueNow(account),
          });
        }),
      );
}
