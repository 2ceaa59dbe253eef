import { describe, expect, it } from 'vitest';
import { isMet } from './benchmark.js';
import { figuresOf, Joiner, quantile } from './figures.js';
import type { SignalStamps } from './stamps.js';

const SIGNAL: SignalStamps = {
  bar: 'A01/USDT 999',
  workflowId: 'signal:1',
  clientOrderId: 'one',
  stepBegun: 1_001,
  startCalled: 1_003,
  startAnswered: 1_010,
  entered: 1_008,
  authorised: 1_009,
  begun: 1_011,
  statements: 2,
  statementsBeforeStart: 0,
  socketsBeforeStart: 0,
};

function joined(...signals: SignalStamps[]): Joiner {
  const joiner = new Joiner();
  joiner.see({
    type: 'workerStamps',
    signals,
    floors: [{ startCalled: 0, startAnswered: 3, entered: 6, written: 9 }],
    begun: [1_003],
    ranAgain: [],
  });
  joiner.see({ type: 'venueStamps', frames: [[SIGNAL.bar, 1_000]], posts: [['one', 1_012.5]] });
  return joiner;
}

describe('what venue and worker saw of a signal', () => {
  it('is joined by bar and client order id into the whole and its parts, which add up', () => {
    const [measured] = joined(SIGNAL).measured();
    expect(measured).toMatchObject({ wholeMs: 12.5, partsMs: { read: 1, decide: 2, start: 5, authorise: 1, begin: 2, send: 1.5 } });
    expect(Object.values(measured?.partsMs ?? {}).reduce((sum, ms) => sum + ms, 0)).toBe(12.5);
  });

  it('leaves out what was not sent or not seen as a whole', () => {
    const { begun: _begun, ...denied } = SIGNAL;
    expect(joined(denied, { ...SIGNAL, clientOrderId: 'never sent' }, { ...SIGNAL, bar: 'another' }).measured()).toEqual([]);
  });

  it('is told beside the floor, with the statements that it took', () => {
    const joiner = joined(SIGNAL, { ...SIGNAL, statements: 4 });
    expect(figuresOf('singly', joiner.measured(), joiner.floors)).toMatchObject({
      'singly.signals': 2,
      'singly.whole.p50Ms': 12.5,
      'singly.floor.p99Ms': 6,
      'singly.floorWritten.p99Ms': 9,
      'singly.startAnswered.p50Ms': 7,
      'singly.statements.least': 2,
      'singly.statements.most': 4,
      'singly.statements.twoRatio': 0.5,
    });
  });
});

describe('a quantile', () => {
  it('is a value that was measured, rounded, or no number', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index + 0.004);
    expect([quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1), quantile([], 0.5)]).toEqual([51, 100, 100, Number.NaN]);
  });
});

describe('the goal', () => {
  const pace = (name: string, overMs: number, more: Record<string, number> = {}): Record<string, number> =>
    Object.fromEntries(
      Object.entries({
        signals: 100,
        'whole.p50Ms': 7 + overMs,
        'floor.p50Ms': 7,
        'whole.p99Ms': 20 + overMs,
        'floor.p99Ms': 20,
        'temporalWrites.most': 1,
        'statements.least': 2,
        'statements.most': 2,
        'statementsBeforeStart.most': 0,
        'socketsBeforeStart.most': 0,
        ...more,
      }).map(([figure, value]) => [`${name}.${figure}`, value]),
    );
  const MET = { ...pace('singly', 5), ...pace('twenty', 10), 'singly.stopRests.p99Ms': 1_000 };

  it('is met by the durations and the writes that it names, at both paces', () => {
    expect(isMet(MET)).toBe(true);
  });

  it.each([
    ['singly.whole.p50Ms', 12.01],
    ['singly.whole.p99Ms', 35.01],
    ['twenty.whole.p50Ms', 17.01],
    ['singly.statements.least', 1],
    ['twenty.statements.least', 1],
    ['singly.statements.most', 3],
    ['twenty.statements.most', 3],
    ['singly.temporalWrites.most', 2],
    ['twenty.temporalWrites.most', 0],
    ['singly.statementsBeforeStart.most', 1],
    ['twenty.statementsBeforeStart.most', 1],
    ['singly.socketsBeforeStart.most', 1],
    ['twenty.socketsBeforeStart.most', 1],
    ['twenty.signals', 0],
    ['singly.stopRests.p99Ms', Number.POSITIVE_INFINITY],
    ['singly.floor.p50Ms', Number.NaN],
  ])('is missed with %s at %d, and without that figure', (figure, value) => {
    expect(isMet({ ...MET, [figure]: value })).toBe(false);
    const { [figure]: _left, ...without } = MET as Record<string, number>;
    expect(isMet(without)).toBe(false);
  });
});
