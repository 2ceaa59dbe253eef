import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { intentIdOf } from '../../core/signal/signal.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import type { LiveMarket } from '../ports/live.js';
import type { OrderStore } from '../ports/store.js';
import { bookFill } from './evidence.js';
import { createOrderActivities, type OrderActivities } from './index.js';

/** Something happens between two statements of a step: `store` holds what stands in between. */
describe('steps that something overtakes, on a real ledger and paper venue', () => {
  let stack: TradingStack;
  let ledger: OrderStore;
  let steps: OrderActivities;
  let bar = 0;
  let store: Partial<OrderStore> = {};

  beforeAll(async () => {
    stack = await openTradingStack();
    ledger = new Proxy(stack.dependencies.store, { get: (target, key: keyof OrderStore) => store[key] ?? target[key] });
    steps = createOrderActivities({ ...stack.dependencies, store: ledger });
  });
  afterAll(() => stack?.close());
  afterEach(() => {
    store = {};
  });

  it('P5: an authorisation that ends while its signal is abandoned is taken back', async () => {
    const signal = stack.signal('open', (bar += 1_000));
    store.order = async (intentId) => {
      const found = await stack.dependencies.store.order(intentId);
      store = {};
      expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
      return found;
    };
    expect(await steps.abandon(signal, 'it took too long')).toMatchObject({ status: 'expired', reservedNotional: '0', isFinal: true });
    expect(await steps.submit(intentIdOf(signal), ACCOUNT)).toMatchObject({ kind: 'settled' });
  });

  it('P5: an entry that was authorised at the last moment of its signal is not sent after it', async () => {
    const signal = stack.signal('open', (bar += 1_000));
    const { market } = stack;
    const live: LiveMarket = {
      view: (...which) => ({ ...market.view(...which), now: signal.validUntil }),
      venueNow: () => signal.validUntil,
      signingTime: (account) => market.signingTime(account),
      clockSkewMs: (account) => market.clockSkewMs(account),
      clockRoundTripMs: (account) => market.clockRoundTripMs(account),
    };
    const late = createOrderActivities({ ...stack.dependencies, live });
    expect(await late.authorise(signal)).toMatchObject({ kind: 'authorised' });
    const submission = await steps.submit(intentIdOf(signal), ACCOUNT);
    expect(submission).toMatchObject({ kind: 'refused', failures: [{ code: 'RISK_AUTHORISATION_EXPIRED' }] });
  });

  it('P15: a fill whose order becomes known by its venue id at that moment is ours, not foreign', async () => {
    const signal = stack.signal('open', (bar += 1_000));
    const intentId = intentIdOf(signal);
    expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
    const submission = await steps.submit(intentId, ACCOUNT);
    if (submission.kind !== 'accepted') throw new Error(`it was ${submission.kind}`);
    const [fill] = await stack.venue.reader.fills(INSTRUMENT, 0);
    if (fill === undefined) throw new Error('it was not filled');
    expect(fill.clientOrderId).toBeUndefined();
    store.watchedOrders = async (account) => {
      store = {};
      await steps.record(intentId, { ...submission, fills: [] });
      return stack.dependencies.store.watchedOrders(account);
    };
    const booked = await bookFill({ store: ledger, epoch: stack.dependencies.epoch }, ACCOUNT, fill);
    expect(booked).toMatchObject({ intentId, executedQuantity: fill.quantity });
    const { rows } = await stack.database.pool.query('select kind from incidents');
    expect(rows).toEqual([]);
  });
});
