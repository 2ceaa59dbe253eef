import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EntryShare, type Moment } from '../../core/venue/entry-share.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createVenueShareStore } from './venue-share-store.js';

const WINDOW_MS = 60_000;
/** Of the orders that are begun in one moment, the last arrives so much later. */
const MOST_LATE_MS = 1_999;

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database?.drop());

/** Some processes that enter from one address, at times that are the test's; what leaves is written down. */
class Address {
  readonly name = randomUUID();
  readonly total: number;
  /** When each entry was begun, whoever began it. */
  readonly begun: number[] = [];
  private readonly store = createVenueShareStore(database.pool);
  private time = 1_000_000;
  private processes: { holder: string; question: number; share: EntryShare }[] = [];

  constructor(total: number, processes: number) {
    this.total = total;
    for (let index = 0; index < processes; index += 1) this.start(index);
  }

  start(index: number): void {
    const now = (): Moment => ({ time: this.time, monotonic: this.time });
    this.processes[index] = { holder: randomUUID(), question: 0, share: new EntryShare(WINDOW_MS, now) };
  }

  /** @param isHeard false: the answer is lost. */
  async ask(index: number, { isLast = false, isHeard = true } = {}): Promise<void> {
    const one = this.at(index);
    const { holder, share } = one;
    one.question += 1;
    const asked = { time: this.time, monotonic: this.time };
    const question = { address: this.name, holder, question: one.question, total: this.total, keptForMs: share.keptForMs, isLast };
    const answer = await this.store.take({ ...question, ...share.state() });
    if (answer !== undefined && isHeard) share.take(answer, asked);
  }

  /** @returns how many of so many entries were begun */
  enter(index: number, entries: number): number {
    const { share } = this.at(index);
    const taken = Array.from({ length: entries }, () => share.claim()).filter(({ isTaken }) => isTaken);
    this.begun.push(...taken.map(() => this.time));
    return taken.length;
  }

  async pass(ms: number): Promise<void> {
    this.time += ms;
    await database.pool.query(`update venue_shares set seen_at = seen_at - $2 * interval '1 millisecond' where address = $1`, [
      this.name,
      ms,
    ]);
  }

  /** The most that any window of the venue can have counted, however late each entry arrived. */
  get worstWindow(): number {
    return Math.max(
      0,
      ...this.begun.map((last) => this.begun.filter((time) => time <= last && time > last - WINDOW_MS - MOST_LATE_MS).length),
    );
  }

  private at(index: number) {
    const one = this.processes[index];
    if (one === undefined) throw new Error(`there is no process ${index}`);
    return one;
  }
}

it('one process alone has an eighth at once, the whole share as it needs it, and what it has used counts until its window is over', async () => {
  const alone = new Address(100, 1);
  expect(alone.enter(0, 1)).toBe(0);
  await alone.ask(0);
  expect(alone.enter(0, 200)).toBe(13);
  for (let second = 0; second < 10; second += 1) {
    await alone.pass(1_000);
    await alone.ask(0);
    alone.enter(0, 200);
  }
  expect([alone.begun.length, alone.worstWindow]).toEqual([100, 100]);
  await alone.pass(62_000);
  await alone.ask(0);
  expect(alone.enter(0, 200)).toBe(13);
  expect(alone.worstWindow).toBeLessThanOrEqual(100);
});

it('a second one has its part within seconds of the first, also where that uses all it can', async () => {
  const two = new Address(90, 2);
  const second = async (): Promise<number[]> => {
    await two.pass(1_000);
    const begun: number[] = [];
    for (const index of [0, 1]) {
      await two.ask(index);
      begun.push(two.enter(index, 200));
    }
    return begun;
  };
  await two.ask(0);
  two.enter(0, 200);
  for (let index = 0; index < 10; index += 1) {
    await two.pass(1_000);
    await two.ask(0);
    two.enter(0, 200);
  }
  expect(two.begun).toHaveLength(90);
  let later = 0;
  for (let index = 0; index < 70; index += 1) later += (await second())[1] ?? 0;
  expect(later).toBeGreaterThanOrEqual(30);
  expect(two.worstWindow).toBeLessThanOrEqual(90);
});

it('one that is started anew after a crash enters at once, however often, beside what those before may have entered', async () => {
  const one = new Address(3_600, 1);
  for (let start = 0; start < 14; start += 1) {
    one.start(0);
    // Each lives for five seconds, and needs no more than it has.
    for (let second = 0; second < 5; second += 1) {
      await one.ask(0);
      expect(one.enter(0, 5)).toBe(5);
      await one.pass(1_000);
    }
  }
  expect(one.worstWindow).toBeLessThanOrEqual(3_600);
});

it.each([true, false])('what one that has gone (told: %s) had is nobody’s for seventy seconds, and the others’ then', async (isLast) => {
  const two = new Address(100, 2);
  const seconds = async (index: number, count: number): Promise<number> => {
    let begun = 0;
    for (let second = 0; second < count; second += 1) {
      await two.pass(1_000);
      await two.ask(index);
      begun += two.enter(index, 200);
    }
    return begun;
  };
  const first = await seconds(0, 12);
  expect(first).toBe(100);
  if (isLast) await two.ask(0, { isLast });
  two.start(0);
  // Each of the last entries counts until its window is over, however late it arrived.
  expect(await seconds(1, 61)).toBe(0);
  // Whoever is left has all of it, and not only what was free.
  expect(await seconds(1, 20)).toBe(100);
  expect(two.worstWindow).toBeLessThanOrEqual(100);
});

it('one that cannot ask enters nothing after five seconds, and one that was overtaken changes nothing', async () => {
  const one = new Address(100, 1);
  await one.ask(0);
  await one.pass(4_999);
  expect(one.enter(0, 1)).toBe(1);
  await one.pass(1);
  expect(one.enter(0, 1)).toBe(0);
  const store = createVenueShareStore(database.pool);
  const question = { address: one.name, holder: randomUUID(), total: 100, used: 0, held: 0, keptForMs: 70_000, isLast: false };
  expect(await store.take({ ...question, question: 2 })).toMatchObject({ granted: 11 });
  expect(await store.take({ ...question, question: 1 })).toBeUndefined();
});

it('whatever they do, and whichever of them dies, no window of the venue counts more than the share', { timeout: 120_000 }, async () => {
  const which = fc.integer({ min: 0, max: 1 });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('ask' as const), which }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('askUnheard' as const), which }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('enter' as const), which, entries: fc.integer({ min: 1, max: 60 }) }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(200, 1_000, 1_000, 4_000, 20_000, 61_000, 75_000) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('die' as const, 'end' as const), which }) },
  );
  let [entered, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.array(step, { minLength: 20, maxLength: 60 }), async (total, steps) => {
      const both = new Address(total, 2);
      await Promise.all([both.ask(0), both.ask(1)]);
      for (const one of steps) {
        if (one.kind === 'ask') await both.ask(one.which);
        else if (one.kind === 'askUnheard') await both.ask(one.which, { isHeard: false });
        else if (one.kind === 'pass') await both.pass(one.ms);
        else if (one.kind === 'enter') {
          const taken = both.enter(one.which, one.entries);
          entered += taken;
          refused += one.entries - taken;
        } else {
          if (one.kind === 'end') await both.ask(one.which, { isLast: true });
          both.start(one.which);
        }
        expect(both.worstWindow).toBeLessThanOrEqual(total);
      }
    }),
    { numRuns: 60 },
  );
  expect([entered > 100, refused > 100]).toEqual([true, true]);
});
