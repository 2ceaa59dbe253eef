import { describe, expect, it } from 'vitest';
import type { DecimalText } from '../../core/money/index.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { EnterAhead } from './enter-ahead.js';
import type { Entered } from './enter.js';

const SIGNAL: TradeSignal = {
  ...{ account: 'main', strategy: 'momentum', instrument: 'BTC/USDT', strategyVersion: '1', leg: 'open', barCloseTime: 1_000 },
  ...{
    decidedTime: 1_001,
    validUntil: 3_000,
    referencePrice: '100' as DecimalText,
    stopDistanceRatio: 0.02,
    features: [1],
    reason: 'test',
  },
};
const FIRST = { attempt: 1, executed: '0' as DecimalText };

/** A step whose runs end as the test says, each told by its number. */
function bench() {
  const runs: { readonly end: () => void; readonly fail: () => void; readonly of: number | 'first' | undefined }[] = [];
  const timers: { readonly ms: number; readonly passed: () => void }[] = [];
  const run = (of: number | 'first' | undefined): Promise<Entered> =>
    new Promise((resolve, reject) => {
      const failures = [{ code: 'RISK_KILLED', message: `run ${runs.length + 1}`, values: {} }] as const;
      runs.push({ of, end: () => resolve({ kind: 'denied', failures }), fail: () => reject(new Error(`run ${runs.length} failed`)) });
    });
  const ahead = new EnterAhead(
    () => run('first'),
    (_, which) => run(which?.attempt),
    (ms, passed) => void timers.push({ ms, passed }),
  );
  return { ahead, runs, timers };
}
const ranAs = (number: number) => ({ kind: 'denied', failures: [{ message: `run ${number}` }] });

describe('an entry that is begun with the acknowledged start', () => {
  it('is met by the workflow’s step, which waits for its outcome and runs nothing', async () => {
    const { ahead, runs } = bench();
    ahead.begin(SIGNAL);
    const step = ahead.step(SIGNAL, FIRST);
    expect(runs.map(({ of }) => of)).toEqual(['first']);
    runs[0]?.end();
    expect(await step).toMatchObject(ranAs(1));
    expect(runs).toHaveLength(1);
  });

  it('is met as well where it ended before', async () => {
    const { ahead, runs } = bench();
    ahead.begin(SIGNAL);
    runs[0]?.end();
    await ahead.close();
    expect(await ahead.step(SIGNAL, FIRST)).toMatchObject(ranAs(1));
  });

  it('is met once: a step that runs again finds what the rows say', async () => {
    const { ahead, runs } = bench();
    ahead.begin(SIGNAL);
    const cutOff = ahead.step(SIGNAL, FIRST);
    const again = ahead.step(SIGNAL, FIRST);
    expect(runs).toHaveLength(2);
    for (const run of runs) run.end();
    expect([await cutOff, await again]).toMatchObject([ranAs(1), ranAs(2)]);
  });

  it('fails its step where it fails, whose next try runs anew; a failure that nobody meets ends no process', async () => {
    const { ahead, runs } = bench();
    ahead.begin(SIGNAL);
    runs[0]?.fail();
    await ahead.close();
    await expect(ahead.step(SIGNAL, FIRST)).rejects.toThrow('run 1 failed');
    const next = ahead.step(SIGNAL, FIRST);
    runs[1]?.end();
    expect(await next).toMatchObject(ranAs(2));
  });

  it('is no other order of its signal, and no other signal', () => {
    const { ahead, runs } = bench();
    ahead.begin(SIGNAL);
    void ahead.step(SIGNAL, { ...FIRST, attempt: 2 });
    void ahead.step({ ...SIGNAL, barCloseTime: 2_000 }, FIRST);
    expect(runs.map(({ of }) => of)).toEqual(['first', 2, 1]);
  });

  it('keeps no outcome that no step has come for, of a task that went elsewhere', async () => {
    const { ahead, runs, timers } = bench();
    ahead.begin(SIGNAL);
    expect(timers).toEqual([]);
    runs[0]?.end();
    await ahead.close();
    expect(timers.map(({ ms }) => ms)).toEqual([10_000]);
    timers[0]?.passed();
    void ahead.step(SIGNAL, FIRST);
    expect(runs).toHaveLength(2);
  });

  it('is waited for at the end of the process', async () => {
    const { ahead, runs } = bench();
    ahead.begin(SIGNAL);
    let isClosed = false;
    const closed = ahead.close().then(() => (isClosed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    runs[0]?.end();
    await closed;
  });
});
