import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { readJournal } from '../../../exchange/journal/reader.js';
import type { JournalEvent } from '../../../exchange/journal/record.js';
import { TEST_KEY, TEST_SECRET } from '../../../exchange/testing/open-venue.js';
import { createHmac } from 'node:crypto';
import { openPaperVenue, type PaperVenue } from './open-paper-venue.js';

type Frame = Record<string, unknown>;

const folder = mkdtempSync(join(tmpdir(), 'paper-socket-faults-'));
const journalFile = join(folder, 'journal.jsonl');
const sockets: WebSocket[] = [];
let paper: PaperVenue;

beforeAll(async () => {
  paper = await openPaperVenue({ journalFile });
});

afterEach(() => {
  paper.venue.faults.clear();
  for (const socket of sockets.splice(0)) socket.terminate();
});

afterAll(async () => {
  await paper.close();
  rmSync(folder, { recursive: true });
});

async function rule(fields: Record<string, unknown>): Promise<void> {
  const response = await fetch(`${paper.serving.addresses.admin}/faults`, { method: 'POST', body: JSON.stringify(fields) });
  expect(response.status).toBe(200);
}

async function open(url: string): Promise<{ frames: Frame[]; socket: WebSocket; isClosed: () => boolean }> {
  const socket = new WebSocket(url);
  sockets.push(socket);
  const frames: Frame[] = [];
  let closed = false;
  socket.on('message', (data) => frames.push(JSON.parse(String(data)) as Frame));
  socket.on('close', () => (closed = true));
  await new Promise((resolve) => socket.once('open', resolve));
  return { frames, socket, isClosed: () => closed };
}

function journaled<T extends JournalEvent['type']>(type: T): Extract<JournalEvent, { type: T }>[] {
  const found: Extract<JournalEvent, { type: T }>[] = [];
  const isWanted = (event: JournalEvent): event is Extract<JournalEvent, { type: T }> => event.type === type;
  readJournal(journalFile, ({ events }) => found.push(...events.filter(isWanted)));
  return found;
}

const trades = (frames: readonly Frame[]): unknown[] => frames.map((frame) => frame['t']);

test('V101 frames of a public stream that come twice, late, never', async () => {
  const [whole, spoiled] = (await Promise.all(['/ws/bnbusdt@trade', '/ws/btcusdt@trade'].map((path) => open(pathOf(path))))) as [
    Awaited<ReturnType<typeof open>>,
    Awaited<ReturnType<typeof open>>,
  ];
  paper.venue.pausePrices();
  const [before, others] = [spoiled.frames.length, whole.frames.length];
  await rule({ fault: 'duplicateFrame', stream: 'btcusdt@trade' });
  await rule({ fault: 'delayFrame', stream: 'btcusdt@trade', delayMs: 2_000, after: 0 });
  await rule({ fault: 'loseFrame', stream: 'btcusdt@*' });
  for (let count = 0; count < 4; count += 1) await paper.client.createOrder('BTC/USDT', 'market', 'buy', 0.001);
  await paper.client.createOrder('BNB/USDT', 'market', 'buy', 0.1);
  await expect.poll(() => spoiled.frames.length - before).toBe(4);
  const [first, again, fourth, second] = trades(spoiled.frames.slice(before)).map(Number) as [number, number, number, number];
  expect([again - first, second - first, fourth - first]).toEqual([0, 1, 3]);
  await expect.poll(() => whole.frames.length - others).toBe(1);
  expect(journaled('fault').map(({ fault, target }) => [fault, target])).toEqual([
    ['duplicateFrame', 'BTCUSDT btcusdt@trade'],
    ['delayFrame', 'BTCUSDT btcusdt@trade'],
    ['loseFrame', 'BTCUSDT btcusdt@trade'],
  ]);
});

test('V102 a public stream that is cut by a rule, and no other', async () => {
  const [cut, kept] = [await open(pathOf('/ws/btcusdt@trade')), await open(pathOf('/ws/bnbusdt@trade'))];
  await rule({ fault: 'dropMarketStream', symbol: 'BTCUSDT' });
  await paper.client.createOrder('BTC/USDT', 'market', 'buy', 0.001);
  await expect.poll(cut.isClosed).toBe(true);
  await paper.client.createOrder('BNB/USDT', 'market', 'buy', 0.1);
  await expect.poll(() => kept.frames.length).toBeGreaterThan(0);
  expect(kept.isClosed()).toBe(false);
});

let ids = 0;

/** An order over the WebSocket API, into a fault of its REST twin. */
async function orderInto(
  fields: Record<string, unknown>,
): Promise<{ wire: Awaited<ReturnType<typeof open>>; status: () => string | undefined }> {
  await rule({ call: 'POST /api/v3/order', account: 'test', ...fields });
  const wire = await open(paper.serving.addresses.wsApi);
  ids += 1;
  const newClientOrderId = `socket-${ids}`;
  const order = { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.001', price: '40000', newClientOrderId };
  const all: Record<string, string | number> = { ...order, apiKey: TEST_KEY, timestamp: Date.now() };
  const payload = Object.keys(all).sort().map((name) => `${name}=${all[name]}`).join('&'); // prettier-ignore
  const signature = createHmac('sha256', TEST_SECRET).update(payload).digest('hex');
  wire.socket.send(JSON.stringify({ id: 1, method: 'order.place', params: { ...all, signature } }));
  return { wire, status: () => paper.venue.orders.byClientId('test', 'BTCUSDT', newClientOrderId)?.status };
}

test.each(['dropReply', 'cutBody'])('V103 %s over the WebSocket API: the order is in, the connection ends', async (fault) => {
  const { wire, status } = await orderInto({ fault });
  await expect.poll(wire.isClosed).toBe(true);
  expect([status(), wire.frames]).toEqual(['NEW', []]);
  expect(journaled('fault').at(-1)?.fault).toBe(fault);
});

test.each(['stallHeaders', 'stallBody'])('V104 %s over the WebSocket API: the order is in, its reply late', async (fault) => {
  const { wire, status } = await orderInto({ fault, delayMs: 300 });
  await expect.poll(status).toBe('NEW');
  expect(wire.frames).toEqual([]);
  await expect.poll(() => wire.frames[0]).toMatchObject({ id: 1, status: 200 });
});

test('V105 another reply over the WebSocket API, with a code and without any sense', async () => {
  const coded = await orderInto({ fault: 'replaceReply', status: 500, code: -1006, message: 'Unknown.' });
  await expect.poll(() => coded.wire.frames[0]).toMatchObject({ id: 1, status: 500, error: { code: -1006, msg: 'Unknown.' } });
  const empty = await orderInto({ fault: 'replaceReply' });
  await expect.poll(() => empty.wire.frames[0]).toEqual({});
  expect([coded.status(), empty.status()]).toEqual(['NEW', 'NEW']);
});

test('V106 refused on arrival, and admitted late, over the WebSocket API', async () => {
  const refused = await orderInto({ fault: 'refuse', status: 429, code: -1003, message: 'Too many requests.' });
  await expect.poll(() => refused.wire.frames[0]).toMatchObject({ id: 1, status: 429, error: { code: -1003 } });
  expect(refused.status()).toBeUndefined();
  const late = await orderInto({ fault: 'delayAdmission', delayMs: 200 });
  late.wire.socket.terminate();
  expect(late.status()).toBeUndefined();
  await expect.poll(late.status).toBe('NEW');
});

test('V107 the journal says in each line to how many readers its events were sent', async () => {
  await paper.client.createOrder('BTC/USDT', 'market', 'buy', 0.001);
  expect(journaled('sent')).toEqual([]);
  const { listenKey } = (await paper.client['publicPostUserDataStream']()) as { listenKey: string };
  const { frames } = await open(pathOf(`/ws/${listenKey}`));
  await paper.client.createOrder('BTC/USDT', 'market', 'buy', 0.001);
  await expect.poll(() => frames.filter((frame) => frame['e'] === 'executionReport').length).toBe(2);
  expect(journaled('sent')).toEqual([{ type: 'sent', account: 'test', readers: 1, executionReports: 2 }]);
});

function pathOf(path: string): string {
  return paper.serving.addresses.stream.replace(/\/ws$/, path);
}
