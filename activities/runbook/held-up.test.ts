import { expect, it } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import type { PartKey } from '../ports/runbook.js';
import { workerStops } from '../worker-stops.js';
import { HELD_UP_MS, HeldUp } from './held-up.js';

const KEY: PartKey = { runId: 'r', position: 3, attempt: 1, part: 'verification' };
const REFUSED = new KeelsonError(
  'INFRA_DATABASE',
  { detail: 'canceling statement due to statement timeout' },
  { cause: Object.assign(new Error('canceled'), { code: '57014' }) },
);

/** Tries of one part: how it ends, and how much later than the one before. */
function bench(telling: () => Promise<void> = () => Promise.resolve()) {
  const said: string[] = [];
  let [now, attempt] = [0, 0];
  const store = {
    heldUp: async (_key: PartKey, begunTime: number, detail: string) => {
      await telling();
      said.push(`${begunTime} ${detail}`);
    },
    wentOn: async () => {
      await telling();
      said.push('over');
    },
  };
  const heldUp = new HeldUp(store, () => now);
  const tried = async (afterMs: number, error?: Error, id = 'one'): Promise<unknown> => {
    now += afterMs;
    attempt += 1;
    const work = (): Promise<string> => (error === undefined ? Promise.resolve('done') : Promise.reject(error));
    return heldUp.over(KEY, { id, begunTime: 7, attempt }, work).catch((thrown: unknown) => thrown);
  };
  return { said, tried };
}

it('people are told once when the database has refused a part for a minute, with its code, and that it went on', async () => {
  const { said, tried } = bench();
  expect(await tried(0, REFUSED)).toBe(REFUSED);
  await tried(HELD_UP_MS - 1, REFUSED);
  expect(said).toEqual([]);
  expect(await tried(1, REFUSED)).toBe(REFUSED);
  await tried(HELD_UP_MS, REFUSED);
  expect(said).toEqual([`7 ${REFUSED.message} (57014)`]);
  expect(await tried(1)).toBe('done');
  expect(said.slice(1)).toEqual(['over']);
});

it('a part that is done at once has nothing to end, and what its process or its code throws is no refusal', async () => {
  const { said, tried } = bench();
  await tried(0);
  const stops = workerStops();
  await tried(0, stops);
  expect(await tried(2 * HELD_UP_MS, stops)).toBe(stops);
  await tried(2 * HELD_UP_MS, new Error('a mistake'));
  expect(said).toEqual([]);
});

it('two refusals of a long part, minutes apart, are nothing to tell; a third is', async () => {
  const { said, tried } = bench();
  await tried(0, REFUSED);
  await tried(4 * HELD_UP_MS, REFUSED);
  expect(said).toEqual([]);
  await tried(4 * HELD_UP_MS, REFUSED);
  expect(said).toHaveLength(1);
});

it('one part’s time is not another’s', async () => {
  const { said, tried } = bench();
  await tried(0, REFUSED);
  await tried(HELD_UP_MS, REFUSED, 'another');
  expect(said).toEqual([]);
});

it('what cannot be told, since the whole database is away, is told by the first failure that can, and keeps no part from its end', async () => {
  let isAway = true;
  const { said, tried } = bench(() => (isAway ? Promise.reject(REFUSED) : Promise.resolve()));
  await tried(0, REFUSED);
  expect(await tried(HELD_UP_MS, REFUSED)).toBe(REFUSED);
  isAway = false;
  await tried(1, REFUSED);
  expect(said).toHaveLength(1);
  isAway = true;
  expect(await tried(1)).toBe('done');
});
