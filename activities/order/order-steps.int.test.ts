import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { failure, KeelsonError } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import type { OrderStore } from '../ports/store.js';
import type { LookUp, Venue, VenueReader } from '../ports/venue.js';
import { createOrderActivities, type OrderActivities } from './index.js';
import { createWithdraw } from './resolve.js';
import { eventually } from '../../test/support/eventually.js';

const lost = failure('VENUE_OUTCOME_UNKNOWN', { order: 'x', venue: 'paper', detail: 'cut' });

/** The steps called one by one, as a worker that dies, stalls or comes second would call them. */
describe('the steps of an order, on a real ledger and paper venue', () => {
  let stack: TradingStack;
  let steps: OrderActivities;
  let bar = 0;
  /** What stands in the way of the present test. */
  let store: Partial<OrderStore> = {};
  let venue: (real: Venue) => Venue = (real) => real;

  beforeAll(async () => {
    stack = await openTradingStack();
    const real = stack.dependencies;
    const ledger = new Proxy(real.store, { get: (target, key: keyof OrderStore) => store[key] ?? target[key] });
    steps = createOrderActivities({ ...real, store: ledger, venueOf: (account) => venue(real.venueOf(account)) });
  });
  afterAll(() => stack?.close());
  afterEach(async () => {
    store = {};
    venue = (real) => real;
    const { rows } = await stack.database.pool.query<{ intent_id: string }>('select intent_id from orders where final_at is null');
    for (const { intent_id } of rows) await settled(intent_id);
    const signal = stack.signal('close', (bar += 1_000));
    if ((await steps.authorise(signal)).kind !== 'authorised') return;
    await steps.record(intentIdOf(signal), await steps.submit(intentIdOf(signal), ACCOUNT));
    await settled(intentIdOf(signal));
  });

  const arrivalOf = async (intentId: string): Promise<object | undefined> =>
    (
      await stack.pool.query<{ data: object }>(`select data from audit_events where kind = 'order.authorised' and data->>'intentId' = $1`, [
        intentId,
      ])
    ).rows[0]?.data;

  const settled = (intentId: string): Promise<string> =>
    eventually(async () => {
      const { isSettled, order } = await steps.resolve(intentId);
      if (!isSettled) throw new Error(`order ${intentId} is ${order.status}`);
      return order.status;
    });
  const authorised = async (): Promise<string> => {
    const signal = stack.signal('open', (bar += 1_000));
    expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
    return intentIdOf(signal);
  };
  /** At the venue and filled; here it is unknown. */
  const unknownButFilled = async (): Promise<string> => {
    const intentId = await authorised();
    expect(await steps.submit(intentId, ACCOUNT)).toMatchObject({ kind: 'accepted' });
    expect(await steps.record(intentId, { kind: 'unknown', failure: lost })).toMatchObject({ status: 'unknown' });
    return intentId;
  };
  const reading =
    (lookUp: (real: () => Promise<LookUp>) => Promise<LookUp>) =>
    (real: Venue): Venue => {
      const answer = (instrument: string, id: string): Promise<LookUp> => lookUp(() => real.reader.lookUp(instrument, id));
      return {
        ...real,
        reader: new Proxy(real.reader, { get: (target, key: keyof VenueReader) => (key === 'lookUp' ? answer : target[key]) }),
      };
    };
  const incidentOf = async (intentId: string): Promise<string[]> => {
    const { rows } = await stack.database.pool.query<{ kind: string }>(`select kind from incidents where data->>'intentId' = $1`, [
      intentId,
    ]);
    return rows.map(({ kind }) => kind);
  };

  it('the audit log tells what the quantity of an entry was computed of', async () => {
    const intentId = await authorised();
    const { rows } = await stack.database.pool.query<{ sizing: object; quantity: string }>(
      `select data->'sizing' as sizing, data->>'quantity' as quantity from audit_events
       where kind = 'order.authorised' and data->>'intentId' = $1`,
      [intentId],
    );
    // 500 at the edge of the collar around 50,000.
    expect(rows).toMatchObject([
      { sizing: { kind: 'fixedNotional', inputs: { notional: '500' }, rawQuantity: expect.stringMatching(/^0\.0099\d+$/) as string } },
    ]);
  });

  it.each([
    [undefined, { withoutMid: 'noBook' }],
    [{ bid: '49990' as DecimalText, ask: '50001' as DecimalText }, { arrivalMid: '49995.5' }],
  ])('the audit log tells the mid price at which an entry was decided, or why there is none: %o', async (book, told) => {
    if (book !== undefined) stack.market.seeBook(ACCOUNT, INSTRUMENT, book, Date.now());
    expect(await arrivalOf(await authorised())).toMatchObject({ arrivalPrice: '50000', ...told });
  });

  it('P4: authorise again gives the stored verdict and reserves nothing more', async () => {
    const signal = stack.signal('open', (bar += 1_000));
    const first = await steps.authorise(signal);
    expect(await steps.authorise({ ...signal, validUntil: 1 })).toEqual(first);
    const { rows } = await stack.database.pool.query('select 1 from orders where intent_id = $1', [intentIdOf(signal)]);
    expect(rows).toHaveLength(1);
  });

  it('P4: many at once queue inside the process and meet no conflict; one of them opens the position', async () => {
    let conflicts = 0;
    store = {
      authorise: async (input, events) => {
        const written = await stack.dependencies.store.authorise(input, events);
        if (written.kind === 'conflict') conflicts += 1;
        return written;
      },
    };
    const all = await Promise.all(Array.from({ length: 8 }, () => steps.authorise(stack.signal('open', (bar += 1_000)))));
    expect(all.map(({ kind }) => kind).sort()).toEqual(['authorised', ...Array<string>(7).fill('denied')]);
    expect(conflicts).toBe(0);
  });

  it('what comes after a send never delays the next signal', async () => {
    await stack.database.pool.query(
      `insert into active_strategies (account, strategy, instrument, version) values ($1, 'second', $2, '1') on conflict do nothing`,
      [ACCOUNT, INSTRUMENT],
    );
    const first = stack.signal('open', (bar += 1_000));
    const second = { ...stack.signal('open', bar), strategy: 'second' };
    const real = stack.dependencies.store;
    let [isHeld, release] = [(): void => undefined, (): void => undefined];
    const held = new Promise<void>((resolve) => (isHeld = resolve));
    const released = new Promise<void>((resolve) => (release = resolve));
    const unlessFirst = async ({ intentId }: { readonly intentId: string }): Promise<void> => {
      if (intentId !== intentIdOf(first)) return;
      isHeld();
      await released;
    };
    store = {
      changeOrder: (change, ...more) => unlessFirst(change).then(() => real.changeOrder(change, ...more)),
      bookFill: (input) => unlessFirst(input.order).then(() => real.bookFill(input)),
    };
    const entering = steps.enter(first);
    try {
      await Promise.race([held, entering.then((early) => expect(early).toBe('held'))]);
      expect(await steps.enter(second)).toMatchObject({ kind: 'recorded', order: { status: 'filled' } });
      expect(await real.order(intentIdOf(first))).toMatchObject({ status: 'submitting' });
    } finally {
      release();
    }
    expect(await entering).toMatchObject({ kind: 'recorded', order: { status: 'filled' } });
    const sale = { ...stack.signal('close', (bar += 1_000)), strategy: 'second' };
    expect(await steps.enter(sale)).toMatchObject({ kind: 'recorded', order: { status: 'filled' } });
  });

  it('a venue that has sent us away: an entry is denied, and what was authorised before is proven unsent', async () => {
    const intentId = await authorised();
    let submitted = 0;
    venue = (real) => ({
      ...real,
      weight: () => ({ kind: 'closed', forMs: 7_000 }),
      sender: {
        submit: (...values) => {
          submitted += 1;
          return real.sender.submit(...values);
        },
      },
    });
    expect(await steps.submit(intentId, ACCOUNT)).toEqual({ kind: 'settled', status: 'expired' });
    const order = await stack.dependencies.store.order(intentId);
    expect(order).toMatchObject({ isFinal: true, reservedQuantity: '0', reservedNotional: '0', signedTimestamp: null });
    expect(order?.failures).toMatchObject([{ code: 'RISK_VENUE_CLOSED', values: { forMs: 7_000 } }]);
    const next = stack.signal('open', (bar += 1_000));
    expect(await steps.enter(next)).toMatchObject({ kind: 'denied', failures: [{ code: 'RISK_VENUE_CLOSED' }] });
    expect(submitted).toBe(0);
    // Nothing of it is left behind: the next one goes.
    venue = (real) => real;
    expect(await steps.enter(stack.signal('open', (bar += 1_000)))).toMatchObject({ kind: 'recorded', order: { status: 'filled' } });
  });

  it('P4: a compare-and-set that is lost ten times denies, with the reason on record', async () => {
    let tries = 0;
    store = {
      authorise: async (input, events) => {
        if (input.verdict.kind === 'denied') return stack.dependencies.store.authorise(input, events);
        tries += 1;
        return { kind: 'conflict' };
      },
    };
    const signal = stack.signal('open', (bar += 1_000));
    expect(await steps.authorise(signal)).toMatchObject({ kind: 'denied', failures: [{ code: 'RISK_CONTENTION' }] });
    expect(tries).toBe(10);
    expect(await stack.dependencies.store.order(intentIdOf(signal))).toMatchObject({ status: 'denied', reservedNotional: '0' });
  });

  it('P8: submit run a second time sends nothing and knows nothing', async () => {
    const intentId = await authorised();
    expect(await steps.submit(intentId, ACCOUNT)).toMatchObject({ kind: 'accepted' });
    const sent = stack.witness().orders.size;
    expect(await steps.submit(intentId, ACCOUNT)).toMatchObject({ kind: 'unknown', failure: { code: 'VENUE_OUTCOME_UNKNOWN' } });
    expect(stack.witness().orders.size).toBe(sent);
    expect(await settled(intentId)).toBe('filled');
    expect(await steps.submit(intentId, ACCOUNT)).toEqual({ kind: 'settled', status: 'filled' });
  });

  it('P11: a look-up fences first: a submit that comes after it sends nothing', async () => {
    const intentId = await authorised();
    const sent = stack.witness().orders.size;
    expect(await steps.resolve(intentId)).toMatchObject({ isSettled: true, order: { status: 'expired', reservedNotional: '0' } });
    expect(await steps.submit(intentId, ACCOUNT)).toEqual({ kind: 'settled', status: 'expired' });
    expect(stack.witness().orders.size).toBe(sent);
  });

  it('P11: the fence loses to a submit that begins at that moment, and the order is looked up', async () => {
    const intentId = await authorised();
    const { store: ledger } = stack.dependencies;
    let isFirst = true;
    store = {
      changeOrder: async (...values) => {
        if (isFirst) {
          isFirst = false;
          await steps.submit(intentId, ACCOUNT);
        }
        return ledger.changeOrder(...values);
      },
    };
    expect(await settled(intentId)).toBe('filled');
    const { rows } = await stack.pool.query<{ told: string }>(
      `select data::text as told from audit_events where kind = 'order.unknown' and data->>'intentId' = $1`,
      [intentId],
    );
    expect(rows.map(({ told }) => told)).toEqual([expect.stringContaining(`reached ${stack.venue.profile.id} is not known`)]);
  });

  it('an order is fenced while its venue is not open yet, and people are told its configured name', async () => {
    const intentId = await authorised();
    expect(await steps.submit(intentId, ACCOUNT)).toMatchObject({ kind: 'accepted' });
    venue = () => {
      throw new KeelsonError('VENUE_UNAVAILABLE', {
        venue: 'main-venue',
        call: 'since the start',
        detail: 'the connection is not open yet',
      });
    };
    await expect(steps.resolve(intentId)).rejects.toThrow('main-venue');
    expect(await stack.dependencies.store.order(intentId)).toMatchObject({
      status: 'unknown',
      failures: [{ code: 'VENUE_OUTCOME_UNKNOWN', values: { venue: 'main-venue' } }],
    });
    venue = (real) => real;
    expect(await settled(intentId)).toBe('filled');
  });

  it('P11: absent before the end of the window by the venue’s clock proves nothing, and says how long it lasts', async () => {
    const intentId = await unknownButFilled();
    const { signedTimestamp, receiveWindowMs } = (await stack.dependencies.store.order(intentId)) ?? {};
    const venueTime = (signedTimestamp ?? 0) + (receiveWindowMs ?? 0) + stack.venue.profile.visibilityBoundMs;
    venue = reading(async () => ({ kind: 'absent', venueTime }));
    expect(await steps.resolve(intentId)).toMatchObject({ isSettled: false, waitMs: 1, order: { status: 'unknown' } });
  });

  it('P11: absent after the window is looked up once more before it counts', async () => {
    const intentId = await unknownButFilled();
    let looks = 0;
    venue = reading((real) => ((looks += 1) === 1 ? Promise.resolve({ kind: 'absent', venueTime: Date.now() + 60_000 }) : real()));
    expect(await steps.resolve(intentId)).toMatchObject({ isSettled: true, order: { status: 'filled' } });
  });

  it.each(['skewMs', 'aheadOfMonotonicMs'] as const)(
    'P6: an order is signed by the earlier of what the venue’s time can be: %s is wrong',
    async (wrong) => {
      const intentId = await authorised();
      const read = await stack.venue.reader.clock();
      stack.market.seeClock(ACCOUNT, { ...read, [wrong]: read[wrong] + 600_000 });
      // The venue refuses what is signed in its future.
      expect(await steps.submit(intentId, ACCOUNT)).toMatchObject({ kind: 'accepted' });
      stack.market.seeClock(ACCOUNT, await stack.venue.reader.clock());
    },
  );

  it('P11: an order of ours that was signed by a clock whose reading was long on its way is ours, though its venue says it is older', async () => {
    const intentId = await authorised();
    // As far ahead as this venue admits; and the reading may be off by more. The first one makes the second the better one.
    stack.market.seeClock(ACCOUNT, { skewMs: 600_000, roundTripMs: 3_000 });
    stack.market.seeClock(ACCOUNT, { skewMs: 800, roundTripMs: 2_400 });
    expect(await steps.submit(intentId, ACCOUNT)).toMatchObject({ kind: 'accepted' });
    expect(await steps.record(intentId, { kind: 'unknown', failure: lost })).toMatchObject({ status: 'unknown', clockErrorMs: 1_201 });
    venue = reading(async (real) => {
      const seen = await real();
      if (seen.kind !== 'found') return seen;
      const { signedTimestamp } = (await stack.dependencies.store.order(intentId)) ?? {};
      return { ...seen, order: { ...seen.order, createdTime: (signedTimestamp ?? 0) - 800 } };
    });
    expect(await steps.resolve(intentId)).toMatchObject({ isSettled: true, order: { status: 'filled' } });
    expect(await incidentOf(intentId)).toEqual([]);
  });

  it('P11: an order of our id that was there before we sent is an incident and stays unknown', async () => {
    const intentId = await unknownButFilled();
    venue = reading(async (real) => {
      const seen = await real();
      return seen.kind === 'found' ? { ...seen, order: { ...seen.order, createdTime: seen.order.createdTime - 60_000 } } : seen;
    });
    expect(await steps.resolve(intentId)).toMatchObject({ isSettled: false, order: { status: 'unknown' } });
    expect(await incidentOf(intentId)).toEqual(['createdBeforeSend']);
    // Nor is it canceled when ours was to rest no longer: it is another's.
    await stack.database.pool.query('update orders set working_until = 1 where intent_id = $1', [intentId]);
    const older = venue;
    let cancels = 0;
    venue = (real) => {
      const one = older(real);
      const cancel: typeof one.reader.cancel = async () => {
        cancels += 1;
        return 'canceled';
      };
      return { ...one, reader: { ...one.reader, cancel } };
    };
    expect(await steps.resolve(intentId)).toMatchObject({ isSettled: false, order: { status: 'unknown' } });
    expect(cancels).toBe(0);
  });

  it('P5: no order may be admitted later than two seconds after it was signed, whatever a profile says', async () => {
    const intentId = await authorised();
    venue = (real) => ({ ...real, profile: { ...real.profile, receiveWindowMs: 60_000 } });
    expect(await steps.submit(intentId, ACCOUNT)).toMatchObject({ kind: 'accepted' });
    expect(await stack.dependencies.store.order(intentId)).toMatchObject({ receiveWindowMs: 2_000 });
  });

  it('P12: where the venue’s admission is unbounded, time never makes an order absent', async () => {
    const intentId = await unknownButFilled();
    venue = (real) => ({
      ...reading(async () => ({ kind: 'absent', venueTime: Date.now() + 3_600_000 }))(real),
      profile: { ...real.profile, admission: 'unbounded' },
    });
    expect(await steps.resolve(intentId)).toMatchObject({ isSettled: false, order: { status: 'unknown' } });
    expect(await incidentOf(intentId)).toEqual(['unknownUnbounded']);
  });

  it('an order that was shown once and is shown no more is an incident, never absent', async () => {
    const intentId = await authorised();
    const submission = await steps.submit(intentId, ACCOUNT);
    if (submission.kind !== 'accepted') throw new Error(submission.kind);
    await steps.record(intentId, { ...submission, order: { ...submission.order, status: 'accepted' }, fills: [] });
    // Within its bound a venue may not show yet what it has taken.
    venue = reading(async () => ({ kind: 'absent', venueTime: Date.now() - 1_000 }));
    expect(await steps.resolve(intentId)).toMatchObject({ isSettled: false, order: { status: 'accepted' } });
    expect(await incidentOf(intentId)).toEqual([]);
    venue = reading(async () => ({ kind: 'absent', venueTime: Date.now() + 60_000 }));
    expect(await steps.resolve(intentId)).toMatchObject({ isSettled: false, order: { status: 'accepted' } });
    expect(await incidentOf(intentId)).toEqual(['workingOrderMissing']);
    expect(await steps.resolve(intentId)).toMatchObject({ order: { missingTime: expect.any(Number) } });
    venue = reading(async (real) => {
      const seen = await real();
      return seen.kind === 'found' ? { ...seen, order: { ...seen.order, status: 'accepted', executedQuantity: '0' as DecimalText } } : seen;
    });
    expect(await steps.resolve(intentId)).toMatchObject({ order: { status: 'accepted', missingTime: null } });
  });

  it('P17: a wished cancel is sent, and repeated, also while the venue does not show the order', async () => {
    const intentId = await authorised();
    const submission = await steps.submit(intentId, ACCOUNT);
    if (submission.kind !== 'accepted') throw new Error(submission.kind);
    await steps.record(intentId, { ...submission, order: { ...submission.order, status: 'accepted' }, fills: [] });
    const canceled: string[] = [];
    const notShown: Partial<VenueReader> = {
      lookUp: async () => ({ kind: 'absent', venueTime: Date.now() - 1_000 }),
      cancel: async (_instrument, clientOrderId) => {
        canceled.push(clientOrderId);
        return 'canceled';
      },
    };
    const real = stack.dependencies.venueOf(ACCOUNT);
    const reader = new Proxy(real.reader, { get: (target, key: keyof VenueReader) => notShown[key] ?? target[key] });
    const withdraw = createWithdraw({ ...stack.dependencies, venueOf: () => ({ ...real, reader }) });
    for (let times = 1; times <= 2; times += 1) {
      const { order, isSettled } = await withdraw(intentId, 'a test');
      expect({ isSettled, status: order.status }).toEqual({ isSettled: false, status: 'pendingCancel' });
      expect(canceled).toEqual(Array.from({ length: times }, () => order.clientOrderId));
    }
  });

  it('a row that changes under every try is left for a later one, and nothing is half booked', async () => {
    const intentId = await unknownButFilled();
    store = { bookFill: async () => ({ kind: 'conflict' }) };
    await expect(steps.resolve(intentId)).rejects.toMatchObject({ type: 'INFRA_DATABASE', nonRetryable: false });
    store = { changeOrder: async () => ({ kind: 'conflict' }) };
    const other = steps.record(intentId, { kind: 'accepted', order: (await found(intentId)).order, fills: [] });
    await expect(other).rejects.toMatchObject({ type: 'INFRA_DATABASE' });
    expect(await stack.dependencies.store.order(intentId)).toMatchObject({ status: 'unknown', executedQuantity: '0' });
  });

  it('P31: work begun before a restore changes nothing', async () => {
    const intentId = await authorised();
    await stack.database.pool.query('update instance set epoch = epoch + 1');
    try {
      await expect(steps.submit(intentId, ACCOUNT)).rejects.toMatchObject({ type: 'RISK_EPOCH', nonRetryable: true });
      await expect(steps.resolve(intentId)).rejects.toMatchObject({ type: 'RISK_EPOCH', nonRetryable: true });
    } finally {
      await stack.database.pool.query('update instance set epoch = epoch - 1');
    }
    expect(await stack.dependencies.store.order(intentId)).toMatchObject({ status: 'authorised' });
  });

  it('what was bought since an exit is told, and not what was bought before', async () => {
    const traded = async (leg: TradeSignal['leg']): Promise<string> => {
      const signal = stack.signal(leg, (bar += 1_000));
      expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
      const intentId = intentIdOf(signal);
      await steps.record(intentId, await steps.submit(intentId, ACCOUNT));
      expect(await settled(intentId)).toBe('filled');
      return intentId;
    };
    const { store } = stack.dependencies;
    await traded('open');
    const exit = await traded('close');
    expect(await store.boughtSince(exit)).toBe('0');
    const entry = await traded('open');
    expect(await store.boughtSince(exit)).toBe((await store.order(entry))?.executedQuantity);
    expect(await store.boughtSince('unknown')).toBe('0');
  });

  it('P31: nor is a cancel sent by it that was wished before', async () => {
    const intentId = await authorised();
    const submission = await steps.submit(intentId, ACCOUNT);
    if (submission.kind !== 'accepted') throw new Error(submission.kind);
    await steps.record(intentId, { ...submission, order: { ...submission.order, status: 'accepted' }, fills: [] });
    let canceled = 0;
    const real = stack.dependencies.venueOf(ACCOUNT);
    const notShown: Partial<VenueReader> = {
      lookUp: async () => ({ kind: 'absent', venueTime: Date.now() - 1_000 }),
      cancel: async () => ((canceled += 1), 'canceled'),
    };
    const reader = new Proxy(real.reader, { get: (target, key: keyof VenueReader) => notShown[key] ?? target[key] });
    const withdraw = createWithdraw({ ...stack.dependencies, venueOf: () => ({ ...real, reader }) });
    expect(await withdraw(intentId, 'a test')).toMatchObject({ order: { status: 'pendingCancel' } });
    await stack.database.pool.query('update instance set epoch = epoch + 1');
    try {
      await expect(withdraw(intentId, 'a test')).rejects.toMatchObject({ failure: { code: 'RISK_EPOCH' } });
    } finally {
      await stack.database.pool.query('update instance set epoch = epoch - 1');
    }
    expect(canceled).toBe(1);
  });

  async function found(intentId: string): Promise<Extract<LookUp, { kind: 'found' }>> {
    const order = await stack.dependencies.store.order(intentId);
    const seen = await stack.venue.reader.lookUp(order?.instrument ?? '', order?.clientOrderId ?? '');
    if (seen.kind !== 'found') throw new Error('the venue has it');
    return seen;
  }
});
