import { createHmac } from 'node:crypto';
import { decimal, decimalTextOf, text } from '../../core/money/index.js';
import type { OrderRequest, Venue } from '../../activities/ports/venue.js';
import { binance } from 'ccxt';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createVenue } from './create-venue.js';
import { DeadlinePassed, KeepAliveTransport } from './keep-alive-transport.js';
import { paper } from './profiles/binance.js';
import { filledReply, json, scriptedVenue, symbol, type Act, type ScriptedVenue } from '../../test/support/scripted-venue.js';
import { eventually } from '../../test/support/eventually.js';

const ORDER: OrderRequest = {
  clientOrderId: 'kel-7f3a',
  instrument: 'BTC/USDT',
  side: 'buy',
  type: 'limit',
  postOnly: false,
  timeInForce: 'IOC',
  quantity: decimalTextOf('0.01'),
  price: decimalTextOf('43250.1'),
  signedTimestamp: 1_700_000_000_777,
  receiveWindowMs: 1_234,
};

let wire: ScriptedVenue;
let venue: Venue;

beforeEach(async () => {
  wire = await scriptedVenue([symbol('BTC', 'USDT', '0.01', '0.00001', ['STOP_LOSS'])]);
  venue = await createVenue({ profile: paper(), urls: wire.urls, apiKey: 'key', secret: 'secret', clock: Date.now });
});

afterEach(async () => {
  await venue.close();
  await wire.close();
});

const answering = (act: Act): void => void wire.acts.set('POST /api/v3/order', act);
const refusing = (status: number, code: number, msg: string, headers: Record<string, string> = {}): void =>
  answering(() => ({ ...json({ code, msg }, status), headers }));

describe('P6: the request carries what was fixed before the send', () => {
  it('has exactly the given time stamp, window, id, quantity and price, and a reply with fills', async () => {
    answering((arrived) => filledReply(arrived));
    const verdict = await venue.sender.submit(ORDER, 2_000);
    const [post] = wire.posts();
    const sent = Object.fromEntries(post?.params ?? []);
    expect(sent).toMatchObject({
      symbol: 'BTCUSDT',
      side: 'BUY',
      type: 'LIMIT',
      timeInForce: 'IOC',
      newClientOrderId: 'kel-7f3a',
      newOrderRespType: 'FULL',
      quantity: '0.01',
      price: '43250.1',
      timestamp: '1700000000777',
      recvWindow: '1234',
    });
    expect(Object.keys(sent).toSorted()).toEqual(
      [
        'symbol',
        'side',
        'newClientOrderId',
        'newOrderRespType',
        'type',
        'quantity',
        'price',
        'timeInForce',
        'timestamp',
        'recvWindow',
        'signature',
      ].toSorted(),
    );
    expect(verdict).toEqual({
      kind: 'accepted',
      order: {
        venueOrderId: '28',
        clientOrderId: 'kel-7f3a',
        instrument: 'BTC/USDT',
        side: 'buy',
        status: 'filled',
        quantity: '0.01',
        executedQuantity: '0.01',
        price: '43250.1',
        isTriggered: true,
        createdTime: 1_700_000_000_123,
      },
      fills: [
        {
          venueTradeId: '56',
          venueOrderId: '28',
          clientOrderId: 'kel-7f3a',
          instrument: 'BTC/USDT',
          side: 'buy',
          price: '43250.1',
          quantity: '0.01',
          amount: '432.501',
          fee: '0.000001',
          feeAsset: 'BTC',
          liquiditySide: 'taker',
          eventTime: 1_700_000_000_123,
        },
      ],
    });
  });

  it.each<readonly [string, Partial<OrderRequest>]>([
    ['a post-only limit', { postOnly: true, timeInForce: 'GTC' }],
    ['a stop at the market', { side: 'sell', type: 'stopMarket', timeInForce: 'GTC', stopPrice: decimalTextOf('43000.55') }],
  ])('%s is refused where the profile knows none, and nothing leaves', async (_, more) => {
    const profile = { ...paper(), orderTypes: ['limit'] as const, postOnly: false };
    const narrow = await createVenue({ profile, urls: wire.urls, apiKey: 'key', secret: 'secret', clock: Date.now });
    answering((arrived) => filledReply(arrived));
    expect(await narrow.sender.submit({ ...ORDER, ...more }, 2_000)).toMatchObject({
      kind: 'rejected',
      failure: { code: 'VENUE_REJECTED' },
    });
    expect(wire.posts()).toEqual([]);
    expect(await narrow.sender.submit(ORDER, 2_000)).toMatchObject({ kind: 'accepted' });
    await narrow.close();
  });

  it.each<readonly [string, Partial<OrderRequest>, object]>([
    ['a post-only limit', { postOnly: true, timeInForce: 'GTC' }, { side: 'BUY', type: 'LIMIT_MAKER', price: '43250.1' }],
    [
      'a stop with a limit',
      { side: 'sell', type: 'stopLimit', timeInForce: 'GTC', stopPrice: decimalTextOf('43000.55'), price: decimalTextOf('42900.5') },
      { side: 'SELL', type: 'STOP_LOSS_LIMIT', price: '42900.5', stopPrice: '43000.55', timeInForce: 'GTC' },
    ],
    [
      'a stop at the market',
      { side: 'sell', type: 'stopMarket', timeInForce: 'GTC', stopPrice: decimalTextOf('43000.55') },
      { side: 'SELL', type: 'STOP_LOSS', stopPrice: '43000.55' },
    ],
  ])('%s carries what belongs to it, and nothing else', async (_, more, expected) => {
    answering((arrived) =>
      filledReply(arrived, { type: arrived.params.get('type'), status: 'NEW', executedQty: '0', fills: [], price: '0' }),
    );
    expect(await venue.sender.submit({ ...ORDER, ...more }, 2_000)).toMatchObject({ kind: 'accepted' });
    const { signature, ...sent } = Object.fromEntries(wire.posts()[0]?.params ?? []);
    expect(signature).toMatch(/^[0-9a-f]{64}$/);
    expect(sent).toEqual({
      symbol: 'BTCUSDT',
      newClientOrderId: 'kel-7f3a',
      newOrderRespType: 'FULL',
      quantity: '0.01',
      timestamp: '1700000000777',
      recvWindow: '1234',
      ...expected,
    });
  });

  it('the venue’s grid may have become finer since its list was read: the gate knows, and what it says leaves as it is', async () => {
    answering((arrived) => filledReply(arrived));
    const finer = { quantity: decimalTextOf('0.000005'), price: decimalTextOf('43250.1234') };
    expect(await venue.sender.submit({ ...ORDER, ...finer }, 2_000)).toMatchObject({ kind: 'accepted' });
    const { quantity, price } = Object.fromEntries(wire.posts()[0]?.params ?? []);
    expect({ quantity, price }).toEqual(finer);
  });

  it("is signed over exactly that, by the venue's rule", async () => {
    answering((arrived) => filledReply(arrived));
    await venue.sender.submit(ORDER, 2_000);
    const params = new URLSearchParams(wire.posts()[0]?.params);
    const signature = params.get('signature');
    params.delete('signature');
    expect(signature).toBe(createHmac('sha256', 'secret').update(params.toString()).digest('hex'));
  });
});

describe('P7: no wait and no new connection between the call and the wire', () => {
  it('sends twenty orders at once without a limiter', async () => {
    const limiter = vi.spyOn(binance.prototype, 'throttle');
    await venue.close();
    venue = await createVenue({ profile: paper(), urls: wire.urls, apiKey: 'key', secret: 'secret', clock: Date.now });
    limiter.mockClear();
    answering((arrived) => filledReply(arrived));
    const verdicts = await Promise.all(
      Array.from({ length: 20 }, (_, index) => venue.sender.submit({ ...ORDER, clientOrderId: `kel-${index}` }, 2_000)),
    );
    expect(verdicts.every((verdict) => verdict.kind === 'accepted')).toBe(true);
    expect(wire.posts()).toHaveLength(20);
    expect(limiter).not.toHaveBeenCalled();
    await venue.reader.instruments();
    expect(limiter).toHaveBeenCalled();
    limiter.mockRestore();
  });

  it('uses a connection that was open before', async () => {
    answering((arrived) => filledReply(arrived));
    const before = wire.connections();
    await venue.sender.submit(ORDER, 2_000);
    expect(wire.connections()).toBe(before);
    expect(wire.posts()[0]?.connection).toBeLessThanOrEqual(before);
  });

  it('holds as many connections open as it is told, and uses one at a time to keep them', async () => {
    let now = 0;
    let most = 0;
    let asked = 0;
    // After the one that reads the clock, three are answered together: on a busy machine one would be over before another has come.
    const opening: (() => void)[] = [];
    wire.acts.set('GET /api/v3/time', (_, response) => {
      most = Math.max(most, ++now);
      asked++;
      const answer = (): void => {
        now--;
        response.end(JSON.stringify({ serverTime: Date.now() }));
      };
      if (asked === 1 || asked > 4) setTimeout(answer, 15);
      else if (opening.push(answer) === 3) for (const one of opening) one();
    });
    await venue.close();
    wire.arrived.length = 0;
    const options = { profile: paper(), urls: wire.urls, apiKey: 'key', secret: 'secret', clock: Date.now };
    venue = await createVenue({ ...options, warmSockets: 3, keepWarmMs: 30 });
    expect(most).toBe(3);
    expect(new Set(wire.arrived.filter((item) => item.path.endsWith('time')).map((item) => item.connection)).size).toBe(3);
    most = 0;
    const before = asked;
    await eventually(() => expect(asked).toBeGreaterThan(before + 5));
    expect(most).toBe(1);
  });

  it('opens connections again that the venue closed while nothing was sent', async () => {
    await venue.close();
    venue = await createVenue({ profile: paper(), urls: wire.urls, apiKey: 'key', secret: 'secret', clock: Date.now, keepWarmMs: 60 });
    answering((arrived) => filledReply(arrived));
    for (const round of [1, 2]) {
      const before = wire.connections();
      wire.drop();
      await eventually(() => expect(wire.connections()).toBeGreaterThanOrEqual(before + 2));
      const touched = wire.arrived.length;
      await eventually(() => expect(new Set(wire.arrived.slice(touched).map((item) => item.connection)).size).toBe(2));
      const after = wire.connections();
      expect(await venue.sender.submit({ ...ORDER, clientOrderId: `kel-${round}` }, 2_000)).toMatchObject({ kind: 'accepted' });
      expect(wire.connections()).toBe(after);
    }
  });
});

describe('P8: one send for each call', () => {
  it.each([
    ['500', () => refusing(500, -1000, 'An unknown error occurred')],
    ['429', () => refusing(429, -1003, 'Too many requests')],
    ['reset', () => answering((_, __, socket) => void socket.resetAndDestroy())],
  ])('does not try again after %s', async (_, script) => {
    script();
    await venue.sender.submit(ORDER, 1_000);
    expect(wire.posts()).toHaveLength(1);
  });
});

describe('P10: what proves nothing is unknown', () => {
  const unknowns: readonly (readonly [string, Act])[] = [
    ['a header that never comes', () => undefined],
    ['a reset', (_, __, socket) => void socket.resetAndDestroy()],
    [
      'a body cut short',
      (_, response, socket) => void response.writeHead(200, { 'content-length': '500' }).write('{"symbol":', () => socket.destroy()),
    ],
    ['a body that stalls', (_, response) => void response.writeHead(200, { 'content-length': '500' }).write('{"symbol":')],
    ['a 500 with a code', () => json({ code: -1000, msg: 'An unknown error occurred' }, 500)],
    ['a 503 with the code of a refusal', () => json({ code: -2010, msg: 'Account has insufficient balance for requested action.' }, 503)],
    ['a 502 of a proxy', () => ({ status: 502, body: '<html>Bad Gateway</html>' })],
    ['an empty object', () => json({})],
    ['an answer without id', (arrived) => filledReply(arrived, { orderId: undefined })],
    ['an answer about another order', (arrived) => filledReply(arrived, { clientOrderId: 'web_1' })],
    ['a status that is not documented', (arrived) => filledReply(arrived, { status: 'MAYBE' })],
    ['a page of HTML', () => ({ status: 200, body: '<html>hello</html>' })],
    ['nothing at all', () => ({ status: 200, body: '' })],
    ['a 403 in HTML', () => ({ status: 403, body: '<html>Forbidden</html>' })],
    ['a 400 in HTML', () => ({ status: 400, body: '<html>Bad Request</html>' })],
    ['a redirect', () => ({ status: 302, body: '', headers: { location: '/elsewhere' } })],
    ['a redirect with the body of a success', (arrived) => ({ ...filledReply(arrived), status: 307 })],
    ['-1006', () => json({ code: -1006, msg: 'An unexpected response was received from the message bus. Execution status unknown.' }, 400)],
    ['-1007', () => json({ code: -1007, msg: 'Timeout waiting for response from backend server.' }, 400)],
    ['a code that nobody knows', () => json({ code: -9999, msg: 'Novel' }, 400)],
  ];

  it.each(unknowns)('%s', async (_, act) => {
    answering(act);
    const verdict = await venue.sender.submit(ORDER, 400);
    expect(verdict).toMatchObject({ kind: 'unknown', failure: { code: 'VENUE_OUTCOME_UNKNOWN', values: { order: 'kel-7f3a' } } });
    expect(wire.posts()).toHaveLength(1);
  });

  it('says nothing of signatures in its messages', async () => {
    answering((_, __, socket) => void socket.resetAndDestroy());
    const verdict = await venue.sender.submit(ORDER, 400);
    expect(JSON.stringify(verdict)).not.toMatch(/signature|secret/);
  });
});

describe('P10: what is proven', () => {
  it.each([
    ['no funds', 400, -2010, 'Account has insufficient balance for requested action.', 'rejected', 'VENUE_INSUFFICIENT_FUNDS'],
    ['a duplicate', 400, -2010, 'Duplicate order sent.', 'alreadyExists', 'VENUE_OUTCOME_UNKNOWN'],
    ['another -2010', 400, -2010, 'Order would immediately match and take.', 'rejected', 'VENUE_REJECTED'],
    ['a filter', 400, -1013, 'Filter failure: LOT_SIZE', 'rejected', 'VENUE_REJECTED'],
    ['a late request', 400, -1021, 'Timestamp for this request is outside of the recvWindow.', 'rejected', 'VENUE_REJECTED'],
    ['a wrong signature', 400, -1022, 'Signature for this request is not valid.', 'rejected', 'VENUE_AUTH'],
    ['a refused key', 401, -2015, 'Invalid API-key, IP, or permissions for action.', 'rejected', 'VENUE_AUTH'],
    ['an illegal character', 400, -1100, 'Illegal characters found in parameter.', 'rejected', 'VENUE_REJECTED'],
    ['an unknown symbol', 400, -1121, 'Invalid symbol.', 'rejected', 'VENUE_REJECTED'],
    ['too many orders', 400, -1015, 'Too many new orders.', 'rejected', 'VENUE_RATE_LIMITED'],
  ])('%s', async (_, status, code, msg, kind, failureCode) => {
    refusing(status, code, msg);
    expect(await venue.sender.submit(ORDER, 1_000)).toMatchObject({ kind, failure: { code: failureCode } });
  });

  it.each([
    [-2010, 'Order would immediately match and take.', 'postOnlyWouldTake'],
    [-2010, 'Stop price would trigger immediately.', 'stopWouldTrigger'],
    [-2010, 'Account has insufficient balance for requested action.', undefined],
    [-1021, 'Timestamp for this request is outside of the recvWindow.', 'tooLate'],
  ])('%i %s has the reason %s', async (code, msg, reason) => {
    refusing(400, code, msg);
    const verdict = await venue.sender.submit(ORDER, 1_000);
    expect(verdict).toMatchObject({ kind: 'rejected', failure: { values: { detail: `${msg} (${code})` } } });
    expect(verdict.kind === 'rejected' && verdict.reason).toBe(reason);
  });

  it('a refused key stays one after a success, though the library calls it an overload', async () => {
    answering((arrived) => filledReply(arrived));
    await venue.sender.submit(ORDER, 1_000);
    refusing(401, -2015, 'Invalid API-key, IP, or permissions for action.');
    expect(await venue.sender.submit({ ...ORDER, clientOrderId: 'kel-2' }, 1_000)).toMatchObject({
      kind: 'rejected',
      failure: { code: 'VENUE_AUTH' },
    });
  });

  it.each([
    [429, '7', 7_000],
    [418, undefined, 60_000],
  ])('%i with the delay that the venue asks for', async (status, retryAfter, retryAfterMs) => {
    refusing(status, -1003, 'Too much request weight used', retryAfter === undefined ? {} : { 'retry-after': retryAfter });
    expect(await venue.sender.submit(ORDER, 1_000)).toMatchObject({
      kind: 'rejected',
      failure: { code: 'VENUE_RATE_LIMITED', values: { retryAfterMs } },
    });
  });

  it.each([429, 418])('after a %i no order leaves before that is over, nor is anything else asked', async (status) => {
    refusing(status, -1003, 'Too much request weight used', { 'retry-after': '1' });
    await venue.sender.submit(ORDER, 1_000);
    answering((arrived) => filledReply(arrived));
    const limited = { code: 'VENUE_RATE_LIMITED' };
    expect(await venue.sender.submit({ ...ORDER, clientOrderId: 'kel-2' }, 1_000)).toMatchObject({ kind: 'rejected', failure: limited });
    await expect(venue.haltReader.openOrders()).rejects.toMatchObject({ failure: limited });
    expect(venue.weight()).toMatchObject({ kind: 'closed' });
    expect(wire.posts()).toHaveLength(1);
    await vi.waitFor(() => expect(venue.weight().kind).not.toBe('closed'), { timeout: 15_000 });
    expect(await venue.sender.submit({ ...ORDER, clientOrderId: 'kel-3' }, 10_000)).toMatchObject({ kind: 'accepted' });
  });

  it('too many orders of one account close nothing', async () => {
    refusing(429, -1015, 'Too many new orders.', { 'retry-after': '10' });
    await venue.sender.submit(ORDER, 1_000);
    expect(venue.weight().kind).not.toBe('closed');
  });

  it('an instrument that is not listed and an id that is not allowed never leave', async () => {
    expect(await venue.sender.submit({ ...ORDER, instrument: 'DOGE/USDT' }, 1_000)).toMatchObject({ kind: 'rejected' });
    expect(await venue.sender.submit({ ...ORDER, clientOrderId: 'not allowed' }, 1_000)).toMatchObject({ kind: 'rejected' });
    expect(wire.posts()).toHaveLength(0);
  });
});

describe('the deadline', () => {
  it('closes the socket, and the next order has a connection again', async () => {
    let closed = false;
    answering((_, __, socket) => void socket.once('close', () => (closed = true)));
    const verdict = await venue.sender.submit(ORDER, 100);
    expect(verdict).toMatchObject({ kind: 'unknown', failure: { values: { detail: 'no complete answer within 100 ms' } } });
    await eventually(() => expect(closed).toBe(true));
    answering((arrived) => filledReply(arrived));
    expect(await venue.sender.submit({ ...ORDER, clientOrderId: 'kel-2' }, 10_000)).toMatchObject({ kind: 'accepted' });
    expect(wire.posts().map((post) => post.params.get('newClientOrderId'))).toEqual(['kel-7f3a', 'kel-2']);
  });

  it('keeps a call that did not reach the socket by then from leaving later', async () => {
    const transport = new KeepAliveTransport({ clock: Date.now, answerLimitMs: 1_000 });
    const url = `${wire.urls.rest}/api/v3/order`;
    let left: unknown;
    const late = new Promise<void>((resolve) => {
      void transport.run(async () => {
        await new Promise((wake) => setTimeout(wake, 60));
        left = await transport.fetch(url, { method: 'POST', body: 'a=1' }).catch((error: unknown) => error);
        resolve();
      }, 20);
    });
    await late;
    expect(left).toBeInstanceOf(DeadlinePassed);
    // A marker on the same wire arrives; had the order left, it would be there before.
    await transport.run(() => transport.fetch(`${wire.urls.rest}/api/v3/time`, { method: 'GET' }));
    expect(wire.posts()).toEqual([]);
    transport.close();
  });

  it('does not carry a second POST of one call', async () => {
    const transport = new KeepAliveTransport({ clock: Date.now, answerLimitMs: 1_000 });
    answering((arrived) => filledReply(arrived));
    const post = () => transport.fetch(`${wire.urls.rest}/api/v3/order`, { method: 'POST', body: 'symbol=BTCUSDT' });
    const outcome = await transport.run(async () => {
      await post();
      await post();
    }, 1_000);
    expect(outcome).toMatchObject({ ok: false, error: { name: 'TransportError' } });
    expect(wire.posts()).toHaveLength(1);
    transport.close();
  });
});

describe('numbers', () => {
  const units = [1, 2, 5, 25].flatMap((unit) => [0, 1, 2, 4, 6, 8].map((places) => decimal(String(unit)).div(decimal('10').pow(places))));

  it('every quantity on the step and every price on the tick arrives as the same digits', async () => {
    const symbols = units.map((unit, index) => symbol(`A${index}`, 'USDT', text(unit), text(unit)));
    const many = await scriptedVenue(symbols);
    many.acts.set('POST /api/v3/order', (arrived) => filledReply(arrived));
    const paperVenue = await createVenue({ profile: paper(), urls: many.urls, apiKey: 'key', secret: 'secret', clock: Date.now });
    const multiple = fc.oneof(fc.bigInt(1n, 1_000n), fc.bigInt(1n, 10n ** 12n), fc.bigInt(10n ** 15n, 10n ** 18n));
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(units.length - 1), multiple, multiple, async (index, lots, ticks) => {
        const unit = units[index] ?? decimal('1');
        const quantity = text(unit.mul(decimal(String(lots))));
        const price = text(unit.mul(decimal(String(ticks))));
        const clientOrderId = `kel-${count++}`;
        const verdict = await paperVenue.sender.submit({ ...ORDER, instrument: `A${index}/USDT`, clientOrderId, quantity, price }, 2_000);
        const sent = many.posts().at(-1)?.params;
        expect([sent?.get('newClientOrderId'), sent?.get('quantity'), sent?.get('price')]).toEqual([clientOrderId, quantity, price]);
        expect(verdict).toMatchObject({ kind: 'accepted', order: { quantity, price }, fills: [{ quantity, price }] });
      }),
      { numRuns: 500 },
    );
    await paperVenue.close();
    await many.close();
  });
});
