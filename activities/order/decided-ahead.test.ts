import { describe, expect, it } from 'vitest';
import { MARKET } from '../../core/execution/policy.js';
import type { DecimalText } from '../../core/money/index.js';
import type { RiskView } from '../../core/risk/view.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { KEY, LEDGER, NOW } from '../../test/support/risk-view.js';
import { StreamedMarket } from '../streams/live-market.js';
import { DecidedAhead } from './decided-ahead.js';
import type { OrderDependencies } from './dependencies.js';

const d = (value: string): DecimalText => value as DecimalText;
const SIGNAL: TradeSignal = {
  ...KEY,
  ...{ strategyVersion: '1', leg: 'open', barCloseTime: NOW, decidedTime: NOW, validUntil: NOW + 2_500, referencePrice: d('100') },
  ...{ stopDistanceRatio: 0.02, features: [1], reason: 'test' },
};
const INTENT = intentIdOf(SIGNAL);

function bench(held: RiskView | undefined, { isPriced = true, gate = undefined as Error | undefined } = {}) {
  let [time, monotonic] = [NOW, 0];
  const failed: unknown[] = [];
  const live = new StreamedMarket(() => NOW);
  live.seeClock(KEY.account, { skewMs: 0, roundTripMs: 1 });
  if (isPriced) live.seePrice(KEY.account, KEY.instrument, d('100'), { seenTime: NOW });
  const dependencies = {
    live,
    venueOf: () => ({ weight: () => ({ kind: 'untold' }) }),
    entriesOf: () => {
      if (gate !== undefined) throw gate;
      return { sizing: { kind: 'fixedNotional', notional: d('500') }, execution: MARKET };
    },
    risk: {
      read: () => {
        throw new Error('asked');
      },
      heldView: () => held,
    },
  } as unknown as OrderDependencies;
  const ahead = new DecidedAhead(
    dependencies,
    () => ({ time, monotonic }),
    (error) => failed.push(error),
  );
  /** The machine's clock goes as far as told where it does not go on with the other. */
  const pass = (ms: number, clockMs = ms): void => {
    time += clockMs;
    monotonic += ms;
  };
  return { ahead, pass, failed };
}

describe('a verdict that is found while the start is under way', () => {
  it('is taken once, over the same versions', () => {
    const { ahead, pass } = bench(LEDGER);
    ahead.decide(SIGNAL);
    pass(50);
    expect(ahead.take(INTENT, { ...LEDGER })).toMatchObject({
      kind: 'approved',
      order: { intentId: INTENT, riskVersion: '7', controlVersion: '3' },
    });
    expect(ahead.take(INTENT, LEDGER)).toBeUndefined();
  });

  it.each([
    ['another risk version', { riskVersion: '8' }],
    ['another control version', { controlVersion: '4' }],
  ])('is none over %s, nor after it', (_, changed) => {
    const { ahead } = bench(LEDGER);
    ahead.decide(SIGNAL);
    expect(ahead.take(INTENT, { ...LEDGER, ...changed })).toBeUndefined();
    expect(ahead.take(INTENT, LEDGER)).toBeUndefined();
  });

  it('is none after 50 ms, in which market and watch may have passed', () => {
    const { ahead, pass } = bench(LEDGER);
    ahead.decide(SIGNAL);
    pass(51);
    expect(ahead.take(INTENT, LEDGER)).toBeUndefined();
  });

  it.each([
    ['a machine that slept meanwhile, whose monotonic clock stood still', 30_000],
    ['a clock that was set back', -30_000],
  ])('is none after %s', (_, clockMs) => {
    const { ahead, pass } = bench(LEDGER);
    ahead.decide(SIGNAL);
    pass(8, clockMs);
    expect(ahead.take(INTENT, LEDGER)).toBeUndefined();
  });

  it('is none where the gate fails, which is told and ends nothing', () => {
    const gate = new RangeError('a step must be positive, not 0');
    const { ahead, failed } = bench(LEDGER, { gate });
    ahead.decide(SIGNAL);
    expect([ahead.take(INTENT, LEDGER), failed]).toEqual([undefined, [gate]]);
  });

  it('is none of another signal', () => {
    const { ahead } = bench(LEDGER);
    ahead.decide(SIGNAL);
    expect(ahead.take(intentIdOf({ ...SIGNAL, barCloseTime: NOW + 1 }), LEDGER)).toBeUndefined();
  });

  it.each([
    ['the account is paused', { ...LEDGER, mode: 'paused' } as const, {}],
    ['there is no price', LEDGER, { isPriced: false }],
  ])('is never a denial: %s', (_, ledger, options) => {
    const { ahead } = bench(ledger, options);
    ahead.decide(SIGNAL);
    expect(ahead.take(INTENT, ledger)).toBeUndefined();
  });

  it('asks nobody: what is not held is not decided ahead', () => {
    const { ahead } = bench(undefined);
    ahead.decide(SIGNAL);
    expect(ahead.take(INTENT, LEDGER)).toBeUndefined();
  });
});
