import { cpus, loadavg } from 'node:os';
import type { Machine } from './benchmark.js';

/** This machine, and how busy others keep it: to be asked before a benchmark begins. */
export function thisMachine(): Machine {
  const [load = 0] = loadavg();
  return { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version, loadBefore: Math.round(load * 100) / 100 };
}
