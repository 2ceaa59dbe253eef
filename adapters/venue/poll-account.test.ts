import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LookUp, RestingOrder, StreamEvent, VenueFill, VenueOrder } from '../../activities/ports/venue.js';
import { KeelsonError } from '../../core/errors.js';
import { decimalTextOf, ZERO_TEXT } from '../../core/money/index.js';
import { pollAccount } from './poll-account.js';

const ORDER: VenueOrder = {
  venueOrderId: 'o1',
  clientOrderId: 'c1',
  instrument: 'BTC/USD',
  side: 'buy',
  status: 'accepted',
  quantity: decimalTextOf('1'),
  executedQuantity: ZERO_TEXT,
  price: decimalTextOf('2'),
  isTriggered: true,
  createdTime: 1,
};

const FILL = { venueTradeId: 't1', venueOrderId: 'o1' } as VenueFill;

let stop: AbortController;
let open: VenueOrder[];
let lookUp: LookUp;
let resting: RestingOrder[];
let lookedUp: string[];
let outage: Error | undefined;
let fills: VenueFill[];
/** Done while the list is asked for. */
let meanwhile: () => unknown;
let events: StreamEvent[];
let done: Promise<void>;
let pollMs: number;
let asked: number;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  stop = new AbortController();
  open = [];
  events = [];
  [pollMs, asked] = [1_000, 0];
  outage = undefined;
  lookUp = { kind: 'absent', venueTime: 1 };
  [resting, lookedUp, fills] = [[], [], []];
  meanwhile = () => undefined;
});

function watch(): void {
  done = pollAccount({
    reader: {
      async openOrders() {
        asked += 1;
        if (outage !== undefined) throw outage;
        meanwhile();
        return open;
      },
      lookUp: async (_, clientOrderId) => (lookedUp.push(clientOrderId), lookUp),
      async fillsOfOrder(_, venueOrderId) {
        if (venueOrderId === 'unreadable') throw new Error('not a list');
        return fills;
      },
    },
    pace: () => ({ pollMs, catchUpMs: 60_000 }),
    resting: () => resting,
    onEvent: (event) => void events.push(event),
    clock: Date.now,
    signal: stop.signal,
  });
}

afterEach(async () => {
  stop.abort();
  await done;
  vi.useRealTimers();
});

const told = () => events.map((event) => (event.kind === 'order' ? event.order.status : event.kind));
const polls = (count: number) => vi.advanceTimersByTimeAsync(count * 1_000);

describe('an account that is polled', () => {
  it('asks its caller to catch up at the beginning and once a minute', async () => {
    watch();
    await polls(59);
    expect(told()).toEqual(['gap']);
    await polls(2);
    expect(told()).toEqual(['gap', 'gap']);
  });

  it('is asked as often as its pace says by then', async () => {
    watch();
    await polls(4);
    expect(asked).toBe(5);
    pollMs = 2_000;
    await polls(9);
    expect(asked).toBe(10);
  });

  it('tells an outage once, and that it is over', async () => {
    watch();
    await polls(1);
    outage = new Error('no answer');
    await polls(5);
    expect(events.slice(1)).toEqual([{ kind: 'gap', reason: 'no answer' }]);
    outage = undefined;
    await polls(5);
    expect(told()).toEqual(['gap', 'gap', 'gap']);
  });

  it('tells an outage that was there from the beginning', async () => {
    outage = new Error('no answer');
    watch();
    await polls(5);
    expect(events).toEqual([{ kind: 'gap', reason: 'no answer' }]);
    outage = undefined;
    await polls(1);
    expect(told()).toEqual(['gap', 'gap']);
  });

  it('an order that is listed no more is told as it ended, and asked for until the venue shows it', async () => {
    watch();
    open = [ORDER];
    await polls(1);
    open = [];
    await polls(3);
    expect(told()).toEqual(['gap', 'accepted']);
    lookUp = { kind: 'found', order: { ...ORDER, status: 'canceled' }, venueTime: 1 };
    await polls(3);
    expect(told()).toEqual(['gap', 'accepted', 'canceled']);
  });

  it('P15, P16: one that came to rest and filled between two polls is told with the next, though it was never listed', async () => {
    watch();
    await polls(1);
    resting = [ORDER];
    lookUp = { kind: 'found', order: { ...ORDER, status: 'filled', executedQuantity: ORDER.quantity }, venueTime: 1 };
    fills = [FILL];
    await polls(1);
    expect(events.slice(1)).toEqual([
      { kind: 'fill', fill: FILL },
      { kind: 'order', order: { ...ORDER, status: 'filled', executedQuantity: ORDER.quantity } },
    ]);
  });

  it('one whose fills cannot be read holds up neither those that are listed with it nor those that have ended', async () => {
    watch();
    open = [ORDER];
    await polls(1);
    open = [
      { ...ORDER, venueOrderId: 'unreadable', executedQuantity: decimalTextOf('0.5') },
      { ...ORDER, venueOrderId: 'o2' },
    ];
    lookUp = { kind: 'found', order: { ...ORDER, status: 'canceled' }, venueTime: 1 };
    await polls(1);
    expect(events.slice(2)).toMatchObject([
      { kind: 'order', order: { venueOrderId: 'o2' } },
      { kind: 'order', order: { venueOrderId: 'o1', status: 'canceled' } },
      { kind: 'gap', reason: 'not a list' },
    ]);
    // What it has filled is in the lists of fills, however long it stays so.
    await polls(70);
    expect(told().filter((kind) => kind === 'gap')).toHaveLength(3);
  });

  it('one call that fails is made up for after two seconds, an outage and a limit are not', async () => {
    pollMs = 10_000;
    watch();
    await polls(5);
    outage = new Error('no answer');
    await polls(5);
    expect(asked).toBe(2);
    await polls(2);
    expect(asked).toBe(3);
    await polls(9);
    expect(asked).toBe(3);
    outage = undefined;
    await polls(1);
    expect([asked, told().at(-1)]).toEqual([4, 'gap']);
    outage = new KeelsonError('VENUE_RATE_LIMITED', { venue: 'desk', account: 'main', call: 'openOrders', retryAfterMs: 1_000 });
    await polls(10);
    expect(asked).toBe(5);
    await polls(9);
    expect(asked).toBe(5);
  });

  it('what comes to rest while the list is on its way is not looked for in it', async () => {
    watch();
    await polls(1);
    meanwhile = () => (resting = [ORDER]);
    await polls(1);
    expect(lookedUp).toEqual([]);
    open = [ORDER];
    await polls(1);
    expect([told(), lookedUp]).toEqual([['gap', 'accepted'], []]);
  });

  it('of many that rest by the ledger, and which the venue does not show, one is asked for again at a time, in turn', async () => {
    const rests = (id: string) => ({ ...ORDER, clientOrderId: id, venueOrderId: id });
    resting = ['a', 'b', 'c'].map(rests);
    watch();
    await polls(4);
    expect(lookedUp).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
    resting = ['b', 'd'].map(rests);
    await polls(2);
    expect(lookedUp.slice(7)).toEqual(['b', 'd', 'b']);
  });

  it('an order that does not change is told once', async () => {
    watch();
    open = [ORDER];
    await polls(10);
    expect(told()).toEqual(['gap', 'accepted']);
  });
});
