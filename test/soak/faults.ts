import { asText, FIRST_SEED, LANES, runFaults } from '../faults/faults.js';
import { CELLS } from '../faults/matrix/cells.js';

/** The fault matrix, `turns` stories of each cell, with as many seeds. Returns whether nothing was violated. */
export async function soakFaults({ seeds, turns }: { readonly seeds: number; readonly turns: number }): Promise<boolean> {
  let isSound = true;
  const cases = turns * CELLS.length;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + seeds; seed += 1) {
    const outcome = await runFaults({ seed, cases, lanes: LANES });
    process.stdout.write(asText(outcome, { cases }));
    isSound &&= outcome.failed.length === 0 && outcome.idle.length === 0;
  }
  return isSound;
}
