import { WorkflowExecutionAlreadyStartedError, type Client, type WorkflowStartOptions } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import { signalWorkflowId, type TradeSignal } from '../../core/signal/signal.js';
import { createSignalSink } from './signal-sink.js';

const VALID_UNTIL = 10_000;
const SIGNAL: TradeSignal = {
  account: 'main',
  strategy: 'momentum',
  strategyVersion: '1',
  instrument: 'BTC/USDT',
  leg: 'open',
  barCloseTime: 8_999,
  decidedTime: 9_000,
  validUntil: VALID_UNTIL,
  referencePrice: '50000' as DecimalText,
  stopDistanceRatio: 0.02,
  features: [1],
  score: 0.7,
  threshold: 0.5,
  modelHash: 'm',
  reason: 'a test',
};

type Recorded = { readonly signal: TradeSignal; readonly failures: readonly Failure[] };

/** A sink on a clock that only waiting moves; `start` is what Temporal does at each call. */
function sink(start: (call: number) => void, eagerlyStarted = true) {
  let now = 9_000;
  const starts: { readonly type: string; readonly options: WorkflowStartOptions; readonly deadline: number }[] = [];
  const recorded: Recorded[] = [];
  const counted: string[] = [];
  const ours: TradeSignal[] = [];
  const starting: [leg: string, starts: number][] = [];
  const warnings: string[] = [];
  let deadline = 0;
  const client = {
    withDeadline: (until: number, work: () => Promise<unknown>) => {
      deadline = until;
      return work();
    },
    workflow: {
      start: async (type: string, options: WorkflowStartOptions) => {
        starts.push({ type, options, deadline });
        start(starts.length);
        return { eagerlyStarted };
      },
    },
  };
  const made = createSignalSink({
    client: client as unknown as Client,
    untraded: { record: async (signal, failures) => void recorded.push({ signal, failures }) },
    wouldTrade: async (signal) => {
      if (signal.leg === 'open') throw new Error('the ledger is away');
      return true;
    },
    isActive: async ({ strategyVersion }) => {
      if (strategyVersion === 'unasked') throw new Error('the ledger is away');
      return strategyVersion === '1';
    },
    clock: () => now,
    venueNow: () => now,
    wait: async (ms) => void (now += ms),
    log: { warn: (_, message) => void warnings.push(message) },
    starting: (signal) => void starting.push([signal.leg, starts.length]),
    taskIsOurs: (signal) => void ours.push(signal),
    count: (outcome) => void counted.push(outcome),
  });
  return { sink: made, starts, starting, ours, recorded, counted, warnings, now: () => now };
}

const unreachable = (): never => {
  throw new Error('14 UNAVAILABLE');
};

describe('P2: a build that is not the active one', () => {
  const older = { ...SIGNAL, strategyVersion: '0' };

  it('uses no signal’s id: it starts nothing and records nothing, and says so', async () => {
    const { sink: made, starts, recorded, counted, warnings } = sink(() => {});
    await made.trade(older);
    await made.notTraded(older, []);
    expect([starts, recorded, counted]).toEqual([[], [], ['inactive', 'inactive']]);
    expect(warnings).toHaveLength(2);
  });

  it('is asked for by authorise as well: where it cannot be told here, the signal goes its way', async () => {
    const { sink: made, starts, recorded } = sink(() => {});
    await made.trade({ ...SIGNAL, strategyVersion: 'unasked' });
    await made.notTraded({ ...SIGNAL, strategyVersion: 'unasked' }, []);
    expect([starts.length, recorded.length]).toEqual([1, 1]);
  });
});

describe('P1: the workflow of a signal is started once', () => {
  it('asks the gate without consequences; what cannot be asked is no', async () => {
    const { sink: made, starts, recorded, warnings } = sink(() => {});
    expect(await made.wouldTrade({ ...SIGNAL, leg: 'close' })).toBe(true);
    expect(await made.wouldTrade({ ...SIGNAL, leg: 'open' })).toBe(false);
    expect([starts, recorded]).toEqual([[], []]);
    expect(warnings).toHaveLength(1);
  });

  it('eagerly, under the id of the signal, refusing an id that was ever used', async () => {
    const { sink: made, starts, recorded, counted } = sink(() => {});
    await made.trade(SIGNAL);
    expect(starts).toHaveLength(1);
    expect(starts[0]).toMatchObject({
      type: 'signalToOrder',
      deadline: 10_000,
      options: {
        workflowId: signalWorkflowId(SIGNAL),
        taskQueue: 'trading',
        args: [SIGNAL, 'shows'],
        requestEagerStart: true,
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
        staticSummary: 'buy BTC/USDT (open, momentum, score 0.700)',
      },
    });
    expect(starts[0]?.options).not.toHaveProperty('searchAttributes');
    expect([recorded, counted]).toEqual([[], ['started']]);
  });

  it('tells that an entry may begin, once its start is acknowledged and its first task is this process’s', async () => {
    const seen: unknown[] = [];
    const first = sink((call) => {
      seen.push(first.ours.length);
      if (call === 1) unreachable();
    });
    await first.sink.trade(SIGNAL);
    expect([seen, first.ours]).toEqual([[0, 0], [SIGNAL]]);
    // Each start that is under way may be used to decide.
    expect(first.starting).toEqual([
      ['open', 1],
      ['open', 2],
    ]);
    const elsewhere = sink(() => {}, false);
    await elsewhere.sink.trade(SIGNAL);
    const known = sink(() => {
      throw new WorkflowExecutionAlreadyStartedError('exists', signalWorkflowId(SIGNAL), 'signalToOrder');
    });
    await known.sink.trade(SIGNAL);
    // An exit is its owner's.
    const exit = sink(() => {});
    await exit.sink.trade({ ...SIGNAL, leg: 'close' });
    expect([elsewhere.ours, known.ours, exit.ours]).toEqual([[], [], []]);
    expect([exit.starts.length, exit.starting]).toEqual([1, []]);
  });

  it('is repeated under the same id while Temporal is away', async () => {
    const { sink: made, starts, recorded, counted } = sink((call) => (call < 4 ? unreachable() : undefined));
    await made.trade(SIGNAL);
    expect(starts.map(({ options }) => options.workflowId)).toEqual(Array(4).fill(signalWorkflowId(SIGNAL)));
    expect([recorded, counted]).toEqual([[], ['started']]);
  });

  it('is done when somebody has started it: perhaps we, with a lost reply', async () => {
    const {
      sink: made,
      starts,
      recorded,
    } = sink((call) => {
      if (call === 1) unreachable();
      throw new WorkflowExecutionAlreadyStartedError('exists', signalWorkflowId(SIGNAL), 'signalToOrder');
    });
    await made.trade(SIGNAL);
    expect(starts).toHaveLength(2);
    expect(recorded).toEqual([]);
  });

  it('after the signal has expired it is recorded as not traded, with the reason', async () => {
    const { sink: made, starts, recorded, counted, now } = sink(unreachable);
    await made.trade(SIGNAL);
    expect(now()).toBeGreaterThan(VALID_UNTIL);
    expect(now()).toBeLessThan(VALID_UNTIL + 100);
    expect(starts.length).toBeGreaterThan(10);
    expect(recorded).toMatchObject([
      {
        signal: SIGNAL,
        failures: [{ code: 'RISK_TEMPORAL_UNREACHABLE' }],
      },
    ]);
    expect(counted).toEqual(['notTraded']);
  });
});
