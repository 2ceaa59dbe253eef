import { expect, it } from 'vitest';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import { KRAKEN } from '../../adapters/venue/profiles/kraken.js';
import type { DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { planProtection } from '../../core/protection/plan.js';
import { KEY, LEDGER, RULES } from '../../test/support/risk-view.js';
import type { OrderStore } from '../ports/store.js';
import type { Venue, VenueProfile } from '../ports/venue.js';
import { createResolve } from './resolve.js';

const d = (value: string): DecimalText => value as DecimalText;
const SIGNED = 1_700_000_000_000;
/** What the steps may take beside the window and the visibility bound. */
const STEPS_MS = 2_000;
const ROUND_TRIP_MS = 100;
const STATEMENT_MS = 10;

const STOP = {
  ...KEY,
  intentId: 'stop:1',
  clientOrderId: 'c1',
  strategyVersion: '1',
  leg: 'close',
  side: 'sell',
  purpose: 'stop',
  sequence: 1,
  status: 'submitting',
  type: 'stopLimit',
  timeInForce: 'GTC',
  quantity: d('1'),
  price: d('97.5'),
  stopPrice: d('98'),
  reservedQuantity: d('1'),
  reservedNotional: d('0'),
  executedQuantity: d('0'),
  executedNotional: d('0'),
  venueOrderId: null,
  venueStatus: null,
  venueExecutedQuantity: null,
  signedTimestamp: SIGNED,
  workingUntil: null,
  triggeredTime: null,
  missingTime: null,
  failures: [],
  version: 1,
  createdTime: SIGNED,
  updatedTime: SIGNED,
  isFinal: false,
} as unknown as StoredOrder;

/**
 * From the send of a stop whose reply never comes until its owner knows what became of it, by one clock for all: the sender
 * waits its deadline out, each call of the venue and each statement takes its time, and nobody waits longer than he is told.
 */
async function lost(profile: VenueProfile, isPlaced: boolean): Promise<{ readonly order: StoredOrder; readonly elapsedMs: number }> {
  let now = SIGNED;
  let order: StoredOrder = { ...STOP, receiveWindowMs: profile.receiveWindowMs };
  const store: Partial<OrderStore> = {
    order: async () => ((now += STATEMENT_MS), order),
    changeOrder: async (change) => {
      now += STATEMENT_MS;
      order = { ...order, ...change, version: order.version + 1, updatedTime: now };
      return { kind: 'written', order };
    },
  };
  const lookUp: Venue['reader']['lookUp'] = async () => {
    now += ROUND_TRIP_MS;
    if (!isPlaced) return { kind: 'absent', venueTime: now };
    const { clientOrderId, instrument, side, quantity, price } = order;
    const shown = { venueOrderId: '7', clientOrderId, instrument, side, quantity, price, status: 'accepted', executedQuantity: d('0') };
    return { kind: 'found', venueTime: now, order: { ...shown, isTriggered: false, createdTime: SIGNED + 50 } } as never;
  };
  const venue = { profile, reader: { lookUp } } as Partial<Venue> as Venue;
  const resolve = createResolve({ store: store as OrderStore, venueOf: () => venue, epoch: 1 });
  now += profile.submitDeadlineMs;
  for (;;) {
    const { isSettled, waitMs } = await resolve(order.intentId);
    if (isSettled || order.status === 'accepted') return { order, elapsedMs: now - SIGNED };
    now += waitMs;
  }
}

it.each([
  ['binance', BINANCE],
  ['kraken', KRAKEN],
])(
  'P23: %s: a stop whose reply was lost rests, or is sent anew, within its window, the visibility bound and two seconds',
  async (_, profile) => {
    const bound = profile.receiveWindowMs + profile.visibilityBoundMs + STEPS_MS;

    const placed = await lost(profile, true);
    expect(placed.order.status).toBe('accepted');
    expect(placed.elapsedMs).toBeLessThanOrEqual(bound);

    const absent = await lost(profile, false);
    expect(absent.order.status).toBe('notPlaced');
    // Not before absence proves anything (P11), and another stop is placed at once.
    expect(absent.elapsedMs).toBeGreaterThan(profile.receiveWindowMs + profile.visibilityBoundMs);
    expect(absent.elapsedMs).toBeLessThanOrEqual(bound);
    const risk = { ...LEDGER, databaseTime: SIGNED + absent.elapsedMs, positions: [{ ...KEY, quantity: d('1'), cost: d('100') }] };
    const step = planProtection(KEY, {
      risk: { ...risk, instrument: RULES },
      working: [],
      recent: [absent.order],
      stops: 1,
      escapes: 0,
      basis: { averagePrice: '100', stopDistanceRatio: 0.02, strategyVersion: '1', createdTime: SIGNED - 1_000 },
    });
    expect(step).toMatchObject({ kind: 'placeStop', wish: { sequence: 2 } });
  },
);
