import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BarEvent, StreamEvent, Venue } from '../../activities/ports/venue.js';
import type { CcxtStreams } from './ccxt-classes.js';
import { createVenue } from './create-venue.js';
import { paper } from './profiles/binance.js';
import { runStream } from './stream-session.js';
import { json, scriptedVenue, symbol, type ScriptedVenue } from '../../test/support/scripted-venue.js';
import { quietPort } from '../../test/support/free-port.js';
import { eventually } from '../../test/support/eventually.js';

const kline = (
  symbolId: string,
  openTime: number,
  closed: boolean,
  close = '1.20000000',
  interval = '1s',
  eventTime = openTime + 1_000,
) => ({
  e: 'kline',
  E: eventTime,
  s: symbolId,
  k: {
    t: openTime,
    T: openTime + 999,
    s: symbolId,
    i: interval,
    o: '1.10000000',
    c: close,
    h: '1.30000000',
    l: '1.00000000',
    v: '5.50000000',
    x: closed,
  },
});

const report = (more: object) => ({
  e: 'executionReport',
  E: 1_700_000_000_500,
  s: 'BTCUSDT',
  c: 'kel-1',
  S: 'BUY',
  o: 'LIMIT',
  f: 'GTC',
  q: '0.01000000',
  p: '43250.10000000',
  C: '',
  x: 'NEW',
  X: 'NEW',
  i: 28,
  l: '0.00000000',
  z: '0.00000000',
  L: '0.00000000',
  n: '0',
  N: null,
  T: 1_700_000_000_400,
  t: -1,
  m: false,
  O: 1_700_000_000_123,
  ...more,
});

let wire: ScriptedVenue;
let venue: Venue;
let stop: AbortController;
/** Some tests have the venue go away and come back. */
let port: number;

beforeEach(async () => {
  port = await quietPort();
  wire = await scriptedVenue([symbol('BTC', 'USDT', '0.01', '0.00001'), symbol('SPX', 'USDT', '0.01', '0.001')], port);
  venue = await createVenue({ profile: paper(), urls: wire.urls, apiKey: 'key', secret: 'secret', clock: Date.now, keepWarmMs: 60_000 });
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await venue.close();
  await wire.close();
});

const push = (message: unknown): void => {
  for (const { socket } of wire.streams) socket.send(JSON.stringify(message));
};

function watchBars(instruments = ['BTC/USDT', 'SPX/USDT'], intervalMs = 1_000) {
  const seen = {
    bars: [] as BarEvent[],
    prices: [] as string[],
    gaps: [] as string[],
    order: [] as string[],
    subscriptions: [] as unknown[],
  };
  wire.onStreamMessage = (socket, message) => {
    seen.subscriptions.push(message['params']);
    socket.send(JSON.stringify({ result: null, id: message['id'] }));
  };
  const done = venue.streams.watchBars(
    { instruments, intervalMs },
    {
      onBar: (event) => void (seen.bars.push(event), seen.order.push('bar')),
      onPrice: (instrument, price) => void (seen.prices.push(`${instrument} ${price}`), seen.order.push('price')),
      onGap: (reason) => void seen.gaps.push(reason),
    },
    stop.signal,
  );
  return { ...seen, done };
}

const subscribed = (seen: { subscriptions: unknown[] }, times = 1) =>
  eventually(() => expect(seen.subscriptions.length).toBeGreaterThanOrEqual(times));

describe('bars', () => {
  it('close by the raw flag, in the frame that closes them, all instruments on one socket', async () => {
    const seen = watchBars();
    await subscribed(seen);
    expect(seen.subscriptions).toEqual([['btcusdt@kline_1s', 'spxusdt@kline_1s']]);
    expect(wire.streams).toHaveLength(1);
    push(kline('BTCUSDT', 1_700_000_000_000, false));
    push(kline('BTCUSDT', 1_700_000_000_000, true, '1.25000000'));
    push(kline('SPXUSDT', 1_700_000_000_000, true));
    await eventually(() => expect(seen.bars).toHaveLength(2));
    expect(seen.bars[0]?.bar).toEqual({
      instrument: 'BTC/USDT',
      intervalMs: 1_000,
      openTime: 1_700_000_000_000,
      closeTime: 1_700_000_000_999,
      open: '1.1',
      high: '1.3',
      low: '1',
      close: '1.25',
      volume: '5.5',
    });
    expect(seen.bars[1]?.bar.instrument).toBe('SPX/USDT');
    expect(seen.prices).toEqual(['BTC/USDT 1.2', 'BTC/USDT 1.25', 'SPX/USDT 1.2']);
    expect(seen.order).toEqual(['price', 'price', 'bar', 'price', 'bar']);
    expect(seen.gaps).toEqual([]);
  });

  it.each([
    ['that comes at once', 0],
    ['that comes late', 60_000],
    ['from the future, whose age nobody knows', -60_000],
  ])('and prices are as old as the venue’s own time of their frame says: one %s', async (_, lateMs) => {
    const seen = watchBars(['BTC/USDT']);
    await subscribed(seen);
    await venue.reader.clock();
    const before = Date.now();
    push(kline('BTCUSDT', 1_700_000_000_000, true, '1.20000000', '1s', before - lateMs));
    await eventually(() => expect(seen.bars).toHaveLength(1));
    const [{ seenTime, lateMs: told } = { seenTime: 0, lateMs: 0 }] = seen.bars;
    // To within the measured skew of the two clocks, and the time that the frame took.
    expect(Math.abs(seenTime - (before - lateMs))).toBeLessThan(5_000);
    expect(seenTime).toBeLessThanOrEqual(lateMs < 0 ? Infinity : Date.now());
    expect(told).toBeGreaterThanOrEqual(Math.max(0, lateMs - 500));
    expect(told).toBeLessThan(Math.max(0, lateMs) + 5_000);
  });

  it('are told once each, and missing ones are a gap', async () => {
    const seen = watchBars(['BTC/USDT']);
    await subscribed(seen);
    for (const second of [0, 0, 1, 1, 4, 3]) push(kline('BTCUSDT', 1_700_000_000_000 + second * 1_000, true));
    await eventually(() => expect(seen.prices).toHaveLength(6));
    expect(seen.bars.map((event) => (event.bar.openTime - 1_700_000_000_000) / 1_000)).toEqual([0, 1, 4]);
    expect(seen.gaps).toEqual(['BTC/USDT: bars are missing before 1700000004000']);
  });

  it('come again after the venue dropped the stream, with a gap told', async () => {
    const seen = watchBars(['BTC/USDT']);
    await subscribed(seen);
    push(kline('BTCUSDT', 1_700_000_000_000, true));
    await eventually(() => expect(seen.bars).toHaveLength(1));
    wire.streams[0]?.socket.terminate();
    await subscribed(seen, 2);
    expect(seen.gaps).toHaveLength(1);
    push(kline('BTCUSDT', 1_700_000_001_000, true));
    await eventually(() => expect(seen.bars).toHaveLength(2));
    expect(wire.streams).toHaveLength(1);
  });

  it('come again after a stream that answers pings and carries nothing', async () => {
    const seen = watchBars(['BTC/USDT']);
    await subscribed(seen);
    push(kline('BTCUSDT', 1_700_000_000_000, false));
    await eventually(() => expect(seen.gaps).toEqual(['no data for 3000 ms']));
    await subscribed(seen, 2);
  });

  it('survive a venue that cannot be reached for a while', async () => {
    const seen = watchBars(['BTC/USDT']);
    await subscribed(seen);
    await wire.close();
    await eventually(() => expect(seen.gaps.length).toBeGreaterThanOrEqual(2));
    wire = await scriptedVenue([symbol('BTC', 'USDT', '0.01', '0.00001')], port);
    wire.onStreamMessage = (socket, message) => {
      seen.subscriptions.push(message['params']);
      socket.send(JSON.stringify({ result: null, id: message['id'] }));
    };
    await subscribed(seen, 2);
    push(kline('BTCUSDT', 1_700_000_000_000, true));
    await eventually(() => expect(seen.bars).toHaveLength(1));
  });

  describe('of what is not listed (any more)', () => {
    const list = (...names: string[]): void => {
      const symbols = names.map((name) => symbol(name, 'USDT', '0.01', '0.001'));
      wire.acts.set('GET /api/v3/exchangeInfo', () => json({ timezone: 'UTC', serverTime: Date.now(), rateLimits: [], symbols }));
    };

    it('are left out, and the others come; they come with the list that has it', async () => {
      const seen = watchBars(['GONE/USDT', 'BTC/USDT']);
      await subscribed(seen);
      expect(seen.subscriptions).toEqual([['btcusdt@kline_1s']]);
      push(kline('BTCUSDT', 1_700_000_000_000, true));
      await eventually(() => expect(seen.bars).toHaveLength(1));
      await venue.reader.instruments();
      list('BTC', 'SPX', 'GONE');
      await venue.reader.instruments();
      await subscribed(seen, 2);
      expect(seen.subscriptions.at(-1)).toEqual(['gone', 'btc'].map((name) => `${name}usdt@kline_1s`));
      expect(seen.gaps).toEqual(['GONE/USDT: listed again']);
      push(kline('GONEUSDT', 1_700_000_001_000, true));
      push(kline('BTCUSDT', 1_700_000_000_000, true));
      push(kline('BTCUSDT', 1_700_000_001_000, true));
      await eventually(() => expect(seen.bars).toHaveLength(3));
    });

    it('are left out when the stream begins anew', async () => {
      const seen = watchBars();
      await subscribed(seen);
      list('BTC');
      await venue.reader.instruments();
      wire.streams[0]?.socket.terminate();
      await subscribed(seen, 2);
      expect(seen.subscriptions.at(-1)).toEqual(['btcusdt@kline_1s']);
      push(kline('BTCUSDT', 1_700_000_000_000, true));
      await eventually(() => expect(seen.bars).toHaveLength(1));
    });

    it('are waited for where there is nothing else', async () => {
      const seen = watchBars(['GONE/USDT']);
      list('GONE');
      await venue.reader.instruments();
      await subscribed(seen);
      list('BTC');
      await venue.reader.instruments();
      wire.streams[0]?.socket.terminate();
      await eventually(() => expect(seen.gaps).toHaveLength(2));
      await eventually(() => expect(wire.streams).toHaveLength(0));
      list('GONE');
      await venue.reader.instruments();
      await subscribed(seen, 2);
      push(kline('GONEUSDT', 1_700_000_000_000, true));
      await eventually(() => expect(seen.bars).toHaveLength(1));
      stop.abort();
      await seen.done;
    });
  });

  it('a frame that cannot be read ends the connection, loudly, and the stream goes on', async () => {
    const seen = watchBars(['BTC/USDT']);
    await subscribed(seen);
    push({ e: 'kline', s: 'BTCUSDT', k: { t: 1, T: 2, s: 'BTCUSDT', o: 1.5, x: true } });
    await subscribed(seen, 2);
    expect(seen.gaps).toEqual([expect.stringContaining('could not be handled')]);
  });

  it('are handled in the very call that brings the frame', async () => {
    let deliver: (connection: unknown, message: unknown) => void = () => undefined;
    const fake = { clients: {}, handleMessage: () => undefined } as unknown as CcxtStreams;
    const frames: unknown[] = [];
    const done = runStream({
      open: () => fake,
      subscribe: () => {
        deliver = fake.handleMessage.bind(fake) as typeof deliver;
        return new Promise(() => undefined);
      },
      read: (message) => paper().frames?.frame(message, (symbolId) => symbolId),
      onFrame: (frame) => frames.push(frame) > 0,
      onLost: () => undefined,
      signal: stop.signal,
    });
    deliver(undefined, kline('BTCUSDT', 1_700_000_000_000, true));
    expect(frames).toMatchObject([{ kind: 'bar', closed: true }]);
    stop.abort();
    await done;
  });

  it('end when the signal aborts, and leave no socket', async () => {
    const seen = watchBars(['BTC/USDT']);
    await subscribed(seen);
    stop.abort();
    await seen.done;
    await eventually(() => expect(wire.streams).toHaveLength(0));
    expect(seen.gaps).toEqual([]);
  });
});

describe('the account', () => {
  const confirm = (): void => {
    wire.onStreamMessage = (socket, message) =>
      socket.send(JSON.stringify({ id: message['id'], status: 200, result: { subscriptionId: 0 } }));
  };

  function watchAccount() {
    const events: StreamEvent[] = [];
    const done = venue.streams.watchAccount((event) => void events.push(event), stop.signal);
    return { events, done };
  }
  const account = (event: object) => push({ subscriptionId: 0, event });

  it("asks for a catch-up when it goes live, then tells orders and fills in the venue's digits", async () => {
    confirm();
    const { events } = watchAccount();
    await eventually(() => expect(events).toEqual([{ kind: 'gap', reason: expect.stringContaining('subscribed') }]));
    account(report({}));
    account(
      report({
        x: 'TRADE',
        X: 'PARTIALLY_FILLED',
        l: '0.00400000',
        z: '0.00400000',
        L: '43249.99000000',
        n: '0.00000400',
        N: 'BTC',
        t: 91,
        m: true,
      }),
    );
    account(report({ x: 'CANCELED', X: 'CANCELED', c: 'web_9', C: 'kel-1', z: '0.00400000' }));
    await eventually(() => expect(events).toHaveLength(5));
    const order = {
      venueOrderId: '28',
      clientOrderId: 'kel-1',
      instrument: 'BTC/USDT',
      side: 'buy',
      status: 'accepted',
      quantity: '0.01',
      executedQuantity: '0',
      price: '43250.1',
      isTriggered: true,
      createdTime: 1_700_000_000_123,
    };
    expect(events.slice(1)).toEqual([
      { kind: 'order', order },
      {
        kind: 'fill',
        fill: {
          venueTradeId: '91',
          venueOrderId: '28',
          clientOrderId: 'kel-1',
          instrument: 'BTC/USDT',
          side: 'buy',
          price: '43249.99',
          quantity: '0.004',
          fee: '0.000004',
          feeAsset: 'BTC',
          liquiditySide: 'maker',
          eventTime: 1_700_000_000_400,
        },
        orderCreatedTime: 1_700_000_000_123,
      },
      { kind: 'order', order: { ...order, status: 'partiallyFilled', executedQuantity: '0.004' } },
      { kind: 'order', order: { ...order, status: 'canceled', executedQuantity: '0.004' } },
    ]);
  });

  it.each([
    ['dropped', () => wire.streams[0]?.socket.terminate()],
    ['ended by the venue', () => account({ e: 'eventStreamTerminated', E: 1 })],
  ])('tells a gap at the loss and another when it is live again: %s', async (_, lose) => {
    confirm();
    const { events } = watchAccount();
    await eventually(() => expect(events).toHaveLength(1));
    lose();
    await eventually(() => expect(events).toHaveLength(3));
    expect(events.every((event) => event.kind === 'gap')).toBe(true);
    account(report({}));
    await eventually(() => expect(events.at(-1)?.kind).toBe('order'));
    expect(wire.streams).toHaveLength(1);
  });

  it('tells a refused subscription and tries again', async () => {
    wire.onStreamMessage = (socket, message) =>
      socket.send(
        JSON.stringify({ id: message['id'], status: 401, error: { code: -2015, msg: 'Invalid API-key, IP, or permissions for action.' } }),
      );
    const { events } = watchAccount();
    await eventually(() => expect(events.length).toBeGreaterThanOrEqual(2));
    expect(events[0]).toMatchObject({ kind: 'gap', reason: expect.stringContaining('Invalid API-key') });
    confirm();
    await eventually(() => expect(events.at(-1)).toMatchObject({ reason: expect.stringContaining('subscribed') }));
  });

  it('goes on trying while the venue is away', async () => {
    await wire.close();
    const { events } = watchAccount();
    await eventually(() => expect(events.length).toBeGreaterThanOrEqual(2));
    expect(events[0]).toMatchObject({ kind: 'gap', reason: expect.stringContaining('ECONNREFUSED') });
    wire = await scriptedVenue([], port);
    confirm();
    await eventually(() => expect(events.at(-1)).toMatchObject({ reason: expect.stringContaining('subscribed') }));
  });

  it('finds a socket that is dead without a word', async () => {
    await venue.close();
    venue = await createVenue({ profile: paper(), urls: wire.urls, apiKey: 'key', secret: 'secret', clock: Date.now, pingMs: 50 });
    confirm();
    const { events } = watchAccount();
    await eventually(() => expect(events).toHaveLength(1));
    // Nothing is read any more at the far end: pings go out and no pong comes back.
    wire.streams[0]?.socket.pause();
    await eventually(() => expect(events).toHaveLength(3));
    expect(events[1]).toMatchObject({ kind: 'gap', reason: expect.stringContaining('ping-pong') });
    expect(events[2]).toMatchObject({ kind: 'gap', reason: expect.stringContaining('subscribed') });
  });

  it('ends when the venue is closed', async () => {
    confirm();
    const { events, done } = watchAccount();
    await eventually(() => expect(events).toHaveLength(1));
    await venue.close();
    await done;
    await eventually(() => expect(wire.streams).toHaveLength(0));
  });
});
