import { describe, expect, it } from 'vitest';
import { plannedParts } from '../../../test/support/planned-part.js';
import type { AskedRun } from '../../ports/runbook.js';
import type { TradingReads, TradingRules, TradingWrites } from './parts.js';
import { startUp } from './start-up.js';

const RULES: TradingRules = {
  ...{ venue: 'paper', observeBars: 3, observeAtMostMs: 60_000, afterwards: 'asBefore', workingEntries: 'wait', waitAtMostMs: 300_000 },
  streams: [],
};
const RUN: AskedRun = { runId: 'r', runbook: 'startUp', account: 'main', inputs: {}, subject: 'olga' };
const NONE = () => Promise.resolve();
const WRITES: TradingWrites = { holdMode: NONE, easeMode: NONE, releaseMode: NONE, undoMode: NONE, settleEntries: NONE };

/** What the step of a start-up comes to; a minute of looking is over at once. */
async function stepOf(name: string, parts: Partial<TradingReads>, isOurs = true): Promise<unknown> {
  let time = 0;
  const reads: Partial<TradingReads> = {
    rulesOf: () => RULES,
    patienceMs: 60_000,
    clock: () => time,
    pause: (ms) => Promise.resolve(void (time += ms)),
    state: {
      standing: () => Promise.resolve({ mode: 'observation', halt: null, isAborted: false, isOurs }),
    } as unknown as TradingReads['state'],
    ...parts,
  };
  const code = startUp(reads as TradingReads, WRITES);
  const part = await plannedParts(code, RUN);
  return part(name, 'verification');
}

describe.each([
  ['dependencies', 'ledger', 'the database loses what it was told to keep'],
  ['migrations', 'schema', 'the database lacks 20260104000000_fourth'],
] as const)('a start-up whose step %s finds something', (name, read, found) => {
  it('goes no further, and says what', async () => {
    expect(await stepOf(name, { [read]: () => Promise.resolve([found]) })).toMatchObject({ outcome: 'failed', detail: found });
  });

  it('tells it and goes on where somebody else keeps the account from trading', async () => {
    const seen = await stepOf(name, { [read]: () => Promise.resolve([found]) }, false);
    expect(seen).toMatchObject({ outcome: 'done', output: { found } });
  });

  it('waits on where the machine has slept in the middle, and for no longer than a minute then', async () => {
    let [time, looks, mendedAt] = [0, 0, 4];
    const parts: Partial<TradingReads> = {
      clock: () => time,
      // The lid is closed for an hour after the second look.
      pause: (ms) => Promise.resolve(void (time += looks === 2 ? 3_600_000 : ms)),
      [read]: () => Promise.resolve((looks += 1) < mendedAt ? [found] : []),
    };
    expect(await stepOf(name, parts)).toMatchObject({ outcome: 'done' });
    [time, looks, mendedAt] = [0, 0, Infinity];
    expect(await stepOf(name, parts)).toMatchObject({ outcome: 'failed', detail: found });
    expect(time).toBe(500 + 3_600_000 + 60_000);
  });

  it('goes on where it is mended within a minute', async () => {
    let looks = 0;
    const mended = () => Promise.resolve((looks += 1) < 10 ? [found] : []);
    expect(await stepOf(name, { [read]: mended })).toMatchObject({ outcome: 'done' });
  });
});
