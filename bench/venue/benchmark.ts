import type { Benchmark } from '../benchmark.js';
import { thisMachine } from '../machine.js';
import { benchVenue, VENUE_BENCH_DEFAULTS } from './bench-venue.js';

const GOAL = { ordersPerSecond: 2_000, p99Ms: 5, residentMb: 400, restartMs: 15_000 };

/** The paper venue alone: orders a second, round trip at a pace, memory and restart after many orders. */
export const VENUE_BENCHMARK: Benchmark = {
  name: 'venue',
  summary: 'the paper venue: orders a second, round trip at 200 a second, memory and restart after 300,000 orders',
  headline: ['ordersPerSecond', 'p50Ms', 'p99Ms', 'residentMb', 'restartMs'],
  async run(size) {
    const options = { ...VENUE_BENCH_DEFAULTS, ...size };
    const machine = thisMachine();
    const { ordersPerSecond, paced, afterOrders } = await benchVenue(options);
    const { orders, residentMb, restartMs, journalMb } = afterOrders;
    const isWhole = options.seconds >= VENUE_BENCH_DEFAULTS.seconds && options.orders >= VENUE_BENCH_DEFAULTS.orders;
    const met =
      isWhole &&
      ordersPerSecond >= GOAL.ordersPerSecond &&
      paced.p99Ms < GOAL.p99Ms &&
      residentMb < GOAL.residentMb &&
      restartMs < GOAL.restartMs;
    return {
      name: 'venue',
      figures: { orders, ordersPerSecond, p50Ms: paced.p50Ms, p99Ms: paced.p99Ms, maxMs: paced.maxMs, residentMb, journalMb, restartMs },
      floor: null,
      ratio: null,
      goal: `≥ ${GOAL.ordersPerSecond}/s, p99 < ${GOAL.p99Ms} ms, < ${GOAL.residentMb} MB, restart < ${GOAL.restartMs / 1_000} s`,
      met,
      machine,
    };
  },
};
