import { beforeAll, expect, test } from 'vitest';
import type { EntryModel } from '../../activities/ports/model.js';
import { loadOnnxModel } from '../../adapters/model/onnx-model.js';
import { momentumTrend } from '../../core/strategy/momentum-trend.js';
import { playDemo, type DemoPlan, type DemoSource } from './demo-liveliness.js';
import { demoOffsets, firstOpens, medianOf, playFromOffsets } from './demo-report.js';
import { approvedModel, begunAt, defaultConfig, demoSources } from './demo-sources.js';

const SEED = 7;
const config = defaultConfig();
let model: EntryModel;

beforeAll(async () => {
  model = await loadOnnxModel({ ...approvedModel(config), featureNames: momentumTrend.featureNames });
});

test('over 20 start offsets the first position opens within seconds', async () => {
  const runs = await playFromOffsets(config, model, SEED, demoOffsets(20), 120);
  const sorted = firstOpens(runs);
  expect({ median: medianOf(sorted), worst: sorted.at(-1) }, `seed ${SEED}: ${sorted.join(' ')}`).toSatisfy(
    ({ median, worst }: { median: number; worst: number }) => median <= 15 && worst < 60,
  );
});

test('an hour from three offsets neither ruins the account nor leaves it idle', async () => {
  for (const { offset, outcome } of await playFromOffsets(config, model, SEED, demoOffsets(3), 3_600)) {
    expect(outcome.worstDrawdownRatio, `offset ${offset}`).toBeLessThan(0.02);
    expect(outcome.opened).toBeGreaterThan(120);
    expect(outcome.opened).toBeLessThan(500);
    expect(outcome.notTraded).toBeGreaterThan(0);
  }
});

test('what is played is after the training window, and the loop does not jump', () => {
  const sources = demoSources(config, SEED, model.trainedTo);
  expect(sources[0]?.bar(0)?.close).toBeCloseTo(1277.06, 2);
  for (const { instrument, bar } of begunAt(sources, 1_900)) {
    let previous = bar(0)?.close ?? NaN;
    let widest = 0;
    for (let index = 1; index < 20_000; index += 1) {
      const next = bar(index);
      widest = Math.max(widest, Math.abs(Math.log((next?.open ?? NaN) / previous)));
      previous = next?.close ?? NaN;
    }
    expect(widest, instrument).toBeLessThan(0.09);
  }
});

test('the threshold decides: with 0 a rise is traded, with 1 it is left and its close finds nothing; a gap is no movement', async () => {
  const rising = (index: number): number => (index < 0 ? 100 : index < 40 ? 100 + index : 140 - (index - 40));
  const source: DemoSource = {
    instrument: 'X/USDT',
    bar: (index) => {
      if (index === 5) return undefined;
      const close = rising(index);
      return { open: close, high: close, low: close, close };
    },
  };
  const plan: DemoPlan = { bars: 70, equity: 1_000, notional: 100, costRatio: 0.001 };
  const generous: EntryModel = { ...model, threshold: 0 };
  const strict: EntryModel = { ...model, threshold: 1 };
  const taken = await playDemo([source], generous, plan);
  expect(taken).toMatchObject({ opened: 1, notTraded: 0 });
  const left = await playDemo([source], strict, plan);
  expect(left).toEqual({
    firstOpenAfter: undefined,
    opened: 0,
    stopped: 0,
    notTraded: 1,
    closesWithoutPosition: 1,
    returnRatio: 0,
    worstDrawdownRatio: 0,
  });
});
