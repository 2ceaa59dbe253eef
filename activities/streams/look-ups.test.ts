import { beforeEach, expect, it } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import type { PollPlan } from '../../core/venue/poll-plan.js';
import type { WatchedOrder } from '../ports/store.js';
import { LookUps } from './look-ups.js';

const PLAN: PollPlan = { listMs: undefined, lookUpMs: 2_000, lookUpGapMs: 0, catchUpMs: 60_000, snapshotMs: 5_000 };
const SLOW: PollPlan = { ...PLAN, lookUpMs: 99_000, lookUpGapMs: 33_000 };
const order = (intentId: string, status: WatchedOrder['status'] = 'accepted'): WatchedOrder =>
  ({ intentId, status, ageMs: 60_000, unchangedMs: 60_000, triggeredTime: null, workingUntil: null }) as WatchedOrder;
const WOKEN: WatchedOrder = { ...order('woken'), triggeredTime: 1 };
const GONE = new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'order', detail: 'gone' });
const AWAY = new KeelsonError('INFRA_DATABASE', { detail: 'away' });
const SKEW_MS = 7_000;
const RESTING = ['a', 'b', 'c', 'd', 'e', 'f'].map((intentId) => order(intentId));

let now = 0;
let asked: string[] = [];
/** What ends the look-ups that are under way. */
let under: Map<string, { readonly answer: () => void; readonly fail: (error: Error) => void }>;
let told: string[];
let lookUps: LookUps;

beforeEach(() => {
  [now, asked, told, under] = [1_000_000, [], [], new Map()];
  const poll = ({ intentId }: WatchedOrder): Promise<void> => {
    asked.push(intentId);
    return new Promise((answer, fail) => under.set(intentId, { answer, fail }));
  };
  const failed = ({ intentId }: WatchedOrder, detail: string): void => void told.push(`${intentId}: ${detail}`);
  lookUps = new LookUps({ poll, failed, clock: () => now, venueNow: () => now + SKEW_MS });
});

const ends = async (intentId: string, error?: Error): Promise<void> => {
  if (error === undefined) under.get(intentId)?.answer();
  else under.get(intentId)?.fail(error);
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

it('where the budget is short, what somebody waits for goes before what has waited longer', async () => {
  const urgent = [order('unknown', 'unknown'), order('submitting', 'submitting'), WOKEN];
  const short = { ...PLAN, lookUpMs: 2_100 };
  lookUps.take(urgent, short);
  for (const { intentId } of urgent) await ends(intentId);
  now += 60_000;
  asked = [];
  lookUps.take([...RESTING, order('absent', 'notPlaced'), ...urgent], short);
  expect(asked).toEqual(['unknown', 'submitting', 'woken', 'a']);
});

it('P21: a stop that has woken is looked up each two seconds, however short the budget is for what rests', async () => {
  const short = { ...PLAN, lookUpMs: 66_000 };
  for (let looks = 0; looks < 3; looks += 1) {
    asked = [];
    lookUps.take([order('a'), WOKEN], short);
    expect(asked).toEqual(looks === 0 ? ['woken', 'a'] : ['woken']);
    for (const intentId of ['woken', 'a']) await ends(intentId);
    now += 1_999;
    lookUps.take([order('a'), WOKEN], short);
    expect(asked).toHaveLength(looks === 0 ? 2 : 1);
    now += 1;
  }
});

it('what asks the venue waits for a place, what does not asks at once', async () => {
  lookUps.take([...RESTING, order('unsent', 'authorised')], PLAN);
  expect(asked.toSorted()).toEqual(['a', 'b', 'c', 'd', 'unsent']);
  await ends('c');
  expect(asked.at(-1)).toBe('e');
});

it('while what the venue allows is nearly used what rests waits, and what somebody waits for does not', async () => {
  const unknown = order('u', 'unknown');
  const waits = lookUps.take([...RESTING, unknown, WOKEN, order('unsent', 'authorised')], PLAN, true);
  expect(waits).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  expect(asked.toSorted()).toEqual(['u', 'unsent', 'woken']);
  lookUps.take([...RESTING, unknown, WOKEN], SLOW, true);
  expect(asked).toHaveLength(3);
  expect(lookUps.take([...RESTING, unknown, WOKEN], PLAN)).toEqual([]);
  expect(asked.slice(3)).toEqual(['a', 'b']);
});

it('P17: what has rested for as long as it may does not wait then, so that it is canceled; by the venue’s clock', async () => {
  const until = { ...order('over'), workingUntil: now + SKEW_MS + 2_000 };
  lookUps.take([...RESTING, until], SLOW, true);
  expect(asked).toEqual([]);
  now += 1_999;
  lookUps.take([...RESTING, until], PLAN, true);
  expect(asked).toEqual([]);
  now += 1;
  lookUps.take([...RESTING, until], PLAN, true);
  expect(asked).toEqual(['over']);
  await ends('over');
  now += 99_000;
  lookUps.take([...RESTING, until], SLOW, true);
  expect(asked).toEqual(['over', 'over']);
});

it('P13: what is not placed has a slow turn then, one each minute', async () => {
  const absent = ['x', 'y'].map((intentId) => order(intentId, 'notPlaced'));
  for (const plan of [PLAN, SLOW, PLAN, PLAN, PLAN]) {
    lookUps.take([...RESTING, ...absent], plan, true);
    now += 20_000;
    for (const { intentId } of absent) await ends(intentId);
    lookUps.take([...RESTING, ...absent], plan, true);
    now += 39_999;
    lookUps.take([...RESTING, ...absent], plan, true);
    now += 1;
  }
  expect(asked).toEqual(['x', 'y', 'x', 'y', 'x']);
  lookUps.take([...RESTING, ...absent], PLAN);
  expect(asked.slice(5)).toEqual(['a', 'b', 'c', 'd']);
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

/** A look-up each so many ms that ends so. */
async function looks(of: readonly WatchedOrder[], afterMs: number, error?: Error): Promise<void> {
  now += afterMs;
  lookUps.take(of, PLAN);
  for (const { intentId } of of) await ends(intentId, error);
}
const failing = (of: readonly WatchedOrder[]): readonly string[] =>
  lookUps.unanswered(of).failing.map(({ order: { intentId } }) => intentId);

it('an order is unanswered when its look-ups have failed for a minute, and no answer came between', async () => {
  const [one] = RESTING.map((each) => [each]) as [WatchedOrder[]];
  await looks(one, 0, GONE);
  await looks(one, 59_999, GONE);
  expect(failing(one)).toEqual([]);
  await looks(one, 2_000, GONE);
  expect(failing(one)).toEqual(['a']);
  expect(told).toEqual(Array(3).fill(`a: ${GONE.message}`));
  await looks(one, 2_000);
  expect(failing(one)).toEqual([]);
  await looks(one, 2_000, GONE);
  await looks(one, 59_000, GONE);
  expect(failing(one)).toEqual([]);
});

it('one failure is no minute of failures, however long ago it was; nor is a ledger that is away, nor a clock that was set back', async () => {
  const one = RESTING.slice(0, 1);
  await looks(one, 0, GONE);
  now += 3_600_000;
  expect(failing(one)).toEqual([]);
  lookUps = new LookUps({ poll: () => Promise.reject(AWAY), failed: () => undefined, clock: () => now, venueNow: () => now });
  for (let time = 0; time < 100; time += 1) await looks(one, 2_000);
  expect(failing(one)).toEqual([]);
  lookUps = new LookUps({ poll: () => Promise.reject(GONE), failed: () => undefined, clock: () => now, venueNow: () => now });
  await looks(one, 2_000);
  await looks(one, -3_600_000);
  await looks(one, 59_000);
  expect(failing(one)).toEqual([]);
  await looks(one, 2_000);
  expect(failing(one)).toEqual(['a']);
});

it('what is unknown is told by its own alert; of what this process has no answer it does not say that it is over', async () => {
  const orders = [order('a'), order('c', 'pendingCancel'), order('p', 'notPlaced'), order('u', 'unknown'), order('n')];
  const asks = orders.slice(0, 4);
  await looks(asks, 0, GONE);
  await looks(asks, 61_000, GONE);
  expect(failing(orders)).toEqual(['a', 'c', 'p']);
  expect(lookUps.unanswered(orders).undecided).toEqual(['a', 'c', 'p', 'u', 'n']);
  await looks([order('a')], 2_000);
  expect(lookUps.unanswered(orders).undecided).toEqual(['c', 'p', 'u', 'n']);
});
