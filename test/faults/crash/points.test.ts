import { describe, expect, it } from 'vitest';
import type { Pool } from 'pg';
import { createMarketStore } from '../../../adapters/store/market-store.js';
import { createOrderStore } from '../../../adapters/store/order-store.js';
import { createOutboxStore } from '../../../adapters/store/outbox-store.js';
import { isTest, readTree } from '../../tidy/tree.js';
import { pointOf, textOf } from '../programs/point.js';
import { nameOf, type Crash } from './crash.js';
import { CALLS, chosenCrashes, everyCrash } from './points.js';

/** Points that are the same moment as another, which is tried. */
const SAME: Readonly<Record<string, string>> = {
  // Nothing lies between the row that allows a send and the send.
  'before sender.submit': 'after store.beginSubmit',
  // A claim takes the rows that a booking has written, and hands them to whoever wakes their owner.
  'before outbox.claim': 'after store.bookFill',
  'after outbox.claim': 'before owners.wake',
  'after owners.wake': 'before outbox.finish',
  'after owners.tell': 'before outbox.finish',
};

/** What writes on the way of an order to the venue; what comes after depends on the order. */
const SEND = ['store.authorise', 'store.beginSubmit', 'sender.submit', 'store.changeOrder'];
const ENTRY = [...SEND, 'store.authoriseAndBegin', 'store.bookFill', 'reader.cancel'];

describe('crash points', () => {
  it('are there for every call of the ledger, of the bars and of the outbox', () => {
    const pool = {} as Pool;
    const ports = { store: createOrderStore(pool), market: createMarketStore(pool), outbox: createOutboxStore(pool, '', 1) };
    const calls = Object.entries(ports).flatMap(([name, port]) => Object.keys(port).map((call) => `${name}.${call}`));
    expect(Object.keys(CALLS)).toEqual(expect.arrayContaining(calls.filter((call) => call !== 'outbox.listen')));
  });

  it('have a way to each call that writes, in every test run before it and after it', () => {
    const chosen = new Set(chosenCrashes().map(({ when, call }) => `${when} ${call}`));
    for (const [call, { kind }] of Object.entries(CALLS)) {
      if (kind !== 'write') continue;
      for (const point of [`before ${call}`, `after ${call}`]) expect(chosen, point).toContain(SAME[point] ?? point);
    }
  });

  it.each([
    ['trading', 'an entry', ({ role, phase, of }) => role === 'trading' && phase === 'open' && (of ?? 'entry') === 'entry', ENTRY],
    ['guardian', 'a stop', ({ role, phase, of }) => role === 'guardian' && phase === 'open' && of === undefined, SEND],
    ['guardian', 'a stop that sells', ({ phase, of }) => phase === 'held' && of === 'stop', ['store.bookFill']],
    ['guardian', 'a stop that is resized', ({ phase, of }) => phase === 'more' && of === 'stop', [...SEND, 'reader.cancel']],
    ['guardian', 'an exit', ({ role, phase }) => role === 'guardian' && phase === 'close', [...SEND, 'store.bookFill', 'reader.cancel']],
    ['guardian', 'an escape', ({ of }) => of === 'escape', [...SEND, 'store.bookFill']],
  ] satisfies [string, string, (crash: Crash) => boolean, string[]][])(
    'kill the %s worker before, in the middle of and after each write of %s',
    (_role, _what, isOf, calls) => {
      const points = everyCrash().flatMap((crash) => (isOf(crash) ? [`${crash.when} ${crash.call}`] : []));
      const wanted = calls.flatMap((call) => ['before', 'during', 'after'].map((when) => `${when} ${call}`));
      expect(points).toEqual(expect.arrayContaining(wanted));
      // Of each at least a part is in every test run.
      expect(chosenCrashes().filter(isOf).length).toBeGreaterThan(1);
    },
  );

  it('have names of their own', () => {
    const names = everyCrash().map((crash) => `${nameOf(crash)} ${crash.resting}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it('are told as text to the program that they end', () => {
    const point = { when: 'during', call: 'sender.submit', occurrence: 2, signal: 'SIGSTOP' } as const;
    expect(pointOf(textOf(point))).toEqual(point);
    expect(pointOf(textOf({ ...point, of: 'escape' }))).toEqual({ ...point, of: 'escape' });
    expect(() => pointOf('sometime sender.submit#1:SIGKILL')).toThrow('not a point');
  });

  it('cannot be set in a program that is no test', () => {
    const readers = readTree().filter(
      ({ path, text }) => path.endsWith('.ts') && !isTest(path) && /KEELSON_TEST_(?:POINT|MARK|STRATEGY)/.test(text),
    );
    expect(readers.map(({ path }) => path)).toEqual([]);
  });
});
