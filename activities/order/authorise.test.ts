import { describe, expect, it } from 'vitest';
import { MARKET } from '../../core/execution/policy.js';
import type { DecimalText } from '../../core/money/index.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { KEY, LEDGER, NOW } from '../../test/support/risk-view.js';
import type { AuthoriseInput, OrderStore } from '../ports/store.js';
import { StreamedMarket } from '../streams/live-market.js';
import { createAuthorise } from './authorise.js';
import type { OrderDependencies } from './dependencies.js';
import { AccountQueues } from './write-verdict.js';

const d = (value: string): DecimalText => value as DecimalText;
const SIGNAL: TradeSignal = {
  ...KEY,
  ...{ strategyVersion: '1', leg: 'open', barCloseTime: NOW, decidedTime: NOW, validUntil: NOW + 2_500, referencePrice: d('100') },
  ...{ stopDistanceRatio: 0.02, features: [1], reason: 'test' },
};

it('P5: an entry whose verdict is written again and again may be sent no later for it than its signal is valid', async () => {
  let now = NOW;
  const live = new StreamedMarket(() => now);
  const inputs: AuthoriseInput[] = [];
  const store: Partial<OrderStore> = {
    async authorise(input) {
      inputs.push(input);
      now += 1_000;
      return input.verdict.kind === 'approved'
        ? { kind: 'conflict' }
        : { kind: 'written', order: { status: 'denied', failures: input.verdict.failures } as never };
    },
  };
  live.seeClock(KEY.account, { skewMs: 0, roundTripMs: 1 });
  const read = async () => {
    live.seePrice(KEY.account, KEY.instrument, d('100'), { seenTime: now });
    return LEDGER;
  };
  const venue = { weight: () => ({ kind: 'untold' }) };
  const entriesOf = () => ({ sizing: { kind: 'fixedNotional', notional: d('500') }, execution: MARKET });
  const dependencies = { store, live, venueOf: () => venue, entriesOf, risk: { read }, epoch: 1, instanceId: 'one' };
  const verdict = await createAuthorise(dependencies as unknown as OrderDependencies, new AccountQueues())(SIGNAL);
  expect(inputs.map(({ verdict: { kind }, authorisedForMs }) => [kind, authorisedForMs])).toEqual([
    ['approved', 2_500],
    ['approved', 1_500],
    ['approved', 500],
    ['denied', 0],
  ]);
  expect(verdict).toMatchObject({ kind: 'denied', failures: [{ code: 'RISK_SIGNAL_EXPIRED' }] });
});

describe('a further order of a signal, in a worker that has no stream of the instrument', () => {
  /** @param streamed how old the streamed price is; a gap is told where `gap` */
  const authorised = async (
    attempt: number,
    {
      streamedMs,
      gap = false,
      isConfigured = true,
      answers = true,
    }: { streamedMs?: number; gap?: boolean; isConfigured?: boolean; answers?: boolean },
  ): Promise<readonly [codes: readonly string[], price: string | undefined, asked: number]> => {
    const live = new StreamedMarket(() => NOW);
    live.seeClock(KEY.account, { skewMs: 0, roundTripMs: 1 });
    if (streamedMs !== undefined) live.seePrice(KEY.account, KEY.instrument, d('100'), { seenTime: NOW - streamedMs });
    if (gap) live.seeGap(KEY.account, KEY.instrument, 'a test');
    let asked = 0;
    const lastPrice = async (): Promise<DecimalText> => {
      asked += 1;
      if (!answers) throw new Error('away');
      return d('101');
    };
    const inputs: AuthoriseInput[] = [];
    const store: Partial<OrderStore> = {
      authorise: async (input) => (inputs.push(input), { kind: 'written', order: { status: 'authorised' } as never }),
    };
    const venue = { reader: { lastPrice }, weight: () => ({ kind: 'untold' }) };
    const entries = { sizing: { kind: 'fixedNotional', notional: d('500') }, execution: MARKET };
    const dependencies = { store, live, venueOf: () => venue, risk: { read: async () => LEDGER }, epoch: 1, instanceId: 'one' };
    const parts = { ...dependencies, entriesOf: () => (isConfigured ? entries : undefined) } as unknown as OrderDependencies;
    await createAuthorise(parts, new AccountQueues())(SIGNAL, { attempt, executed: d('0') });
    const verdict = inputs[0]?.verdict;
    if (verdict?.kind === 'approved') return [[], verdict.order.price, asked];
    return [verdict?.failures.map(({ code }) => code) ?? [], undefined, asked];
  };

  it('is priced by what the venue is asked for', async () => {
    expect(await authorised(2, {})).toEqual([[], '101.5', 1]);
    expect(await authorised(2, { streamedMs: 600_000 })).toEqual([[], '101.5', 1]);
  });

  it('asks nobody where the stream is fresh; the first order asks nobody at all', async () => {
    expect(await authorised(2, { streamedMs: 1_000 })).toEqual([[], '100.5', 0]);
    expect(await authorised(1, {})).toEqual([['RISK_PRICE_MISSING'], undefined, 0]);
    expect(await authorised(1, { streamedMs: 600_000 })).toMatchObject([['RISK_PRICE_STALE'], undefined, 0]);
  });

  it('is refused where nobody tells a price, and while a stream is broken off', async () => {
    expect(await authorised(2, { answers: false })).toEqual([['RISK_PRICE_MISSING'], undefined, 1]);
    expect(await authorised(2, { streamedMs: 10, gap: true })).toMatchObject([['RISK_STREAM_DOWN'], undefined, 1]);
  });

  it('P2: is refused where its strategy has left the configuration', async () => {
    expect(await authorised(2, { streamedMs: 10, isConfigured: false })).toEqual([['RISK_STRATEGY_INACTIVE'], undefined, 0]);
  });
});
