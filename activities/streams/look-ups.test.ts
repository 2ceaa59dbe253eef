import { beforeEach, expect, it } from 'vitest';
import type { PollPlan } from '../../core/venue/poll-plan.js';
import type { WatchedOrder } from '../ports/store.js';
import { LookUps } from './look-ups.js';

const PLAN: PollPlan = { listMs: undefined, lookUpMs: 2_000, lookUpGapMs: 0, catchUpMs: 60_000, snapshotMs: 5_000 };
const SLOW: PollPlan = { ...PLAN, lookUpMs: 99_000, lookUpGapMs: 33_000 };
const order = (intentId: string, status: WatchedOrder['status'] = 'accepted'): WatchedOrder =>
  ({ intentId, status, ageMs: 60_000, unchangedMs: 60_000 }) as WatchedOrder;
const RESTING = ['a', 'b', 'c', 'd', 'e', 'f'].map((intentId) => order(intentId));

let now = 0;
let asked: string[] = [];
/** What ends the look-ups that are under way. */
let under: Map<string, () => void>;
let lookUps: LookUps;

beforeEach(() => {
  [now, asked, under] = [1_000_000, [], new Map()];
  const poll = ({ intentId }: WatchedOrder): Promise<void> => {
    asked.push(intentId);
    return new Promise((done) => under.set(intentId, done));
  };
  lookUps = new LookUps({ poll, clock: () => now });
});

const ends = async (intentId: string): Promise<void> => {
  under.get(intentId)?.();
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

it('what asks the venue waits for a place, what does not asks at once', async () => {
  lookUps.take([...RESTING, order('unsent', 'authorised')], PLAN);
  expect(asked.toSorted()).toEqual(['a', 'b', 'c', 'd', 'unsent']);
  await ends('c');
  expect(asked.at(-1)).toBe('e');
});

it('four that hang leave no order out for ever: who waits longest is next, whatever it is', async () => {
  const unknown = ['u', 'v', 'w', 'x'].map((intentId) => order(intentId, 'unknown'));
  lookUps.take([...RESTING, ...unknown], PLAN);
  expect(asked).toEqual(['u', 'v', 'w', 'x']);
  for (const [at, { intentId }] of unknown.entries()) {
    now += 10_000;
    lookUps.take([...RESTING, ...unknown], PLAN);
    await ends(intentId);
    expect(asked.at(-1)).toBe(RESTING[at]?.intentId);
  }
});

it('where the budget is small one is asked for, and the next when the first has ended and the gap is over', async () => {
  lookUps.take([...RESTING, order('u', 'unknown')], SLOW);
  expect(asked).toEqual(['u']);
  now += 33_000;
  lookUps.take(RESTING, SLOW);
  expect(asked).toEqual(['u']);
  await ends('u');
  expect(asked).toEqual(['u', 'a']);
  await ends('a');
  lookUps.take(RESTING, SLOW);
  expect(asked).toEqual(['u', 'a']);
});

it('ends when what is under way has ended, and begins nothing more', async () => {
  lookUps.take(RESTING, PLAN);
  const ending = lookUps.end();
  for (const intentId of ['a', 'b', 'c', 'd']) await ends(intentId);
  await ending;
  lookUps.take(RESTING, PLAN);
  expect(asked).toEqual(['a', 'b', 'c', 'd']);
});
