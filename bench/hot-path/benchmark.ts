import type { Benchmark, Finding } from '../benchmark.js';
import { thisMachine } from '../machine.js';
import { benchHotPath } from './bench-hot-path.js';
import { round } from './figures.js';

const SECONDS = 240;
/** Of the goal. */
const PACES = ['singly', 'twenty'] as const;
const GOAL = { singlyP50OverMs: 5, singlyP99OverMs: 15, twentyP50OverMs: 10, stopRestsP99Ms: 1_000 };

/** From the bar-closing frame to the order request, beside the floor of the same server at the same pace. */
export const HOT_PATH_BENCHMARK: Benchmark = {
  name: 'hot-path',
  summary: 'from the frame that closes a bar to its order request at the venue, singly and at 20 a second, beside the floor',
  headline: [
    'singly.whole.p50Ms',
    'singly.whole.p99Ms',
    'singly.floor.p50Ms',
    'singly.floor.p99Ms',
    'twenty.whole.p50Ms',
    'twenty.whole.p99Ms',
    'twenty.floor.p50Ms',
    'twenty.floor.p99Ms',
    'singly.stopRests.p50Ms',
    'singly.stopRests.p99Ms',
    'lifecycles.perSecond',
  ],
  async run(size) {
    const seconds = size.seconds ?? SECONDS;
    const machine = thisMachine();
    const figures = await benchHotPath({ seconds });
    const figure = (name: string): number => figures[name] ?? Number.NaN;
    const floor = figure('singly.floor.p50Ms');
    return {
      name: 'hot-path',
      figures,
      floor,
      ratio: floor > 0 ? round(figure('singly.whole.p50Ms') / floor) : null,
      goal:
        `singly p50 ≤ floor + ${GOAL.singlyP50OverMs} ms, p99 ≤ floor’s + ${GOAL.singlyP99OverMs} ms; ` +
        `at 20 a second p50 ≤ floor + ${GOAL.twentyP50OverMs} ms; one Temporal write, two statements, none before the start, nor anything else on a socket; a stop rests p99 ≤ ${GOAL.stopRestsP99Ms / 1_000} s after the fill`,
      met: seconds >= SECONDS && isMet(figures),
      machine,
    };
  },
};

/** Whether figures of a whole run keep to the goal. What was not measured keeps to nothing. */
export function isMet(figures: Finding['figures']): boolean {
  const figure = (name: string): number => figures[name] ?? Number.NaN;
  const over = (pace: (typeof PACES)[number], label: string): number => figure(`${pace}.whole.${label}`) - figure(`${pace}.floor.${label}`);
  return (
    over('singly', 'p50Ms') <= GOAL.singlyP50OverMs &&
    over('singly', 'p99Ms') <= GOAL.singlyP99OverMs &&
    over('twenty', 'p50Ms') <= GOAL.twentyP50OverMs &&
    figure('singly.stopRests.p99Ms') <= GOAL.stopRestsP99Ms &&
    PACES.every(
      (pace) =>
        figure(`${pace}.signals`) > 0 &&
        figure(`${pace}.temporalWrites.most`) === 1 &&
        figure(`${pace}.statements.least`) === 2 &&
        figure(`${pace}.statements.most`) === 2 &&
        figure(`${pace}.statementsBeforeStart.most`) === 0 &&
        figure(`${pace}.socketsBeforeStart.most`) === 0,
    )
  );
}
