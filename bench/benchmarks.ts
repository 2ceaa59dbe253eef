import type { Benchmark } from './benchmark.js';
import { HOT_PATH_BENCHMARK } from './hot-path/benchmark.js';
import { KILL_BENCHMARK } from './kill/benchmark.js';
import { VENUE_BENCHMARK } from './venue/benchmark.js';

/** Every benchmark there is; each has its row in docs/reference/benchmarks.md. */
export const BENCHMARKS: readonly Benchmark[] = [HOT_PATH_BENCHMARK, KILL_BENCHMARK, VENUE_BENCHMARK];
