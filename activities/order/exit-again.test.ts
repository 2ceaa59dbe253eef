import { expect, it } from 'vitest';
import type { DecimalText } from '../../core/money/index.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { KEY, LEDGER, NOW } from '../../test/support/risk-view.js';
import type { AuthoriseInput, OrderStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import { StreamedMarket } from '../streams/live-market.js';
import { createAuthoriseExit } from './authorise-exit.js';
import type { OrderDependencies } from './dependencies.js';
import { AccountQueues } from './write-verdict.js';

const d = (value: string): DecimalText => value as DecimalText;
const SIGNAL: TradeSignal = {
  ...KEY,
  ...{ strategyVersion: '1', leg: 'close', barCloseTime: NOW - 60_000, decidedTime: NOW - 60_000, validUntil: NOW - 1_000 },
  ...{ referencePrice: d('100'), stopDistanceRatio: 0.02, features: [], reason: 'test' },
};
const STOP = { ...KEY, intentId: 'stop', purpose: 'stop' } as unknown as (typeof LEDGER.workingOrders)[number];

/** What the second order of an exit comes to, where so much is held under a stop, and so much of it was bought since the first. */
async function again(held: string, bought: string): Promise<readonly [unknown, readonly AuthoriseInput[]]> {
  const inputs: AuthoriseInput[] = [];
  const store: Partial<OrderStore> = {
    order: async () => undefined,
    boughtSince: async (intentId) => d(intentId === intentIdOf(SIGNAL, 1) ? bought : '0'),
    authorise: async (input) => {
      inputs.push(input);
      const failures = input.verdict.kind === 'denied' ? input.verdict.failures : [];
      return { kind: 'written', order: { status: 'denied', failures } } as unknown as Awaited<ReturnType<OrderStore['authorise']>>;
    },
  };
  const ledger = { ...LEDGER, positions: [{ ...KEY, quantity: d(held), cost: d('100') }], workingOrders: [STOP] };
  const away = (): Promise<never> => Promise.reject(new Error('away'));
  const venue = { reader: { lastPrice: away, book: away }, weight: () => ({ kind: 'untold' }) } as unknown as Venue;
  const live = new StreamedMarket(() => NOW);
  const parts = { store, live, venueOf: () => venue, risk: { read: async () => ledger }, epoch: 1, instanceId: 'one' };
  const asked = await createAuthoriseExit(parts as unknown as OrderDependencies, new AccountQueues())(SIGNAL, 2, undefined, true);
  return [asked, inputs];
}

it.each([
  ['all', '0.5', '0.5'],
  ['all, less what the venue kept as a fee in the base', '0.4995', '0.5'],
])('where %s that is held was bought since, the exit is over: its stop stays, and nothing is sold', async (_, held, bought) => {
  const [asked, inputs] = await again(held, bought);
  expect(asked).toMatchObject({ kind: 'denied', failures: [{ code: 'RISK_NO_POSITION' }] });
  expect(inputs).toHaveLength(1);
});

it.each([
  ['nothing', '0.5', '0'],
  ['a part', '0.8', '0.5'],
])('where %s of it was, the exit goes on with the rest', async (_, held, bought) => {
  expect(await again(held, bought)).toEqual([{ kind: 'stopsFirst', intentIds: ['stop'] }, []]);
});
