import { setTimeout as wait } from 'node:timers/promises';

const LOOK_EVERY_MS = 10;
/** Far beyond everything that is waited for. */
const LIMIT_MS = 180_000;

/** Looks until there is something. @throws Error with what was waited for, after three minutes */
export async function until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const limit = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > limit) throw new Error(`not within three minutes: ${what}`);
    await wait(LOOK_EVERY_MS);
  }
}
