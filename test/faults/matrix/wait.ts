import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 100;
/** Far beyond every window, deadline and pause of the protocol with the tests' windows. */
const PATIENCE_MS = 120_000;

/** A condition that did not come true: the story is stuck there, which is a violation. */
export class Stuck extends Error {
  override readonly name = 'Stuck';
}

/** Looks again and again until `look` gives something; `what` says what does not happen. @throws Stuck */
export async function until<T>(
  what: string | (() => string),
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > end) throw new Stuck(`stuck: ${typeof what === 'string' ? what : what()}`);
    await pause(LOOK_EVERY_MS);
  }
}

/** The result of something that must end. @throws Stuck */
export async function ends<T>(what: string, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = pause(PATIENCE_MS, undefined, { signal: over.signal }).then(
    () => Promise.reject(new Stuck(`stuck: ${what}`)),
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

/** What a busy machine does not answer in time is asked again. @throws Stuck */
export function answered<T extends object>(ask: () => Promise<T>): Promise<T> {
  return until('the venue does not answer', () => ask().catch(() => undefined));
}
