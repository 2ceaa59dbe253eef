import { setTimeout as wait } from 'node:timers/promises';
import type { Trader } from '../world/trader.js';
import type { SoakWorld } from '../world/world.js';

const LOOK_MS = 500;
const TELL_EACH_MS = 10_000;
/** Longer than everything that may hold up every account at once. */
const STALLED_MS = 300_000;

/** Tells again and again how far it is and what each account waits for. @throws Error when nothing is placed any more */
export async function tellProgress(
  { world, traders, placed, say }: { world: SoakWorld; traders: readonly Trader[]; placed: () => number; say: (line: string) => void },
  isOver: () => boolean,
): Promise<void> {
  const begun = performance.now();
  let [last, movedTime, toldTime] = [0, begun, begun];
  while (!isOver()) {
    await wait(LOOK_MS);
    const now = performance.now();
    if (placed() > last) [last, movedTime] = [placed(), now];
    if (now - movedTime > STALLED_MS) throw new Error(`no order was placed for ${Math.round((now - movedTime) / 1_000)} s`);
    if (now - toldTime < TELL_EACH_MS) continue;
    toldTime = now;
    say(`${await standOf(world, traders, placed(), now - begun)}`);
  }
}

async function standOf(world: SoakWorld, traders: readonly Trader[], placed: number, elapsedMs: number): Promise<string> {
  const held = await world.held().catch(() => new Map<string, string>());
  const lines = world.lanes.map(
    ({ account }, index) => `  ${account} ${traders[index]?.tell()}; ${held.get(account) || 'nothing holds it'}`,
  );
  const rate = Math.round((placed * 60_000) / elapsedMs);
  return [
    `${placed} orders in ${Math.round(elapsedMs / 1_000)} s, ${rate} a minute; ${new Date(world.clock.now()).toISOString()}`,
    ...lines,
  ].join('\n');
}
