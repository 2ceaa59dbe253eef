import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { eventually } from '../../test/support/eventually.js';
import { ACCOUNT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import type { OrderStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import { createEnterAtOnce } from './enter-at-once.js';
import type { Entered } from './enter.js';
import { createOrderActivities, type OrderActivities } from './index.js';
import { AccountQueues } from './write-verdict.js';

/** Calls of the ledger that write the verdict or begin the send, in their order. */
type Call = 'authorise' | 'beginSubmit' | 'authoriseAndBegin';

describe('an entry whose verdict and begin are sent at once, on a real ledger and paper venue', () => {
  let stack: TradingStack;
  let enterAtOnce: (signal: TradeSignal) => Promise<Entered>;
  let steps: OrderActivities;
  let calls: Call[] = [];
  let bar = 0;
  /** What stands in the way of the present test. */
  let store: Partial<OrderStore> = {};
  let venue: (real: Venue) => Venue = (real) => real;

  beforeAll(async () => {
    stack = await openTradingStack();
    const real = stack.dependencies;
    const noted = (call: Call): object => ({
      [call]: (...values: unknown[]) => {
        calls.push(call);
        return Reflect.apply((store[call] ?? real.store[call]) as (...given: unknown[]) => unknown, undefined, values);
      },
    });
    const ledger = { ...real.store, ...noted('authorise'), ...noted('beginSubmit'), ...noted('authoriseAndBegin') };
    const dependencies = { ...real, store: ledger, venueOf: (account: string) => venue(real.venueOf(account)) };
    const queues = new AccountQueues();
    enterAtOnce = createEnterAtOnce(dependencies, queues);
    steps = createOrderActivities(dependencies, queues);
  });
  afterAll(() => stack?.close());
  afterEach(async () => {
    [store, venue] = [{}, (real) => real];
    const signal = stack.signal('close', (bar += 1_000));
    await steps.enter(signal);
    calls = [];
  });

  const opening = (): TradeSignal => stack.signal('open', (bar += 1_000));
  const sent = (): number => stack.witness().orders.size;

  it('is one call of the ledger, one order and one send', async () => {
    const before = sent();
    expect(await enterAtOnce(opening())).toMatchObject({ kind: 'recorded', order: { status: 'filled' } });
    expect(calls).toEqual(['authoriseAndBegin']);
    expect(sent()).toBe(before + 1);
  });

  it('P8: run again, by whichever step, sends nothing and tells what there is', async () => {
    const signal = opening();
    const first = await enterAtOnce(signal);
    const before = sent();
    expect(await enterAtOnce(signal)).toEqual(first);
    expect(await steps.enter(signal)).toEqual(first);
    expect(sent()).toBe(before);
  });

  it('P4: lost against another statement is decided anew, and goes one by one', async () => {
    let tries = 0;
    store = {
      authoriseAndBegin: async (input, events, terms) => {
        tries += 1;
        // Something else of the account has moved since the gate looked.
        await stack.pool.query('update risk_state set version = version + 1 where account = $1', [ACCOUNT]);
        return stack.dependencies.store.authoriseAndBegin(input, events, terms);
      },
    };
    expect(await enterAtOnce(opening())).toMatchObject({ kind: 'recorded', order: { status: 'filled' } });
    expect([calls, tries]).toEqual([['authoriseAndBegin', 'authorise', 'beginSubmit'], 1]);
  });

  it('P5: a send that was begun is sent, also where its verdict was written by another run', async () => {
    const signal = opening();
    expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
    expect(await enterAtOnce(signal)).toMatchObject({ kind: 'recorded', order: { status: 'filled' } });
  });

  it('P25: under a halt that comes in between nothing is sent, and the reservation is gone', async () => {
    const before = sent();
    store = {
      authoriseAndBegin: async (input, events, terms) => {
        await stack.pool.query(`insert into latches (scope, scope_value, reason, subject) values ('account', $1, 'x', 'y')`, [ACCOUNT]);
        return stack.dependencies.store.authoriseAndBegin(input, events, terms);
      },
    };
    const signal = opening();
    const entered = await enterAtOnce(signal);
    await stack.pool.query(`delete from latches`);
    expect(entered).toMatchObject({ kind: 'recorded', order: { status: 'expired', reservedNotional: '0' } });
    expect(sent()).toBe(before);
  });

  it('P5: with the answer lost nothing is sent; the step that runs again finds a send that somebody began', async () => {
    const before = sent();
    const signal = opening();
    store = {
      authoriseAndBegin: async (...values) => {
        await stack.dependencies.store.authoriseAndBegin(...values);
        throw new KeelsonError('INFRA_DATABASE', { detail: 'the answer was lost' });
      },
    };
    await expect(enterAtOnce(signal)).rejects.toMatchObject({ type: 'INFRA_DATABASE' });
    expect(await steps.enter(signal)).toMatchObject({ kind: 'recorded', order: { status: 'unknown' } });
    expect(sent()).toBe(before);
    const intentId = intentIdOf(signal);
    const resolved = await eventually(async () => {
      const { isSettled, order } = await steps.resolve(intentId);
      if (!isSettled) throw new Error(`order ${intentId} is ${order.status}`);
      return order;
    });
    expect(resolved).toMatchObject({ status: 'notPlaced', reservedNotional: '0' });
  });

  it('to a venue that has sent us away nothing is begun', async () => {
    const before = sent();
    venue = (real) => ({ ...real, weight: () => ({ kind: 'closed', forMs: 7_000 }) });
    expect(await enterAtOnce(opening())).toMatchObject({ kind: 'denied', failures: [{ code: 'RISK_VENUE_CLOSED' }] });
    expect([calls, sent()]).toEqual([['authorise'], before]);
  });

  it('gives its part of the venue’s weight back, however it ends', async () => {
    let taken = 0;
    const freed: boolean[] = [];
    venue = (real) => ({
      ...real,
      claimWeight: () => {
        taken += 1;
        return { kind: 'taken', free: (wasSent) => void freed.push(wasSent) };
      },
    });
    store = { authoriseAndBegin: () => Promise.reject(new KeelsonError('INFRA_DATABASE', { detail: 'away' })) };
    await expect(enterAtOnce(opening())).rejects.toMatchObject({ type: 'INFRA_DATABASE' });
    store = {};
    expect(await enterAtOnce(opening())).toMatchObject({ kind: 'recorded' });
    // What the gate denies has used nothing of this process's part.
    expect(await enterAtOnce({ ...opening(), strategy: 'nobody' })).toMatchObject({ kind: 'denied' });
    expect([taken, freed]).toEqual([3, [true, true, false]]);
  });
});
