import type { EntryModel } from '../../activities/ports/model.js';
import type { Config } from '../../config/index.js';
import { playDemo, type DemoOutcome } from './demo-liveliness.js';
import { begunAt, demoPlan, demoSources } from './demo-sources.js';

export interface DemoRun {
  readonly offset: number;
  readonly outcome: DemoOutcome;
}

/** Offsets spread over the recorded days after training (some 2,000), none a multiple of another. */
export function demoOffsets(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => (index * 619) % 2_003);
}

/** Plays the demo once from each offset into the same bars. */
export async function playFromOffsets(
  config: Config,
  model: EntryModel,
  seed: number,
  offsets: readonly number[],
  bars: number,
): Promise<readonly DemoRun[]> {
  const plan = demoPlan(config, bars);
  const sources = demoSources(config, seed, model.trainedTo);
  const runs: DemoRun[] = [];
  for (const offset of offsets) {
    const outcome = await playDemo(begunAt(sources, offset), model, plan);
    runs.push({ offset, outcome });
  }
  return runs;
}

/** Bars until the first position, sorted; a run that opened none counts as endless. */
export function firstOpens(runs: readonly DemoRun[]): readonly number[] {
  return runs.map(({ outcome }) => outcome.firstOpenAfter ?? Infinity).toSorted((left, right) => left - right);
}

export function medianOf(sorted: readonly number[]): number {
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
  return (upper + lower) / 2;
}

const COLUMNS = ['offset', 'first open', 'opened', 'stopped', 'not traded', 'empty closes', 'return', 'drawdown'] as const;

export function demoTable(runs: readonly DemoRun[]): string {
  const percent = (ratio: number): string => `${(100 * ratio).toFixed(2)} %`;
  const rows = runs.map(({ offset, outcome }) => [
    String(offset),
    outcome.firstOpenAfter === undefined ? 'never' : `${outcome.firstOpenAfter} s`,
    String(outcome.opened),
    String(outcome.stopped),
    String(outcome.notTraded),
    String(outcome.closesWithoutPosition),
    percent(outcome.returnRatio),
    percent(outcome.worstDrawdownRatio),
  ]);
  const line = (cells: readonly string[]): string => cells.map((cell) => cell.padStart(13)).join('');
  const sorted = firstOpens(runs);
  const worst = Math.max(...runs.map(({ outcome }) => outcome.worstDrawdownRatio));
  return [
    line(COLUMNS),
    ...rows.map(line),
    `first open: median ${medianOf(sorted)} s, worst ${sorted[sorted.length - 1] ?? NaN} s · worst drawdown ${percent(worst)}`,
  ].join('\n');
}
