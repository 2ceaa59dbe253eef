import { afterAll, beforeAll, expect, it } from 'vitest';
import { createControlStore } from '../../adapters/store/control-store.js';
import type { DecimalText } from '../../core/money/index.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { calmRows, testInstrument } from '../../exchange/testing/open-venue.js';
import { LIMITS } from '../../test/support/ledger.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import type { SubmitVerdict } from '../ports/venue.js';
import { createOrderActivities, type OrderActivities } from './index.js';

const d = (value: string): DecimalText => value as DecimalText;
const MOST_STOPS = 2;
const STRATEGIES = ['momentum', 'second', 'third'];

/** A venue whose instrument has room for two stops of an account: as strict, with other numbers, as Binance is. */
let stack: TradingStack;
let steps: OrderActivities;

beforeAll(async () => {
  const { instrument, ...rest } = testInstrument(INSTRUMENT, calmRows(50_000));
  const others = testInstrument('BNB/USDT', calmRows(500));
  stack = await openTradingStack({ instruments: [{ instrument: { ...instrument, maxConditionalOrders: MOST_STOPS }, ...rest }, others] });
  const strategies = STRATEGIES.map((strategy) => ({ strategy, instrument: INSTRUMENT, version: '1', modelHash: 'none' }));
  await createControlStore(stack.pool).applyConfiguration({
    account: ACCOUNT,
    venue: 'paper',
    limits: LIMITS,
    strategies,
    subject: 'test',
  });
  steps = createOrderActivities(stack.dependencies);
});
afterAll(() => stack?.close());

const signalOf = (strategy: string, leg: TradeSignal['leg'], bar: number): TradeSignal => ({ ...stack.signal(leg, bar), strategy });
const work = async (intentId: string): Promise<unknown> => steps.record(intentId, await steps.submit(intentId, ACCOUNT));
const enter = async (strategy: string, bar: number): Promise<unknown> => {
  const signal = signalOf(strategy, 'open', bar);
  const verdict = await steps.authorise(signal);
  return verdict.kind === 'authorised' ? work(intentIdOf(signal)) : verdict;
};
const placeStop = (clientOrderId: string): Promise<SubmitVerdict> =>
  stack.venue.sender.submit(
    {
      ...{ clientOrderId, instrument: INSTRUMENT, side: 'sell', type: 'stopLimit', timeInForce: 'GTC', postOnly: false },
      ...{ quantity: d('0.001'), price: d('44900'), stopPrice: d('45000') },
      ...{ signedTimestamp: stack.venue.lastClock().venueTime, receiveWindowMs: 60_000 },
    },
    10_000,
  );

it('an entry is denied where its stop would find no room, before the venue refuses that stop; exits are not', async () => {
  for (const [index, strategy] of STRATEGIES.slice(0, MOST_STOPS).entries()) {
    expect(await enter(strategy, 1_000 + index)).toMatchObject({ status: 'filled' });
  }
  // None of the two stops rests yet: room is kept for them.
  expect(await enter('third', 2_000)).toMatchObject({
    kind: 'denied',
    failures: [{ code: 'RISK_STOPS_FULL', values: { what: 'stops', limit: MOST_STOPS, count: MOST_STOPS + 1, instrument: INSTRUMENT } }],
  });
  // What it was spared: a stop more than there is room for is refused.
  for (let count = 0; count < MOST_STOPS; count += 1) expect(await placeStop(`kel-test-${count}`)).toMatchObject({ kind: 'accepted' });
  expect(await placeStop('kel-test-more')).toMatchObject({
    kind: 'rejected',
    failure: { message: expect.stringContaining('MAX_NUM_ALGO_ORDERS') as string },
  });
  // What is held leaves all the same, and makes room.
  const exit = signalOf('momentum', 'close', 3_000);
  expect(await steps.authorise(exit)).toMatchObject({ kind: 'authorised' });
  expect(await work(intentIdOf(exit))).toMatchObject({ status: 'filled' });
  expect(await enter('third', 4_000)).toMatchObject({ status: 'filled' });
});
