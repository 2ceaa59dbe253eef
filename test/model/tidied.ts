import type { Setup } from './setup.js';
import type { Held, World } from './world.js';

/**
 * Forgets what can make no difference any more, so that worlds which behave alike are one: an answer that nobody waits for,
 * a request that comes too late for anything, once nobody waits for its answer, and whether look-ups show an order that
 * the ledger knows to exist: one that does not find it changes nothing, and only costs time.
 */
export function tidied(world: World, setup: Setup): World {
  let held: (Held | null)[] | undefined;
  world.held.forEach((one, slot) => {
    if (one === null) return;
    const isAwaited = world.actors.some((actor) => actor.slot === slot && actor.place === 'reply');
    const hidden = world.rows[slot]?.isKnown === true ? -1 : one.hidden;
    const answer = isAwaited ? one.answer : 'none';
    const flying = isAwaited ? one.flying : one.flying.filter((age) => age <= setup.receiveWindow);
    if (hidden === one.hidden && answer === one.answer && flying.length === one.flying.length) return;
    held ??= [...world.held];
    held[slot] = { ...one, hidden, answer, flying };
  });
  return held === undefined ? world : { ...world, held };
}
