import { setTimeout as wait } from 'node:timers/promises';
import { cpuMsOf } from './cpu.js';
import { figuresOf, Joiner, round, type Measured } from './figures.js';
import { benchLifecycles } from './lifecycles.js';
import { BAR_MS, BARS_A_TURN, dueOn, type Pace } from './schedule.js';
import { openStage, type Stage } from './stage.js';
import { stopLatency } from './stop-latency.js';
import type { FloorStamps } from './stamps.js';
import { temporalWritesBefore } from './temporal-writes.js';

export interface HotPathOptions {
  /** Length of the run singly, half of it for the floor; the other one is shorter. */
  readonly seconds: number;
}

/** Windows fill, connections open and code is compiled before anything counts. */
const WARM_UP_MS = 12_000;
/** At twenty a second there are many more signals in a second that count. */
const TWENTY_PART = 1 / 3;
const LIFECYCLES_PART = 1 / 8;
/** After the last frame: what is still on its way arrives and is told. */
const DRAIN_MS = 2_000;
const HISTORIES = 100;

/** One run singly, one at twenty a second, and complete lifecycles as many as go, over one set of servers. */
export async function benchHotPath({ seconds }: HotPathOptions): Promise<Record<string, number>> {
  const joiner = new Joiner();
  const stage = await openStage((stamps) => joiner.see(stamps));
  try {
    const figures: Record<string, number> = {};
    const from = Date.now();
    Object.assign(figures, await runAt(stage, joiner, 'singly', seconds));
    Object.assign(figures, await stopLatency(stage.databaseUrl, from, Date.now()));
    Object.assign(figures, await runAt(stage, joiner, 'twenty', Math.ceil(seconds * TWENTY_PART)));
    stage.setPace('barsOnly');
    await wait(WARM_UP_MS);
    Object.assign(figures, await benchLifecycles(stage, Math.ceil(seconds * LIFECYCLES_PART)));
    return figures;
  } finally {
    await stage.close();
  }
}

async function runAt(stage: Stage, joiner: Joiner, pace: Pace, seconds: number): Promise<Record<string, number>> {
  stage.setPace(pace);
  await wait(WARM_UP_MS);
  const from = Date.now();
  const until = from + seconds * 1_000;
  const cpu = await cpuOfSignals(stage, pace, until);
  await wait(DRAIN_MS);
  const isWithin = (time: number): boolean => time >= from && time < until;
  const measured = joiner.measured().filter((one) => isWithin(one.frameLeft));
  const floors = joiner.floors.filter((one: FloorStamps) => isWithin(one.startCalled));
  const writes = await temporalWritesBefore(stage.temporalAddress, sample(measured));
  const signals = Math.max(1, cpu.signals(measured));
  return {
    [`${pace}.begun`]: joiner.begun.filter(isWithin).length,
    ...figuresOf(pace, measured, floors),
    [`${pace}.temporalWrites.most`]: Math.max(0, ...writes),
    ...Object.fromEntries(Object.entries(cpu.byPart).map(([part, ms]) => [`${pace}.cpuMsPerSignal.${part}`, round(ms / signals)])),
  };
}

/** CPU time of the turns in which signals are due, by part; the turns of the floor are left out. */
async function cpuOfSignals(
  stage: Stage,
  pace: Pace,
  until: number,
): Promise<{ byPart: Record<string, number>; signals(measured: readonly Measured[]): number }> {
  const parts = Object.keys(stage.pids);
  const used = (): number[] => cpuMsOf(Object.values(stage.pids));
  const sums = parts.map(() => 0);
  const turns: [from: number, to: number][] = [];
  const turnMs = BARS_A_TURN * BAR_MS;
  // The frames of a turn leave in the second after each of its bars.
  const first = Math.ceil((Date.now() - BAR_MS) / turnMs) * turnMs + BAR_MS;
  for (let begin = first; begin + turnMs <= until; begin += turnMs) {
    await wait(begin - Date.now());
    if (dueOn(begin - 1, pace) === 'floor') continue;
    const before = used();
    await wait(begin + turnMs - Date.now());
    used().forEach((ms, index) => (sums[index] = (sums[index] ?? 0) + ms - (before[index] ?? 0)));
    turns.push([begin, begin + turnMs]);
  }
  await wait(until - Date.now());
  return {
    byPart: Object.fromEntries(parts.map((part, index) => [part, sums[index] ?? 0])),
    signals: (measured) => measured.filter((one) => turns.some(([from, to]) => one.frameLeft >= from && one.frameLeft < to)).length,
  };
}

function sample(measured: readonly Measured[]): Measured[] {
  const every = Math.max(1, Math.floor(measured.length / HISTORIES));
  return measured.filter((_, index) => index % every === 0);
}
