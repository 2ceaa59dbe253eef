import type { Setup } from './setup.js';
import type { Held, World } from './world.js';

/**
 * Forgets what can make no difference any more, so that worlds which behave alike are one: an answer that nobody waits for,
 * and a request that comes too late for anything, once nobody waits for its answer.
 */
export function tidied(world: World, setup: Setup): World {
  let held: (Held | null)[] | undefined;
  world.held.forEach((one, slot) => {
    if (one === null || (one.flying.length === 0 && one.answer === 'none')) return;
    if (world.actors.some((actor) => actor.slot === slot && actor.place === 'reply')) return;
    const flying = one.flying.filter((age) => age <= setup.receiveWindow);
    if (one.answer === 'none' && flying.length === one.flying.length) return;
    held ??= [...world.held];
    held[slot] = { ...one, flying: flying.length === one.flying.length ? one.flying : flying, answer: 'none' };
  });
  return held === undefined ? world : { ...world, held };
}
