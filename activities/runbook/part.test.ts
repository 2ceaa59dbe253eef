import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import { RUNBOOK_SPECS } from '../../core/runbook/registry.js';
import type { Plan, StepSpec } from '../../core/runbook/spec.js';
import type { GivenUp, PartEnd, PartKey, RunbookStore } from '../ports/runbook.js';
import { workerStops } from '../worker-stops.js';
import { createRunPart } from './part.js';
import { bound, type StepCode } from './step-code.js';

interface TestWrites {
  readonly set: (value: string) => Promise<void>;
  /** Writes its value each 10 ms, until its part is over. */
  readonly goOn: (value: string, over?: AbortSignal) => Promise<void>;
  readonly [name: string]: (...values: never[]) => Promise<void>;
}
const SPEC: StepSpec = { name: 'one', title: 'A step', isCritical: true, timeoutMs: 1_000, hasUndo: true, signedWithinMs: null };
const KEY: PartKey = { runId: 'r', position: 0, attempt: 1, part: 'action' };
const going = new AbortController().signal;

/** A run of one step, whose ends and writes are kept. */
function opened(code: Omit<StepCode<object, TestWrites>, 'spec'>, givenUp: GivenUp | null = null, inputs: Plan['inputs'] = {}) {
  const ends: PartEnd[] = [];
  const written: string[] = [];
  const spec = RUNBOOK_SPECS.morningChecks;
  const plan: Plan = { runbook: spec.name, version: spec.version, account: 'main', inputs, steps: [SPEC], writes: [] };
  const store: Partial<RunbookStore> = {
    read: () => Promise.resolve({ runId: 'r', runbook: spec.name, account: 'main', inputs: {}, subject: null, plan }),
    beginPart: () => Promise.resolve(null),
    endPart: (_key, end) => {
      ends.push(end);
      return Promise.resolve(givenUp);
    },
  };
  const runbook = bound<object, TestWrites>({
    ...{ spec, steps: [{ spec: SPEC, ...code }], reads: {} },
    ...('rules' in inputs ? { rules: () => ({ how: 'wait', streams: [{ instrument: 'BTC/USDT', intervalMs: 1_000 }] }) } : {}),
    writes: {
      set: (value) => {
        written.push(value);
        return Promise.resolve();
      },
      goOn: async (value, over) => {
        for (;;) {
          over?.throwIfAborted();
          written.push(value);
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      },
    },
  });
  const stop = new AbortController();
  const dependencies = {
    ...{ store: store as RunbookStore, runbooks: {}, actor: 'test' },
    stopping: stop.signal,
    isUnderWay: () => Promise.resolve(true),
  };
  return { ends, written, stop, part: createRunPart(dependencies, () => runbook) };
}

describe('a part of a step', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('that throws has failed, and a person sees why', async () => {
    const { part, ends } = opened({ action: () => Promise.reject(new Error('it is stuck')) });
    await part(KEY, null, going);
    expect(ends).toEqual([{ outcome: 'failed', detail: 'it is stuck' }]);
  });

  it('that fails in a run that a person has given up ends with that; what is taken back fails as ever', async () => {
    const stuck = () => Promise.reject(new Error('it is stuck'));
    const { part } = opened({ action: stuck, undo: stuck }, { subject: 'olga', reason: 'enough' });
    expect(await part(KEY, null, going)).toEqual({ outcome: 'aborted', subject: 'olga', reason: 'enough' });
    expect(await part({ ...KEY, part: 'undo' }, null, going)).toEqual({ outcome: 'failed', detail: 'it is stuck' });
    const { part: other } = opened({ action: () => Promise.resolve(null) }, { subject: 'olga', reason: 'enough' });
    expect(await other(KEY, null, going)).toEqual({ outcome: 'done', output: null });
  });

  it('does what was planned, and nothing where the configuration is another by now: the run ends, and says what to do', async () => {
    const set: Omit<StepCode<object, TestWrites>, 'spec'> = {
      action: async (_run, _reads, writes) => (await writes.set('action'), null),
      verification: () => Promise.resolve({ isFine: true }),
      undo: (_run, _reads, writes) => writes.set('undo'),
    };
    // As they come back from the row, in whatever order.
    const asPlanned = { rules: { streams: [{ intervalMs: 1_000, instrument: 'BTC/USDT' }], how: 'wait' } };
    const same = opened(set, null, asPlanned);
    expect(await same.part(KEY, null, going)).toMatchObject({ outcome: 'done' });
    for (const rules of [{ ...asPlanned.rules, how: 'cancel' }, { ...asPlanned.rules, streams: [] }, {}]) {
      const { part, written, ends } = opened(set, null, { rules });
      const preempted = { outcome: 'preempted', detail: expect.stringContaining('RISK_PLAN_CHANGED') as string };
      expect(await part(KEY, null, going)).toEqual(preempted);
      expect(await part({ ...KEY, part: 'verification' }, null, going)).toEqual(preempted);
      // What it has done is taken back all the same.
      expect(await part({ ...KEY, part: 'undo' }, null, going)).toMatchObject({ outcome: 'done' });
      expect([written, ends.length]).toEqual([['undo'], 1]);
    }
  });

  it.each([
    ['its worker stops', workerStops()],
    ['the ledger is away', new KeelsonError('INFRA_DATABASE', { detail: 'gone' })],
  ])('that throws because %s has not ended: it is begun again', async (_, error) => {
    const { part, ends } = opened({ action: () => Promise.reject(error) });
    await expect(part(KEY, null, going)).rejects.toBe(error);
    expect(ends).toEqual([]);
  });

  it('that is broken off by the end of its process has not ended, and changes nothing any more', async () => {
    const { part, ends, written, stop } = opened({
      action: async (_run, _reads, { set }) => {
        stop.abort();
        await set('after');
        return null;
      },
    });
    await expect(part(KEY, null, going)).rejects.toMatchObject({ type: 'WORKER_STOPS' });
    expect([ends, written]).toEqual([[], []]);
  });

  it('that was given up changes nothing any more, however late it wakes', async () => {
    let wake = (): void => undefined;
    let isOver: Promise<unknown> = Promise.resolve();
    const { part, ends, written } = opened({
      action: (_run, _reads, { set }) => {
        const work = (async () => {
          await set('before');
          await new Promise<void>((resolve) => (wake = resolve));
          await set('after');
          return null;
        })();
        isOver = work.catch((error: unknown) => error);
        return work;
      },
    });
    const ended = part(KEY, null, going);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await ended).toEqual({ outcome: 'failed', detail: 'it was not done within 1 s' });
    wake();
    expect(await isOver).toMatchObject({ message: 'it was not done within 1 s' });
    expect([written, ends]).toEqual([['before'], [{ outcome: 'failed', detail: 'it was not done within 1 s' }]]);
  });

  it('whose time is over ends a write that has begun before', async () => {
    const { part, written } = opened({ action: async (_run, _reads, { goOn }) => (await goOn('again'), null) });
    const ended = part(KEY, null, going);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await ended).toEqual({ outcome: 'failed', detail: 'it was not done within 1 s' });
    const before = written.length;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(written).toHaveLength(before);
  });

  it('that was begun anew elsewhere changes nothing any more, and has not ended: the other try says how it does', async () => {
    const canceled = new AbortController();
    const { part, ends, written } = opened({
      action: async (_run, _reads, { set }) => {
        canceled.abort(new Error('another worker has it'));
        await set('after');
        return null;
      },
    });
    await expect(part(KEY, null, canceled.signal)).rejects.toMatchObject({ type: 'WORKER_STOPS' });
    expect([ends, written]).toEqual([[], []]);
  });

  it('that was begun anew elsewhere ends in the middle of a write that goes on for long', async () => {
    const canceled = new AbortController();
    const { part, ends, written } = opened({ action: async (_run, _reads, { goOn }) => (await goOn('again'), null) });
    const ended = part(KEY, null, canceled.signal).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(100);
    canceled.abort(new Error('another worker has it'));
    expect(await ended).toMatchObject({ type: 'WORKER_STOPS' });
    const before = written.length;
    await vi.advanceTimersByTimeAsync(2_000);
    expect([ends, written.length]).toEqual([[], before]);
  });

  it('leaves nothing behind that goes on when it has ended, in its undo too', async () => {
    let late: Promise<unknown> = Promise.resolve();
    const { part, written } = opened({
      undo: async (_run, _reads, { set }) => {
        await set('undone');
        late = new Promise((resolve) => setTimeout(resolve, 10)).then(() => set('later')).catch((error: unknown) => error);
      },
    });
    expect(await part({ ...KEY, part: 'undo' }, null, going)).toMatchObject({ outcome: 'done' });
    await vi.advanceTimersByTimeAsync(10);
    expect(await late).toMatchObject({ message: 'the part has ended' });
    expect(written).toEqual(['undone']);
  });

  it('that waits has not ended, and is looked at again', async () => {
    let isOver = false;
    const { part, ends } = opened({
      verification: () =>
        Promise.resolve(
          isOver ? { isFine: true } : { isFine: false, isWaiting: true, found: 'not yet', callAfterMs: 5, output: { told: 'x' } },
        ),
    });
    const key = { ...KEY, part: 'verification' } as const;
    expect(await part(key, null, going)).toEqual({ outcome: 'waits', detail: 'not yet', callAfterMs: 5, output: { told: 'x' } });
    expect(ends).toEqual([]);
    isOver = true;
    expect(await part(key, null, going)).toEqual({ outcome: 'done', output: null });
    expect(ends).toHaveLength(1);
  });
});
