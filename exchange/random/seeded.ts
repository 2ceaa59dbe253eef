/**
 * Random numbers as a function of where they are used (seed and position) and not of when: any bar, tick or level can
 * be computed again alone, in any order, after a restart.
 */
export function hash32(seed: number, first: number, second = 0, third = 0): number {
  let state = mix(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b), first);
  state = mix(state, second);
  state = mix(state, third);
  state ^= state >>> 16;
  state = Math.imul(state, 0x7feb352d);
  state ^= state >>> 15;
  state = Math.imul(state, 0x846ca68b);
  state ^= state >>> 16;
  return state >>> 0;
}

/** Even on [0, 1). */
export function uniform(seed: number, first: number, second = 0, third = 0): number {
  return hash32(seed, first, second, third) / 4_294_967_296;
}

/** Standard normal (Box and Muller). */
export function normal(seed: number, first: number, second = 0): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, first, second, 1)));
  return radius * Math.cos(2 * Math.PI * uniform(seed, first, second, 2));
}

/** A seed of its own for each name under one main seed. */
export function seedFor(seed: number, name: string): number {
  let state = seed | 0;
  for (let index = 0; index < name.length; index += 1) state = mix(state, name.charCodeAt(index));
  return hash32(state, name.length);
}

function mix(state: number, value: number): number {
  const rotated = Math.imul(value | 0, 0xcc9e2d51);
  const next = state ^ Math.imul((rotated << 15) | (rotated >>> 17), 0x1b873593);
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}
