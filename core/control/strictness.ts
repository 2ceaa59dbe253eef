import type { Mode } from './mode.js';

/** From the loosest to the strictest; the database's `tighten_mode` has the same order, a test compares them. */
export const MODES_BY_STRICTNESS = ['normal', 'observation', 'reduceOnly', 'paused'] as const satisfies readonly Mode[];

export function isLooser(mode: Mode, than: Mode): boolean {
  return MODES_BY_STRICTNESS.indexOf(mode) < MODES_BY_STRICTNESS.indexOf(than);
}
