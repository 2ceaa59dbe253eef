import { parseArgs } from 'node:util';
import { loadOnnxModel } from '../../adapters/model/onnx-model.js';
import { momentumTrend } from '../../core/strategy/momentum-trend.js';
import { demoOffsets, demoTable, playFromOffsets, type DemoRun } from './demo-report.js';
import { approvedModel, defaultConfig, EIGHT_HOURS } from './demo-sources.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '7' },
    offsets: { type: 'string', default: '20' },
    bars: { type: 'string', default: String(EIGHT_HOURS) },
  },
});

const config = defaultConfig();
const model = await loadOnnxModel({ ...approvedModel(config), featureNames: momentumTrend.featureNames });
const seed = Number(values.seed);
const runs: DemoRun[] = [];
for (const offset of demoOffsets(Number(values.offsets))) {
  // Simulated series of its own for each offset, so that eight hours from each are not the same eight hours.
  runs.push(...(await playFromOffsets(config, model, seed + offset, [offset], Number(values.bars))));
}
process.stdout.write(
  `demo in virtual time: seed ${seed}, ${values.bars} bars of 1 s, model ${model.hash.slice(0, 12)}\n${demoTable(runs)}\n`,
);
