import { loadOnnxModel } from '../../adapters/model/onnx-model.js';
import { momentumTrend } from '../../core/strategy/momentum-trend.js';
import { demoOffsets, demoTable, playFromOffsets, type DemoRun } from './demo-report.js';
import { approvedModel, defaultConfig } from './demo-sources.js';

/** Plays the demo in virtual time from many starts: first entry, drawdown and return of each. */
export async function soakDemo(options: { readonly seed: number; readonly offsets: number; readonly bars: number }): Promise<void> {
  const { seed, bars } = options;
  const config = defaultConfig();
  const model = await loadOnnxModel({ ...approvedModel(config), featureNames: momentumTrend.featureNames });
  const runs: DemoRun[] = [];
  for (const offset of demoOffsets(options.offsets)) {
    // Simulated series of its own for each offset, so that eight hours from each are not the same eight hours.
    runs.push(...(await playFromOffsets(config, model, seed + offset, [offset], bars)));
  }
  process.stdout.write(`demo in virtual time: seed ${seed}, ${bars} bars of 1 s, model ${model.hash.slice(0, 12)}\n${demoTable(runs)}\n`);
}
