import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { readJournal } from '../../../exchange/journal/reader.js';
import type { FaultEvent, RequestEvent } from '../../../exchange/journal/record.js';
import { openPaperVenue, type PaperVenue } from './open-paper-venue.js';

const folder = mkdtempSync(join(tmpdir(), 'paper-faults-'));
const journalFile = join(folder, 'journal.jsonl');
let paper: PaperVenue;
let ids = 0;

beforeAll(async () => {
  paper = await openPaperVenue({ journalFile });
  paper.client.timeout = 300;
});

afterEach(async () => {
  await admin('DELETE', '/faults');
  await admin('POST', '/clock', { shiftMs: 0 });
});

afterAll(async () => {
  await paper.close();
  rmSync(folder, { recursive: true });
});

async function admin(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(paper.serving.addresses.admin + path, init);
  const answer = (await response.json()) as Record<string, unknown>;
  if (response.status !== 200) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer;
}

/** Sends one order into a fault; returns what the client was told and what the venue has. */
async function orderInto(rule: Record<string, unknown>): Promise<{ told: string; status: string | undefined; clientOrderId: string }> {
  await admin('POST', '/faults', { call: 'POST /api/v3/order', ...rule });
  ids += 1;
  const clientOrderId = `fault-${ids}`;
  const call = paper.client.createOrder('BTC/USDT', 'limit', 'buy', 0.001, 40_000, { clientOrderId });
  // A body that stalls is never given up by the client itself: a test needs a deadline of its own. All else is told, however late.
  const deadlineMs = rule['fault'] === 'stallBody' ? 1_000 : 30_000;
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<string>((resolve) => (timer = setTimeout(() => resolve('nothing'), deadlineMs)));
  const told = await Promise.race([
    call.then(
      (order) => order.status ?? `id ${String(order.id)}`,
      (error: Error) => error.constructor.name,
    ),
    deadline,
  ]);
  clearTimeout(timer);
  return { told, status: paper.venue.orders.byClientId('test', 'BTCUSDT', clientOrderId)?.status, clientOrderId };
}

function journaledFaults(): FaultEvent[] {
  const found: FaultEvent[] = [];
  readJournal(journalFile, ({ events }) => found.push(...events.filter((event): event is FaultEvent => event.type === 'fault')));
  return found;
}

test.each<[string, Record<string, unknown>, string[]]>([
  ['V80 accepted, then the connection is dropped', { fault: 'dropReply' }, ['NetworkError', 'ExchangeNotAvailable']],
  ['V81 accepted, then no headers', { fault: 'stallHeaders' }, ['RequestTimeout']],
  ['V82 accepted, then the body stalls', { fault: 'stallBody' }, ['nothing', 'RequestTimeout']],
  ['V83 accepted, then the body is cut', { fault: 'cutBody' }, ['SocketError', 'TypeError', 'NetworkError', 'ExchangeNotAvailable']],
  ['V84 accepted, then 503', { fault: 'replaceReply', status: 503, body: '' }, ['ExchangeNotAvailable']],
  [
    'V85 accepted, then −1006',
    { fault: 'replaceReply', status: 500, code: -1006, message: 'Execution status unknown.' },
    ['OperationFailed', 'ExchangeNotAvailable', 'BadResponse'],
  ],
  ['V86 accepted, then an empty object', { fault: 'replaceReply', body: '{}' }, ['open', 'id undefined']],
  ['V87 accepted, then HTML', { fault: 'replaceReply', body: '<html>' }, ['TypeError', 'BadResponse', 'ExchangeError', 'NullResponse']],
])('%s: the order is in, the client is not told', async (_, rule, told) => {
  const result = await orderInto(rule);
  expect(told).toContain(result.told);
  expect(result.status).toBe('NEW');
  expect(journaledFaults().at(-1)).toMatchObject({ fault: rule['fault'], target: expect.stringContaining(result.clientOrderId) as string });
});

test.each<[string, Record<string, unknown>, string]>([
  ['V88 429', { status: 429, code: -1003, retryAfterSeconds: 7 }, 'DDoSProtection'],
  ['V89 418', { status: 418, code: -1003, retryAfterSeconds: 120 }, 'DDoSProtection'],
  ['V90 maintenance', { status: 503, code: -1, message: 'System is under maintenance.' }, 'OnMaintenance'],
])('%s: refused before matching', async (_, rule, told) => {
  const result = await orderInto({ fault: 'refuse', ...rule });
  expect(result).toMatchObject({ told, status: undefined });
});

test('V91 a request that is admitted after its client gave up', async () => {
  const { told, clientOrderId } = await orderInto({ fault: 'delayAdmission', delayMs: 600 });
  expect(told).toBe('RequestTimeout');
  await expect.poll(() => paper.venue.orders.byClientId('test', 'BTCUSDT', clientOrderId)?.status).toBe('NEW');
});

test('V92 a request that is delayed past its window is refused', async () => {
  paper.client.options['recvWindow'] = 200;
  const { clientOrderId } = await orderInto({ fault: 'delayAdmission', delayMs: 500 });
  const codes = (): number[] => {
    const found: number[] = [];
    readJournal(journalFile, ({ events }) => {
      for (const event of events) if (isRequest(event) && event.clientOrderId === clientOrderId) found.push(event.code);
    });
    return found;
  };
  await expect.poll(codes).toEqual([-1021]);
  delete paper.client.options['recvWindow'];
  expect(paper.venue.orders.byClientId('test', 'BTCUSDT', clientOrderId)).toBeUndefined();
});

function isRequest(event: { type: string }): event is RequestEvent {
  return event.type === 'request';
}

test('V93 look-ups do not show an order for a while', async () => {
  const { clientOrderId, told } = await orderInto({ fault: 'hideFromLookups', delayMs: 400 });
  expect(told).toBe('open');
  const lookUp = async (): Promise<string> =>
    paper.client.fetchOrder('', 'BTC/USDT', { clientOrderId }).then(
      (order) => String(order.status),
      (error: Error) => error.constructor.name,
    );
  expect(await lookUp()).toBe('OrderNotFound');
  await expect.poll(lookUp).toBe('open');
});

test('V94 an order that the venue ends while it matches, and one that it fills in part', async () => {
  await admin('POST', '/faults', { fault: 'expireInMatch', side: 'SELL' });
  const ended = await paper.client.createOrder('BTC/USDT', 'market', 'sell', 0.01);
  expect(ended).toMatchObject({ status: 'expired', filled: 0 });
  await admin('POST', '/faults', { fault: 'partialFillThenCancel', percent: 30, type: 'MARKET' });
  const part = await paper.client.createOrder('BTC/USDT', 'market', 'sell', 0.01);
  expect(part).toMatchObject({ status: 'canceled', filled: 0.003 });
});

test('V95 rules count, choose by seed, and end', async () => {
  await admin('POST', '/faults', {
    fault: 'refuse',
    call: 'GET /api/v3/time',
    status: 503,
    after: 2,
    times: 3,
    probability: 0.5,
    seed: 11,
  });
  const outcomes = async (): Promise<boolean[]> => {
    const seen: boolean[] = [];
    for (let call = 0; call < 20; call += 1) seen.push((await fetch(`${paper.serving.addresses.rest}/api/v3/time`)).ok);
    return seen;
  };
  const first = await outcomes();
  expect(first.slice(0, 2)).toEqual([true, true]);
  expect(first.filter((ok) => !ok)).toHaveLength(3);
  await admin('DELETE', '/faults');
  await admin('POST', '/faults', {
    fault: 'refuse',
    call: 'GET /api/v3/time',
    status: 503,
    after: 2,
    times: 3,
    probability: 0.5,
    seed: 11,
  });
  expect(await outcomes()).toEqual(first);
});

test('V96 a shifted clock shows in time and refuses what is signed by the right one', async () => {
  await admin('POST', '/clock', { shiftMs: 20_000 });
  expect(Number(await paper.client.fetchTime()) - Date.now()).toBeGreaterThan(19_000);
  await expect(paper.client.fetchBalance()).rejects.toThrow(/-1021/);
});

test('V97 a halted instrument takes no orders, before and after a restart, until it is resumed', async () => {
  await admin('POST', '/instruments/BTCUSDT/halt');
  await expect(paper.client.createOrder('BTC/USDT', 'market', 'buy', 0.001)).rejects.toThrow(/Market is closed/);
  await admin('POST', '/instruments/BTCUSDT/resume');
  expect((await paper.client.createOrder('BTC/USDT', 'market', 'buy', 0.001)).status).toBe('closed');
});

test('V98 a balance that moves without an order, and orders placed, filled and canceled by hand', async () => {
  const before = (await paper.client.fetchBalance())['USDT']?.total as number;
  await admin('POST', '/balances', { account: 'test', asset: 'USDT', amount: '-123.45' });
  expect((await paper.client.fetchBalance())['USDT']?.total).toBeCloseTo(before - 123.45, 8);
  const order = { account: 'test', symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.01', price: '40000' };
  const { orderId } = await admin('POST', '/orders', order);
  expect(await admin('POST', `/orders/${String(orderId)}/fill`, { quantity: '0.004' })).toMatchObject({ status: 'PARTIALLY_FILLED' });
  expect(await admin('POST', `/orders/${String(orderId)}/cancel`)).toMatchObject({ status: 'CANCELED', executedQty: '0.00400000' });
  await expect(admin('POST', '/orders/77777/cancel')).rejects.toThrow(/no open order/);
  await expect(admin('POST', '/faults', { fault: 'nonsense', nothing: 1, delayMs: 'x' })).rejects.toThrow(/fault.*nothing|delayMs.*fault/);
});

/** Reads an account's events by an old-style listen key. */
async function readEvents(): Promise<{ events: Record<string, unknown>[]; socket: WebSocket }> {
  const { listenKey } = (await paper.client['publicPostUserDataStream']()) as { listenKey: string };
  const socket = new WebSocket(`${paper.serving.addresses.stream}/${listenKey}`);
  const events: Record<string, unknown>[] = [];
  socket.on('message', (data) => events.push(JSON.parse(String(data)) as Record<string, unknown>));
  await new Promise((resolve) => socket.once('open', resolve));
  return { events, socket };
}

test('V99 fills that are told twice, late and never', async () => {
  const { events, socket } = await readEvents();
  const fills = (): unknown[] => events.filter((event) => event['x'] === 'TRADE').map((event) => event['c']);
  await admin('POST', '/faults', { fault: 'duplicateEvent', execution: 'TRADE', clientOrderId: 'twice' });
  await admin('POST', '/faults', { fault: 'delayEvent', execution: 'TRADE', clientOrderId: 'late', delayMs: 150 });
  await admin('POST', '/faults', { fault: 'loseEvent', execution: 'TRADE', clientOrderId: 'never' });
  for (const clientOrderId of ['twice', 'late', 'never', 'last']) {
    await paper.client.createOrder('BTC/USDT', 'market', 'buy', 0.001, undefined, { clientOrderId });
  }
  await expect.poll(fills).toEqual(['twice', 'twice', 'last', 'late']);
  socket.terminate();
  expect(
    journaledFaults()
      .slice(-3)
      .map((fault) => fault.fault),
  ).toEqual(['duplicateEvent', 'delayEvent', 'loseEvent']);
});

test('V100 a stream that answers pings but carries nothing, and one that is dropped and refused for a while', async () => {
  const { events, socket } = await readEvents();
  await admin('POST', '/streams/silence', { which: 'user', forMs: 300 });
  const pong = new Promise((resolve) => socket.once('pong', resolve));
  await paper.client.createOrder('BTC/USDT', 'market', 'buy', 0.001);
  socket.ping();
  await pong;
  expect(events).toEqual([]);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  expect(await admin('POST', '/streams/drop', { which: 'user', refuseMs: 300 })).toMatchObject({ dropped: 1 });
  await closed;
  const reopen = (): Promise<string> =>
    new Promise((resolve) => {
      const again = new WebSocket(paper.serving.addresses.wsApi);
      again.on('open', () => resolve('open')).on('error', () => resolve('refused'));
      again.on('open', () => again.terminate());
    });
  expect(await reopen()).toBe('refused');
  await expect.poll(reopen).toBe('open');
});
