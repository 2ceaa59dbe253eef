import type { Benchmark } from '../benchmark.js';
import { thisMachine } from '../machine.js';
import { benchKill } from './bench-kill.js';

/** Of two accounts each: a hundred of everything. */
const ROUNDS = 50;
/** Breach and halt take about so long together. */
const ROUND_SECONDS = 15;
const ORDERS = 20;
const GOAL = { alertP99Ms: 5_000 };

/** From a breach to its latch and to a person, and from a halt to an account that the venue shows to be flat. */
export const KILL_BENCHMARK: Benchmark = {
  name: 'kill',
  summary: 'from a breach to its latch and to the receiver of its alert; from a halt to all canceled and to verified flat',
  headline: [
    'breach.latch.p50Ms',
    'breach.latch.p99Ms',
    'breach.alert.p50Ms',
    'breach.alert.p99Ms',
    'breach.alert.n',
    'kill.canceled.p50Ms',
    'kill.canceled.p99Ms',
    'kill.flat.p50Ms',
    'kill.flat.p99Ms',
    'kill.flat.n',
  ],
  async run({ seconds, orders = ORDERS }) {
    const machine = thisMachine();
    const rounds = seconds === undefined ? ROUNDS : Math.max(1, Math.floor(seconds / ROUND_SECONDS));
    const figures = await benchKill({ rounds, orders });
    const isWhole = rounds >= ROUNDS && orders >= ORDERS;
    return {
      name: 'kill',
      figures,
      floor: null,
      ratio: null,
      goal: `sample → receiver’s 2xx of the alert p99 ≤ ${GOAL.alertP99Ms / 1_000} s, another channel hung`,
      met: isWhole && (figures['breach.alert.p99Ms'] ?? Number.POSITIVE_INFINITY) <= GOAL.alertP99Ms,
      machine,
    };
  },
};
