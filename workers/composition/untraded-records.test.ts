import { beforeEach, describe, expect, it } from 'vitest';
import type { Events } from '../../activities/ports/store.js';
import { failure } from '../../core/errors.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { signalId } from '../../core/signal/signal.js';
import { UntradedRecords } from './untraded-records.js';

const signal = (at: number, account = 'main'): TradeSignal =>
  ({ account, strategy: 'momentum', strategyVersion: '1', instrument: 'BTC/USDT', leg: 'open', barCloseTime: at }) as TradeSignal;
const REASON = [failure('RISK_TEMPORAL_UNREACHABLE', { signal: 'x' })];

describe('P1: what is not traded is on record as such in the end', () => {
  let isAway: (one: TradeSignal) => boolean;
  let recorded: string[];
  let given: object[];
  let incidents: NonNullable<Events['incidents']>[number][];
  let errors: string[];
  let waits: { readonly ms: number; readonly end: () => void }[];
  let stopping: AbortController;
  let records: UntradedRecords;

  beforeEach(() => {
    [isAway, recorded, given, incidents, errors, waits, stopping] = [() => true, [], [], [], [], [], new AbortController()];
    records = new UntradedRecords({
      store: {
        async recordUntraded(one, failures, epoch, { audit }) {
          if (isAway(one)) throw new Error('the ledger is away');
          given.push({ failures, epoch, audit });
          recorded.push(signalId(one));
          return true;
        },
        async openIncident(events) {
          if (isAway(signal(0))) throw new Error('the ledger is away');
          incidents.push(...(events.incidents ?? []));
        },
      },
      epoch: 1,
      wait: (ms) => new Promise((end) => waits.push({ ms, end })),
      stopping: stopping.signal,
      log: { warn: () => undefined, error: (data) => void errors.push(JSON.stringify(data)) },
      most: 100,
    });
  });
  /** The next wait is over, and everything that follows has happened. */
  const passes = async (): Promise<void> => {
    waits.at(-1)?.end();
    for (let turn = 0; turn < 500; turn += 1) await Promise.resolve();
  };

  it('at once, where the ledger is there', async () => {
    isAway = () => false;
    await records.record(signal(1), REASON);
    expect([recorded, waits]).toEqual([[signalId(signal(1))], []]);
    expect(given).toMatchObject([{ failures: REASON, epoch: 1, audit: [{ kind: 'signal.notTraded', account: 'main' }] }]);
  });

  it('however long the ledger is away; nobody waits for that', async () => {
    await records.record(signal(1), REASON);
    await records.record(signal(2), REASON);
    for (let time = 0; time < 1_000; time += 1) await passes();
    expect(recorded).toEqual([]);
    expect(waits.map(({ ms }) => ms).slice(0, 6)).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000]);
    isAway = () => false;
    await passes();
    expect(recorded.toSorted()).toEqual([1, 2].map((at) => signalId(signal(at))));
    const before = waits.length;
    await passes();
    expect(waits).toHaveLength(before);
    isAway = () => true;
    await records.record(signal(3), REASON);
    isAway = () => false;
    await passes();
    expect(recorded).toHaveLength(3);
  });

  it('one that the ledger does not take keeps no other waiting', async () => {
    isAway = ({ barCloseTime }) => barCloseTime === 1;
    await records.record(signal(1), REASON);
    isAway = () => true;
    await records.record(signal(2), REASON);
    isAway = ({ barCloseTime }) => barCloseTime === 1;
    await passes();
    await passes();
    expect(recorded).toEqual([signalId(signal(2))]);
    for (let time = 0; time < 30; time += 1) await passes();
    const id = signalId(signal(1));
    expect(incidents).toMatchObject([{ account: 'main', kind: 'signalsNotRecorded', data: { count: 1, first: id, last: id } }]);
  });

  it('or it is told, where too many wait', async () => {
    for (let at = 1; at <= 103; at += 1) await records.record(signal(at), REASON);
    await records.record(signal(1, 'other'), REASON);
    isAway = () => false;
    await passes();
    expect(recorded).toHaveLength(100);
    expect(incidents).toMatchObject([
      { account: 'main', kind: 'signalsNotRecorded', data: { count: 3, first: signalId(signal(101)), last: signalId(signal(103)) } },
      { account: 'other', data: { count: 1 } },
    ]);
    await passes();
    expect(incidents).toHaveLength(2);
  });

  it('also where its process stops at that moment', async () => {
    await records.record(signal(1), REASON);
    stopping.abort();
    isAway = () => false;
    await passes();
    expect([recorded, errors]).toEqual([[signalId(signal(1))], []]);
  });

  it('or its process stops, and says which', async () => {
    await records.record(signal(1), REASON);
    stopping.abort();
    await passes();
    expect(errors).toEqual([JSON.stringify({ signals: [signalId(signal(1))], lost: {} })]);
    const before = waits.length;
    await passes();
    expect(waits).toHaveLength(before);
  });
});
