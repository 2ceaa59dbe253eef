import { setTimeout as wait } from 'node:timers/promises';

const LOOK_EVERY_MS = 50;
/** Far beyond everything that is waited for, on a busy machine as well. */
const LIMIT_MS = 120_000;

/** Looks until it holds. @throws Error with what was waited for, and what is there instead, after two minutes */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  instead: () => string | Promise<string> = () => '',
): Promise<T> {
  const limit = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > limit) throw new Error(`not within two minutes: ${what}\n${await instead()}`);
    await wait(LOOK_EVERY_MS);
  }
}

/** The promise's value. @throws Error when it has none after two minutes */
export async function bounded<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within two minutes: ${what}`)), LIMIT_MS);
  });
  return Promise.race([promise, tooLate]).finally(() => clearTimeout(timer));
}
