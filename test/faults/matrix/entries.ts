import type { Chance } from './chance.js';
import type { Plan } from './plan.js';

type Entry = Pick<Plan, 'execution' | 'acts'>;

/** Fills at once, whole, and may not rest. */
export const atTheMarket: Entry = { execution: { kind: 'market' }, acts: {} };

/** A limit above the price, that could rest but fills at once. */
export const marketable: Entry = { execution: { kind: 'limit', offsetBps: -20, workMs: 3_000, postOnly: false }, acts: {} };

/** Rests under the price until its time is over. */
export const resting = (workMs: number): Entry => ({ execution: { kind: 'limit', offsetBps: 30, workMs, postOnly: false }, acts: {} });

/** Rests, and is filled there: in one part or in several, whole or not. */
export function filledWhileResting(chance: Chance): Entry {
  const parts = chance.between(1, 3);
  const share = chance.pick([25, 33, 50]);
  return {
    execution: { kind: 'limit', offsetBps: 30, workMs: chance.between(800, 1_500), postOnly: chance.pick([true, false]) },
    acts: {
      working: async (lane) => {
        for (let part = 0; part < parts; part += 1) await lane.fillByHand('entry', parts === 1 ? 100 : share);
      },
    },
  };
}

export const anyEntry = (chance: Chance): Entry => chance.pick([atTheMarket, marketable, filledWhileResting(chance)]);
