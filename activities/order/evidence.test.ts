import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ZERO, type DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { KillView } from '../../core/kill/view.js';
import { KEY, LEDGER } from '../../test/support/risk-view.js';
import { createKillCancel } from '../kill/cancel.js';
import type { KillDependencies } from '../kill/dependencies.js';
import type { Events, OrderStore } from '../ports/store.js';
import type { StreamEvent, Venue, VenueFill, VenueOrder } from '../ports/venue.js';
import type { ReconcileDependencies } from '../reconcile/dependencies.js';
import { createRepair } from '../reconcile/repair.js';
import { streamAccount, type AccountStreamDependencies } from '../streams/account.js';
import type { OrderDependencies } from './dependencies.js';
import { adopt, bookFill } from './evidence.js';
import { createRecord } from './record.js';
import { createResolve } from './resolve.js';

const d = (value: string): DecimalText => value as DecimalText;
const SIGNED = 1_700_000_000_000;
const WHOLE = { quantity: d('1'), price: d('100'), side: 'buy' } as const;

const SENT = {
  ...{ ...KEY, ...WHOLE, intentId: 'i', clientOrderId: 'c', base: 'BTC', quote: 'USDT', leg: 'open', purpose: 'entry', status: 'unknown' },
  ...{ stopPrice: null, reservedQuantity: d('1'), reservedNotional: d('100'), executedQuantity: d('0'), executedNotional: d('0') },
  ...{ venueOrderId: null, venueStatus: null, venueExecutedQuantity: null, signedTimestamp: SIGNED, receiveWindowMs: 2_000 },
  ...{ workingUntil: null, triggeredTime: null, missingTime: null, failures: [], version: 1, isFinal: false },
} as unknown as StoredOrder;

/** An order of ours and what the venue shows under its id, created so long after our send. */
function shown(afterSendMs: number, before: Partial<StoredOrder> = {}) {
  let order: StoredOrder = { ...SENT, ...before };
  const incidents: string[] = [];
  const changed = (change: Partial<StoredOrder>): StoredOrder => (order = { ...order, ...change, version: order.version + 1 });
  const position = { ...KEY, quantity: ZERO, cost: ZERO, realizedPnl: ZERO, version: 1 };
  const store = {
    order: async () => order,
    orderByVenueIds: async () => order,
    watchedOrders: async () => [{ ...order, ageMs: 0, unchangedMs: 0, whyWithdrawn: null }],
    whyWithdrawn: async () => undefined,
    position: async () => position,
    isBooked: async () => false,
    changeOrder: async (change: StoredOrder) => ({ kind: 'written', order: changed(change) }),
    bookFill: async (input: { order: StoredOrder }) => (changed(input.order), { kind: 'applied' }),
    openIncident: async (events: Events) => void incidents.push(...(events.incidents ?? []).map(({ kind }) => kind)),
    tellEpisodes: async () => undefined,
  } as unknown as OrderStore;
  const at = { venueOrderId: '7', clientOrderId: 'c', instrument: KEY.instrument };
  const createdTime = SIGNED + afterSendMs;
  const seen: VenueOrder = { ...at, ...WHOLE, status: 'accepted', executedQuantity: d('0'), isTriggered: true, createdTime };
  const traded = { venueTradeId: '1', fee: d('0'), feeAsset: 'USDT', liquiditySide: 'maker', eventTime: SIGNED + 60_000 } as const;
  const fill: VenueFill = { ...at, ...WHOLE, ...traded };
  return { order: () => order, incidents, seen, fill, books: { store, epoch: 1 } };
}
type Shown = ReturnType<typeof shown>;

const venueOf = ({ seen }: Shown, streams: Partial<Venue['streams']> = {}): Venue =>
  ({
    profile: { id: 'paper', streams: { account: true }, fillLists: 'account' },
    reader: {
      lookUp: async () => ({ kind: 'found', order: seen, venueTime: SIGNED + 60_000 }),
      openOrders: async () => [seen],
      fillsOfOrder: async () => [],
      cancel: async () => 'canceled',
    },
    streams,
  }) as unknown as Venue;

/** What the account's stream tells, until it has been seen. */
async function told(one: Shown, event: StreamEvent): Promise<void> {
  const stopping = new AbortController();
  const watchAccount: Venue['streams']['watchAccount'] = async (onEvent, signal) => {
    onEvent(event);
    stopping.abort();
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  };
  const dependencies = {
    ...{ books: one.books, venueOf: () => venueOf(one, { watchAccount }), venueNameOf: () => 'desk', tradedOf: () => [] },
    ...{ protection: { held: async () => [] }, clock: () => SIGNED, stopping: stopping.signal, log: { warn: () => undefined } },
  } as unknown as AccountStreamDependencies;
  await new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') })
    .run(streamAccount, dependencies, KEY.account)
    .catch(() => undefined);
}

/** Everybody who takes up what the venue shows under an id of ours. */
const DOORS: Readonly<Record<string, (one: Shown) => Promise<unknown>>> = {
  'a look-up': (one) => createResolve({ ...one.books, venueOf: () => venueOf(one) })('i'),
  'the account’s stream': (one) => told(one, { kind: 'order', order: one.seen }),
  'a fill of the account’s stream': (one) => told(one, { kind: 'fill', fill: one.fill, orderCreatedTime: one.seen.createdTime }),
  'a fill whose order’s begin is not told': (one) => bookFill(one.books, KEY.account, { ...one.fill, eventTime: one.seen.createdTime }),
  'a halt that finds it open': (one) => {
    const view = { risk: LEDGER, latches: [], working: [] } as unknown as KillView;
    const kills = { readKill: async () => view };
    return createKillCancel({ ...one.books, kills, venueOf: () => venueOf(one), clock: () => 0 } as unknown as KillDependencies)(
      KEY.account,
    );
  },
  'a reconciliation': (one) => {
    const venue = venueOf(one);
    const repair = createRepair({ books: one.books } as unknown as ReconcileDependencies, KEY.account, venue, venue.reader);
    return repair({ kind: 'takeEvidence', intentId: 'i', instrument: KEY.instrument, clientOrderId: 'c' }, '1');
  },
};

const AFTER_SEND_MS = fc.oneof(fc.constantFrom(-2_501, -2_500, -501, -500, 0), fc.integer({ min: -3_600_000, max: 1_500 }));
const CLOCK_ERROR_MS = fc.constantFrom({}, { clockErrorMs: null }, { clockErrorMs: 40 }, { clockErrorMs: 2_500 });

it.each(Object.entries(DOORS))(
  'P11: %s takes for ours only what is not older than our send, within what the clock may be off by that signed it',
  async (_, door) => {
    await fc.assert(
      fc.asyncProperty(AFTER_SEND_MS, CLOCK_ERROR_MS, async (afterSendMs, error) => {
        const one = shown(afterSendMs, error);
        await door(one);
        const isOlder = afterSendMs < -Math.max(500, error.clockErrorMs ?? 0);
        expect(one.incidents).toEqual(isOlder ? ['createdBeforeSend'] : []);
        expect(one.order()).toMatchObject(isOlder ? { status: 'unknown', venueOrderId: null } : { venueOrderId: '7' });
      }),
      { numRuns: 30 },
    );
  },
);

it('P13: what the venue has answered, or has shown before by its number, is ours whatever the clocks say', async () => {
  const answered = shown(-60_000, { status: 'submitting' });
  const { seen: order } = answered;
  await createRecord(answered.books as unknown as OrderDependencies)('i', { kind: 'accepted', order, fills: [answered.fill] });
  expect(answered.order()).toMatchObject({ status: 'filled', venueOrderId: '7' });
  const known = shown(-60_000, { status: 'accepted', venueOrderId: '7' });
  await bookFill(known.books, KEY.account, known.fill);
  expect(known.order()).toMatchObject({ status: 'filled' });
  expect([...answered.incidents, ...known.incidents]).toEqual([]);
});

it.each([
  ['a stop', { stopPrice: d('98'), purpose: 'stop', side: 'sell', status: 'accepted', venueOrderId: '7' }, true],
  ['an entry', { status: 'accepted', venueOrderId: '7' }, false],
] as const)(
  'P21: %s that ends before anybody has seen it awake is known to have woken, where it could sleep',
  async (_, before, isTriggered) => {
    const one = shown(50, before);
    await adopt(one.books, 'i', { ...one.seen, status: 'canceled' }, []);
    expect(one.order()).toMatchObject({ status: 'canceled', isTriggered, failures: [] });
  },
);
