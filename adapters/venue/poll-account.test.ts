import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LookUp, StreamEvent, VenueOrder } from '../../activities/ports/venue.js';
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

let stop: AbortController;
let open: VenueOrder[];
let lookUp: LookUp;
let outage: Error | undefined;
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
});

function watch(): void {
  done = pollAccount({
    reader: {
      async openOrders() {
        asked += 1;
        if (outage !== undefined) throw outage;
        return open;
      },
      lookUp: async () => lookUp,
      fillsOfOrder: async () => [],
    },
    pace: () => ({ pollMs, catchUpMs: 60_000 }),
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

  it('an order that does not change is told once', async () => {
    watch();
    open = [ORDER];
    await polls(10);
    expect(told()).toEqual(['gap', 'accepted']);
  });
});
