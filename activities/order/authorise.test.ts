import { expect, it } from 'vitest';
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
    live.seePrice(KEY.account, KEY.instrument, d('100'), now);
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
