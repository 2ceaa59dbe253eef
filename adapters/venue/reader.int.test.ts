import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.js';
import type { Venue } from '../../activities/ports/venue.js';
import { createVenue } from './create-venue.js';
import { paper } from './profiles/binance.js';
import { json, scriptedVenue, symbol, type Act, type Answer, type ScriptedVenue } from '../../test/support/scripted-venue.js';

const ORDER_ROW = {
  symbol: 'BTCUSDT',
  orderId: 90071992547409931n,
  clientOrderId: 'kel-1',
  price: '43250.10000000',
  origQty: '0.01000000',
  executedQty: '0.00400000',
  status: 'PARTIALLY_FILLED',
  side: 'SELL',
  type: 'LIMIT',
  timeInForce: 'GTC',
  time: 1_700_000_000_123,
  updateTime: 1_700_000_000_456,
};

const trade = (id: number, more: object = {}) => ({
  symbol: 'BTCUSDT',
  id,
  orderId: 28,
  price: '43250.10000000',
  qty: '0.00100000',
  quoteQty: '43.25',
  commission: '0.04325010',
  commissionAsset: 'USDT',
  time: 1_700_000_000_000 + id,
  isBuyer: false,
  isMaker: true,
  isBestMatch: true,
  ...more,
});

let wire: ScriptedVenue;
let venue: Venue;

beforeEach(async () => {
  wire = await scriptedVenue([symbol('BTC', 'USDT', '0.01000000', '0.00001000'), symbol('SPX', 'USDT', '0.05', '1')]);
  // On a busy machine the first answer may take longer than a read may here: then it is opened again.
  venue = await eventually(() =>
    createVenue({
      profile: paper(),
      urls: wire.urls,
      apiKey: 'key',
      secret: 'secret',
      clock: Date.now,
      account: 'main',
      readLimitMs: 2_000,
      keepWarmMs: 60_000,
    }),
  );
  wire.arrived.length = 0;
});

afterEach(async () => {
  await venue?.close();
  await wire.close();
});

const act = (call: string, made: Act): void => void wire.acts.set(call, made);
/** Writes whole numbers of any length, as the venue does. */
const jsonWithLongIds = (value: unknown): Answer => ({
  body: JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `#${inner}#` : inner)).replace(/"#(\d+)#"/g, '$1'),
  headers: { 'content-type': 'application/json' },
});

describe('reading', () => {
  it('instruments with their filters as text', async () => {
    expect(await venue.reader.instruments()).toEqual([
      {
        instrument: 'BTC/USDT',
        base: 'BTC',
        quote: 'USDT',
        baseUnit: '0.00000001',
        quoteUnit: '0.00000001',
        trading: true,
        status: 'TRADING',
        tickSize: '0.01',
        stepSize: '0.00001',
        minQuantity: '0.00001',
        maxQuantity: '9000000000',
        maxMarketQuantity: '118.24',
        minNotional: '5',
        maxStops: 5,
        maxOrders: 200,
        marketStop: false,
      },
      expect.objectContaining({ instrument: 'SPX/USDT', tickSize: '0.05', stepSize: '1' }),
    ]);
  });

  it('P19: prices of several by one request; one that is gone since the list was read keeps no other without its own', async () => {
    const prices: Readonly<Record<string, string>> = { BTCUSDT: '43250.10000000', SPXUSDT: '1.25000000' };
    const gone = new Set<string>();
    act('GET /api/v3/ticker/price', ({ params }) => {
      const [one, several] = [params.get('symbol'), params.get('symbols')];
      const ids = one === null ? (JSON.parse(several ?? '[]') as string[]) : [one];
      if (ids.some((id) => gone.has(id))) return { ...json({ code: -1121, msg: 'Invalid symbol.' }), status: 400 };
      const rows = ids.map((id) => ({ symbol: id, price: prices[id] }));
      return json(one === null ? rows : rows[0]);
    });
    const asked = (): number => wire.arrived.splice(0).filter(({ path }) => path === '/api/v3/ticker/price').length;
    const both = ['BTC/USDT', 'SPX/USDT', 'GONE/USDT'];
    expect([await venue.haltReader.lastPrices(both), asked()]).toEqual([{ 'BTC/USDT': '43250.1', 'SPX/USDT': '1.25' }, 1]);
    expect([await venue.haltReader.lastPrices(['SPX/USDT']), asked()]).toEqual([{ 'SPX/USDT': '1.25' }, 1]);
    gone.add('SPXUSDT');
    expect([await venue.haltReader.lastPrices(both), asked()]).toEqual([{ 'BTC/USDT': '43250.1' }, 3]);
    act('GET /api/v3/ticker/price', () => ({ ...json({ code: -1001, msg: 'Internal error.' }), status: 500 }));
    await expect(venue.haltReader.lastPrices(both)).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
    expect(asked()).toBe(1);
  });

  it('instruments that are traded, and those it is asked for besides, if they are listed', async () => {
    const { urls } = wire;
    const some = { profile: paper(), urls, apiKey: 'key', secret: 'secret', clock: Date.now, readLimitMs: 2_000, keepWarmMs: 60_000 };
    const narrow = await eventually(() => createVenue({ ...some, instruments: ['BTC/USDT'] }));
    const told = async (also?: readonly string[]) => (await narrow.reader.instruments(also)).map(({ instrument }) => instrument);
    try {
      expect(await told()).toEqual(['BTC/USDT']);
      expect(await told(['SPX/USDT', 'GONE/USDT'])).toEqual(['BTC/USDT', 'SPX/USDT']);
      // Nothing at all is no list: whatever is held would be taken for delisted.
      act('GET /api/v3/exchangeInfo', () => json({ symbols: [] }));
      await expect(told()).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
    } finally {
      await narrow.close();
    }
  });

  it('the clock: theirs minus ours, over the connection of orders', async () => {
    act('GET /api/v3/time', () => json({ serverTime: Date.now() + 5_000 }));
    const before = Date.now();
    const reading = await venue.reader.clock();
    const { venueTime, skewMs, roundTripMs } = reading;
    expect(Math.abs(skewMs - 5_000)).toBeLessThanOrEqual(roundTripMs / 2 + 2);
    expect(venueTime).toBeGreaterThanOrEqual(before + 5_000);
    expect(venueTime).toBeLessThanOrEqual(Date.now() + 5_000);
    expect(roundTripMs).toBeGreaterThanOrEqual(0);
    expect(venue.lastClock()).toEqual(reading);
  });

  it("signs with the venue's time once the skew is known", async () => {
    act('GET /api/v3/time', () => json({ serverTime: Date.now() - 3_600_000 }));
    act('GET /api/v3/account', () => json({ balances: [] }));
    const { roundTripMs } = await venue.reader.clock();
    const before = Date.now();
    await venue.reader.balances();
    const signed = Number(wire.arrived.at(-1)?.params.get('timestamp')) + 3_600_000;
    expect(signed).toBeGreaterThanOrEqual(before - roundTripMs / 2 - 1);
    expect(signed).toBeLessThanOrEqual(Date.now() + roundTripMs / 2 + 1);
  });

  it('balances, digits as they came, nothing where there is nothing', async () => {
    act('GET /api/v3/account', () =>
      json({
        balances: [
          { asset: 'USDT', free: '99999.99999999', locked: '0.00000000' },
          { asset: 'BTC', free: '0.00000000', locked: '0.10000000' },
          { asset: 'BNB', free: '0.00000000', locked: '0.00000000' },
        ],
      }),
    );
    expect(await venue.reader.balances()).toEqual([
      { asset: 'USDT', free: '99999.99999999', locked: '0' },
      { asset: 'BTC', free: '0', locked: '0.1' },
    ]);
  });

  it('closed bars only, oldest first, page by page', async () => {
    const first = Math.floor(Date.now() / 60_000) * 60_000 - 1_499 * 60_000;
    act('GET /api/v3/klines', ({ params }) => {
      const from = Number(params.get('startTime'));
      const rows = [];
      for (
        let openTime = Math.ceil(from / 60_000) * 60_000;
        openTime <= Date.now() && rows.length < Number(params.get('limit'));
        openTime += 60_000
      ) {
        rows.push([openTime, '1.10000000', '1.30', '1.00', '1.2', '7.50000000', openTime + 59_999, '0', 1, '0', '0', '0']);
      }
      return json(rows);
    });
    const bars = await venue.reader.bars('BTC/USDT', 60_000, first, 5_000);
    expect(bars).toHaveLength(1_499);
    expect(bars[0]).toEqual({
      instrument: 'BTC/USDT',
      intervalMs: 60_000,
      openTime: first,
      closeTime: first + 59_999,
      open: '1.1',
      high: '1.3',
      low: '1',
      close: '1.2',
      volume: '7.5',
    });
    expect(bars.every((bar, index) => bar.openTime === first + index * 60_000 && bar.closeTime < Date.now())).toBe(true);
    expect(await venue.reader.bars('BTC/USDT', 60_000, first, 3)).toHaveLength(3);
    await expect(venue.reader.bars('BTC/USDT', 7_000, first, 3)).rejects.toThrow(RangeError);
  });

  it('open orders with ids longer than a float holds', async () => {
    act('GET /api/v3/openOrders', () => jsonWithLongIds([ORDER_ROW]));
    const expected = {
      venueOrderId: '90071992547409931',
      clientOrderId: 'kel-1',
      instrument: 'BTC/USDT',
      side: 'sell',
      status: 'partiallyFilled',
      quantity: '0.01',
      executedQuantity: '0.004',
      price: '43250.1',
      isTriggered: true,
      createdTime: 1_700_000_000_123,
    };
    expect(await venue.reader.openOrders()).toEqual([expected]);
    expect(await venue.reader.openOrders('BTC/USDT')).toEqual([expected]);
    expect(wire.arrived.map((item) => item.params.get('symbol'))).toEqual([null, 'BTCUSDT']);
  });

  it('fills of what the venue does not list (any more) are no outage', async () => {
    const unlisted = { failure: { code: 'RISK_INSTRUMENT_UNKNOWN', values: { venue: 'paper', instrument: 'GONE/USDT' } } };
    await expect(venue.reader.fills('GONE/USDT', 1)).rejects.toMatchObject(unlisted);
    expect(wire.arrived).toEqual([]);
    // It has left the venue since its instruments were read.
    act('GET /api/v3/myTrades', () => json({ code: -1121, msg: 'Invalid symbol.' }, 400));
    await expect(venue.reader.fills('BTC/USDT', 1)).rejects.toMatchObject({ failure: { code: 'RISK_INSTRUMENT_UNKNOWN' } });
    // What a failing venue writes is no statement.
    act('GET /api/v3/myTrades', () => json({ code: -1121, msg: 'Invalid symbol.' }, 503));
    await expect(venue.reader.fills('BTC/USDT', 1)).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
  });

  it('bars of what the venue does not list (any more) are no outage', async () => {
    const unlisted = { failure: { code: 'RISK_INSTRUMENT_UNKNOWN', values: { venue: 'paper', instrument: 'BTC/USDT' } } };
    await expect(venue.reader.bars('GONE/USDT', 60_000, 1, 1)).rejects.toMatchObject({ failure: { code: 'RISK_INSTRUMENT_UNKNOWN' } });
    act('GET /api/v3/klines', () => json({ code: -1121, msg: 'Invalid symbol.' }, 400));
    await expect(venue.reader.bars('BTC/USDT', 60_000, 1, 1)).rejects.toMatchObject(unlisted);
    act('GET /api/v3/klines', () => json({ code: -1121, msg: 'Invalid symbol.' }, 503));
    await expect(venue.reader.bars('BTC/USDT', 60_000, 1, 1)).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
  });

  it('fills of all pages: by time first, then by id alone', async () => {
    act('GET /api/v3/myTrades', ({ params }) => {
      const from = Number(params.get('fromId') ?? 1);
      return json(Array.from({ length: Math.min(1_000, 2_001 - from) }, (_, index) => trade(from + index)));
    });
    const fills = await venue.reader.fills('BTC/USDT', 1_700_000_000_000);
    expect(fills).toHaveLength(2_000);
    expect(new Set(fills.map((fill) => fill.venueTradeId)).size).toBe(2_000);
    expect(fills[0]).toEqual({
      venueTradeId: '1',
      venueOrderId: '28',
      instrument: 'BTC/USDT',
      side: 'sell',
      price: '43250.1',
      quantity: '0.001',
      amount: '43.25',
      fee: '0.0432501',
      feeAsset: 'USDT',
      liquiditySide: 'maker',
      eventTime: 1_700_000_000_001,
    });
    const asked = wire.arrived.map(({ params }) => [params.get('startTime'), params.get('fromId')]);
    expect(asked).toEqual([
      ['1700000000000', null],
      [null, '1001'],
      [null, '2001'],
    ]);
  });

  it('fills of one order', async () => {
    act('GET /api/v3/myTrades', () => json([trade(7)]));
    expect(await venue.reader.fillsOfOrder('BTC/USDT', '28')).toMatchObject([{ venueTradeId: '7', amount: '43.25' }]);
    expect(wire.arrived[0]?.params.get('orderId')).toBe('28');
  });
});

describe('P11: looking up', () => {
  const calls = () => wire.arrived.map((item) => item.path.replace('/api/v3/', ''));

  it('found: by the client order id, the clock read after it', async () => {
    act('GET /api/v3/order', () => jsonWithLongIds(ORDER_ROW));
    const before = Date.now();
    const found = await venue.reader.lookUp('BTC/USDT', 'kel-1');
    expect(found).toMatchObject({ kind: 'found', order: { venueOrderId: '90071992547409931' } });
    expect(found.venueTime).toBeGreaterThanOrEqual(before);
    expect(found.venueTime).toBeLessThanOrEqual(Date.now());
    expect(wire.arrived[0]?.params.get('origClientOrderId')).toBe('kel-1');
    expect(calls()).toEqual(['order', 'time']);
  });

  it('absent: the clock is read between two look-ups, so that the last one saw the venue at that time or later', async () => {
    act('GET /api/v3/order', () => json({ code: -2013, msg: 'Order does not exist.' }, 400));
    expect(await venue.reader.lookUp('BTC/USDT', 'kel-1')).toMatchObject({ kind: 'absent' });
    expect(calls()).toEqual(['order', 'time', 'order']);
  });

  it('what becomes visible meanwhile is found', async () => {
    let asked = 0;
    act('GET /api/v3/order', () => (++asked === 1 ? json({ code: -2013, msg: 'Order does not exist.' }, 400) : jsonWithLongIds(ORDER_ROW)));
    expect(await venue.reader.lookUp('BTC/USDT', 'kel-1')).toMatchObject({ kind: 'found' });
  });

  it('is never absent because the venue could not be asked', async () => {
    const failures: Act[] = [
      () => json({ code: -1000, msg: 'down' }, 503),
      () => json({ code: -2013, msg: 'Order does not exist.' }, 503),
      () => ({ status: 404, body: '<html>nothing here</html>' }),
      () => json({}),
      () => ({ status: 200, body: '<html></html>' }),
      (_, __, socket) => void socket.resetAndDestroy(),
      () => undefined,
    ];
    for (const failing of failures) {
      act('GET /api/v3/order', failing);
      await expect(venue.reader.lookUp('BTC/USDT', 'kel-1')).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
    }
  });

  it('is not absent when the clock cannot be read', async () => {
    act('GET /api/v3/order', () => json({ code: -2013, msg: 'Order does not exist.' }, 400));
    act('GET /api/v3/time', () => json({}, 503));
    await expect(venue.reader.lookUp('BTC/USDT', 'kel-1')).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
  });
});

describe('cancel', () => {
  it('names the order by the client order id', async () => {
    act('DELETE /api/v3/order', () =>
      jsonWithLongIds({ ...ORDER_ROW, clientOrderId: 'x1', origClientOrderId: 'kel-1', status: 'CANCELED' }),
    );
    expect(await venue.reader.cancel('BTC/USDT', 'kel-1')).toBe('canceled');
    expect(wire.arrived[0]?.params.get('origClientOrderId')).toBe('kel-1');
  });

  it('tells an order that the venue does not know', async () => {
    act('DELETE /api/v3/order', () => json({ code: -2011, msg: 'Unknown order sent.' }, 400));
    expect(await venue.reader.cancel('BTC/USDT', 'kel-1')).toBe('unknownOrder');
  });

  it('is not done when the venue refuses it for another reason', async () => {
    act('DELETE /api/v3/order', () => json({ code: -2011, msg: 'Order was not canceled due to cancel restrictions.' }, 400));
    await expect(venue.reader.cancel('BTC/USDT', 'kel-1')).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
  });

  it('goes on time over the connection of orders while reads wait for the limiter', async () => {
    act('GET /api/v3/myTrades', () => json([]));
    act('DELETE /api/v3/order', () => json({ ...ORDER_ROW, orderId: 1, status: 'CANCELED' }));
    const reads = Array.from({ length: 20 }, () => venue.reader.fills('BTC/USDT', 1_700_000_000_000));
    await venue.reader.cancel('BTC/USDT', 'kel-1');
    expect(wire.arrived.filter((item) => item.path.endsWith('myTrades')).length).toBeLessThan(20);
    await Promise.all(reads);
  });
});

describe('failures of reads', () => {
  it.each<readonly [string, Act, string, object]>([
    [
      '429',
      () => ({ ...json({ code: -1003, msg: 'Too much' }, 429), headers: { 'retry-after': '3' } }),
      'VENUE_RATE_LIMITED',
      { retryAfterMs: 3_000 },
    ],
    ['418', () => json({ code: -1003, msg: 'Banned' }, 418), 'VENUE_RATE_LIMITED', { retryAfterMs: 60_000 }],
    ['-1003 in a 400', () => json({ code: -1003, msg: 'Too much' }, 400), 'VENUE_RATE_LIMITED', { retryAfterMs: 1_000 }],
    ['-2015', () => json({ code: -2015, msg: 'Invalid API-key.' }, 401), 'VENUE_AUTH', { account: 'main' }],
    ['-1022', () => json({ code: -1022, msg: 'Signature for this request is not valid.' }, 400), 'VENUE_AUTH', {}],
    ['-1021', () => json({ code: -1021, msg: 'Timestamp for this request is outside of the recvWindow.' }, 400), 'VENUE_UNAVAILABLE', {}],
    ['a 500', () => json({ code: -1001, msg: 'Internal error' }, 500), 'VENUE_UNAVAILABLE', { call: 'balances' }],
    ['HTML', () => ({ status: 200, body: '<html>' }), 'VENUE_UNAVAILABLE', {}],
    ['a reset', (_, __, socket) => void socket.resetAndDestroy(), 'VENUE_UNAVAILABLE', {}],
    ['silence', () => undefined, 'VENUE_UNAVAILABLE', { detail: 'no complete answer within 2000 ms' }],
    [
      'a body that stalls',
      (_, response) => void response.writeHead(200, { 'content-length': '99' }).write('{"bal'),
      'VENUE_UNAVAILABLE',
      {},
    ],
    ['a number where text must be', () => json({ balances: [{ asset: 'BTC', free: 0.1, locked: '0' }] }), 'VENUE_UNAVAILABLE', {}],
  ])('%s', async (_, made, code, values) => {
    act('GET /api/v3/account', made);
    await expect(venue.reader.balances()).rejects.toMatchObject({ name: 'KeelsonError', failure: { code, values } });
  });

  it.each([429, 418])('a venue that has sent us away with a %i is asked nothing before that is over', async (status) => {
    act('GET /api/v3/account', () => ({ ...json({ code: -1003, msg: 'Too much' }, status), headers: { 'retry-after': '1' } }));
    act('GET /api/v3/openOrders', () => json([]));
    const limited = { failure: { code: 'VENUE_RATE_LIMITED' } };
    await expect(venue.reader.balances()).rejects.toMatchObject(limited);
    const asked = wire.arrived.length;
    // Neither what others ask, nor a halt.
    await expect(venue.reader.openOrders()).rejects.toMatchObject(limited);
    await expect(venue.haltReader.openOrders()).rejects.toMatchObject(limited);
    await expect(venue.reader.clock()).rejects.toMatchObject(limited);
    expect(wire.arrived).toHaveLength(asked);
    expect(venue.weight()).toMatchObject({ kind: 'closed' });
    await vi.waitFor(async () => expect(await venue.haltReader.openOrders()).toEqual([]), { timeout: 15_000 });
  });

  it('a key that is revoked after a success is still a refused key', async () => {
    act('GET /api/v3/account', () => json({ balances: [] }));
    await venue.reader.balances();
    act('GET /api/v3/account', () => json({ code: -2015, msg: 'Invalid API-key.' }, 401));
    await expect(venue.reader.balances()).rejects.toMatchObject({ failure: { code: 'VENUE_AUTH' } });
  });

  it('refused connections, and calls after closing', async () => {
    await wire.close();
    await expect(venue.reader.balances()).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
    await venue.close();
    await expect(venue.reader.balances()).rejects.toMatchObject({ failure: { values: { detail: 'the venue was closed' } } });
    wire = await scriptedVenue();
  });
});
