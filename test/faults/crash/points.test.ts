import { describe, expect, it } from 'vitest';
import type { Pool } from 'pg';
import { createOrderStore } from '../../../adapters/store/order-store.js';
import { isTest, readTree } from '../../tidy/tree.js';
import { pointOf, textOf } from '../programs/point.js';
import { nameOf } from './crash.js';
import { CALLS, chosenCrashes, everyCrash } from './points.js';

describe('crash points', () => {
  it('are there for every call of the ledger', () => {
    const calls = Object.keys(createOrderStore({} as Pool)).map((name) => `store.${name}`);
    expect(Object.keys(CALLS).filter((call) => call.startsWith('store.'))).toEqual(expect.arrayContaining(calls));
  });

  it('have a way to each call that writes, in every test run before it and after it', () => {
    const chosen = chosenCrashes();
    for (const [call, { kind }] of Object.entries(CALLS)) {
      if (kind !== 'write') continue;
      const times = chosen.filter((crash) => crash.call === call).map((crash) => crash.when);
      expect(times, call).toContain('after');
      // Nothing lies between the row that allows a send and the send: that point is the end of `beginSubmit`.
      expect(times, call).toContain(call === 'sender.submit' ? 'during' : 'before');
    }
  });

  it('have names of their own', () => {
    const names = everyCrash().map((crash) => `${nameOf(crash)} ${crash.resting}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it('are told as text to the program that they end', () => {
    const point = { when: 'during', call: 'sender.submit', occurrence: 2, signal: 'SIGSTOP' } as const;
    expect(pointOf(textOf(point))).toEqual(point);
    expect(() => pointOf('sometime sender.submit#1:SIGKILL')).toThrow('not a point');
  });

  it('cannot be set in a program that is no test', () => {
    const readers = readTree().filter(
      ({ path, text }) => path.endsWith('.ts') && !isTest(path) && /KEELSON_TEST_(?:POINT|MARK|STRATEGY)/.test(text),
    );
    expect(readers.map(({ path }) => path)).toEqual([]);
  });
});
