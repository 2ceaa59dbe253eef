import { expect, it } from 'vitest';
import type { LedgerAnswer } from '../ports/clearance.js';
import { LedgerContact } from './ledger-contact.js';

/** Asks when it is told to, and gives what the test gives. */
function underTest(first: LedgerAnswer | 'nothing' = answered(77_000)) {
  const clocks = { time: 1_000_000, monotonic: 5_000 };
  let answer = first === 'nothing' ? undefined : first;
  const compared: string[] = [];
  let ended = 0;
  let goOn = (): void => undefined;
  let paused = (): void => undefined;
  const contact = new LedgerContact({
    store: { ask: async () => answer ?? Promise.reject(new Error('gone')), end: async () => void (ended += 1) },
    accounts: ['main', 'other'],
    compare: async (account) => void compared.push(account),
    clock: () => clocks.time,
    monotonic: () => clocks.monotonic,
    pause: (_, signal) =>
      new Promise((resolve) => {
        goOn = () => (signal.removeEventListener('abort', goOn), resolve());
        signal.addEventListener('abort', goOn);
        paused();
      }),
    log: { warn: () => undefined },
  });
  return {
    contact,
    clocks,
    compared,
    ended: () => ended,
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

function answered(databaseTime: number, cleanSince: Readonly<Record<string, number>> = {}, doubtSince: number | null = null): LedgerAnswer {
  return { databaseTime, cleanSince, doubtSince };
}

it.each(['time', 'monotonic'] as const)('five seconds are borne, a millisecond more is a loss, by the clock of %s', async (which) => {
  const { contact, clocks, ask, begun } = underTest();
  await begun;
  clocks[which] += 5_000;
  expect(contact.doubt('main')).toBeUndefined();
  await ask(answered(78_000));
  clocks[which] += 5_001;
  expect(contact.doubt('main')).toBe('has not answered this process for 5001 ms');
  await ask(answered(90_000));
  expect(contact.doubt('main')).toContain('for more than 5000 ms');
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

it('a doubt of a time to come, as of a clock that was set back, is ended by a check from now on, and by none of before', async () => {
  const { contact, clocks, ask, begun } = underTest();
  await begun;
  clocks.time += 5_001;
  await ask(answered(9_000_000, { main: 8_990_000 }));
  expect(contact.doubt('main')).toBeDefined();
  // A check from before it was lost may be of a moment to come by now.
  await ask(answered(8_989_000, { main: 8_990_000 }));
  expect(contact.doubt('main')).toBeDefined();
  await ask(answered(90_000, { main: 92_000 }));
  expect(contact.doubt('main')).toBeDefined();
  await ask(answered(93_000, { main: 92_001 }));
  expect(contact.doubt('main')).toBeUndefined();
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

it('a worker that starts is in doubt until the database has told whether the one before it was', async () => {
  const { contact, ask, begun, compared, clocks, ended } = underTest('nothing');
  await begun;
  expect(contact.doubt('main')).toBe('has not answered this process yet');
  await ask(answered(90_000, { main: 80_000, other: 90_001 }, 90_000));
  expect([contact.doubt('main') === undefined, contact.doubt('other')]).toEqual([false, undefined]);
  // It asks for what it waits for, at once and then each ten seconds.
  await ask(answered(91_000, { main: 80_000, other: 90_001 }, 90_000));
  expect(compared).toEqual(['main']);
  for (let turn = 0; turn < 4; turn += 1) {
    clocks.monotonic += 2_500;
    await ask(answered(92_000, { main: 80_000, other: 90_001 }, 90_000));
  }
  expect(compared).toEqual(['main', 'main']);
  await ask(answered(93_000, { main: 90_001, other: 90_001 }, 90_000));
  expect(contact.doubt('main')).toBeUndefined();
  await contact.close();
  expect(ended()).toBe(1);
});
