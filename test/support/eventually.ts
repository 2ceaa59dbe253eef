import { vi } from 'vitest';

/** Far beyond everything that is waited for, on a busy machine as well. */
const LIMIT_MS = 15_000;
const LOOK_EVERY_MS = 10;

/**
 * Looks again and again until `look` neither throws nor rejects; what it gives then is returned. The one wait of the tests beside
 * the code: none may depend on something being quick, so none has a shorter limit of its own.
 * @throws what `look` threw last, after fifteen seconds or after a longer `limitMs`
 */
export function eventually<T>(look: () => T | Promise<T>, limitMs: number = LIMIT_MS): Promise<T> {
  return vi.waitFor(look, { timeout: limitMs, interval: LOOK_EVERY_MS });
}
