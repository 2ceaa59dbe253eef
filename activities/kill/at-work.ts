import type { KillStore } from '../ports/kill.js';

const TOUCH_MS = 3_000;
/** As long as such a step may take (`KILL_STEP`): of one that goes on after that nobody waits for the end. */
const STEP_MS = 60_000;

/**
 * A step of the kill workflow that says in the ledger, as long as it goes on, that somebody is at it: when nobody is any more, a guardian
 * carries the halt out itself (P26). What cannot be said keeps nothing from being done.
 */
export function atWork<Rest extends unknown[], Result>(
  kills: Pick<KillStore, 'touchKill'>,
  step: (account: string, ...rest: Rest) => Promise<Result>,
): (account: string, ...rest: Rest) => Promise<Result> {
  return async (account, ...rest) => {
    let touching: Promise<void> | undefined;
    let left = Math.floor(STEP_MS / TOUCH_MS);
    const touch = (): void => {
      left -= 1;
      if (left >= 0)
        touching ??= kills
          .touchKill(account)
          .catch(() => undefined)
          .finally(() => (touching = undefined));
    };
    touch();
    const beats = setInterval(touch, TOUCH_MS);
    try {
      return await step(account, ...rest);
    } finally {
      clearInterval(beats);
      // What is told next says for how long nothing comes; this must not come after it.
      await touching;
    }
  };
}
