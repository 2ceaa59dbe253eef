import { expect, it } from 'vitest';
import type { LedgerAnswer } from '../ports/clearance.js';
import { LedgerContact } from './ledger-contact.js';

/** Asks when it is told to, and gives what the test gives. */
function underTest() {
  const clocks = { time: 1_000_000, monotonic: 5_000 };
  let answer: LedgerAnswer | undefined = { databaseTime: 77_000, cleanSince: {} };
  let goOn = (): void => undefined;
  let paused = (): void => undefined;
  const contact = new LedgerContact({
    store: { ask: async () => answer ?? Promise.reject(new Error('gone')) },
    clock: () => clocks.time,
    monotonic: () => clocks.monotonic,
    pause: (_, signal) =>
      new Promise((resolve) => {
        goOn = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
        paused();
      }),
    log: { warn: () => undefined },
  });
  return {
    contact,
    clocks,
    /** One more try of it, which is over when this returns. */
    ask: (given: LedgerAnswer | undefined): Promise<void> => {
      answer = given;
      const over = new Promise<void>((resolve) => (paused = resolve));
      goOn();
      return over;
    },
    begun: new Promise<void>((resolve) => (paused = resolve)),
  };
}

const answered = (databaseTime: number, cleanSince: Readonly<Record<string, number>> = {}): LedgerAnswer => ({ databaseTime, cleanSince });

it.each(['time', 'monotonic'] as const)('five seconds are borne, a millisecond more is a loss, by the clock of %s', async (which) => {
  const { contact, clocks, ask, begun } = underTest();
  await begun;
  clocks[which] += 5_000;
  expect(contact.doubt('main')).toBeUndefined();
  await ask(answered(78_000));
  clocks[which] += 5_001;
  expect(contact.doubt('main')).toBe('has not answered this process for 5001 ms');
  await ask(answered(90_000));
  expect(contact.doubt('main')).toContain('did not answer this process for more than 5000 ms');
  await contact.close();
});

it('a check counts that began after the database was back, and for its account alone', async () => {
  const { contact, clocks, ask, begun } = underTest();
  await begun;
  await ask(undefined);
  clocks.monotonic += 6_000;
  await ask(undefined);
  await ask(answered(90_000, { main: 90_000, other: 89_999 }));
  expect(contact.doubt('main')).toBeDefined();
  await ask(answered(95_000, { main: 90_001, other: 89_999 }));
  expect([contact.doubt('main'), contact.doubt('other') === undefined]).toEqual([undefined, false]);
  // Lost again: the check of before is worth nothing.
  clocks.time += 5_001;
  await ask(answered(120_000, { main: 90_001 }));
  expect(contact.doubt('main')).toBeDefined();
  await contact.close();
});

it('short gaps, one after the other, are no loss', async () => {
  const { contact, clocks, ask, begun } = underTest();
  await begun;
  for (let turn = 0; turn < 5; turn += 1) {
    clocks.monotonic += 4_000;
    await ask(undefined);
    clocks.monotonic += 1_000;
    await ask(answered(80_000 + turn));
  }
  expect(contact.doubt('main')).toBeUndefined();
  await contact.close();
});
