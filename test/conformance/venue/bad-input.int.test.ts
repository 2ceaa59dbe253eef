import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { openPaperVenue, type PaperVenue } from './open-paper-venue.js';

let paper: PaperVenue;
let port: number;
const sockets: Socket[] = [];

beforeAll(async () => {
  paper = await openPaperVenue();
  port = Number(new URL(paper.serving.addresses.rest).port);
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await paper.close();
});

async function openSocket(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** Sends bytes and returns all that comes back until the venue hangs up or enough has come. */
async function exchangeBytes(text: string): Promise<string> {
  const socket = await openSocket();
  let received = '';
  const answer = new Promise<string>((resolve) => {
    socket.on('data', (data) => {
      received += String(data);
      if (received.includes('\r\n\r\n')) resolve(received);
    });
    socket.on('close', () => resolve(received));
  });
  socket.write(text);
  return answer;
}

/** The venue still does what it is for. */
async function stillWorks(): Promise<void> {
  const order = await paper.client.createOrder('BTC/USDT', 'market', 'buy', 0.001);
  expect(order.status).toBe('closed');
}

test.each([
  ['V130 no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400/],
  ['V131 a header that is too long', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`, /^HTTP\/1\.1 431/],
  [
    'V132 a body of 1 MB',
    `POST /api/v3/order HTTP/1.1\r\nhost: x\r\ncontent-length: 1048576\r\n\r\n${'a'.repeat(1_048_576)}`,
    /^HTTP\/1\.1 413/,
  ],
  ['V133 a query that cannot be decoded', 'GET /api/v3/depth?symbol=%ZZ HTTP/1.1\r\nhost: x\r\n\r\n', /^HTTP\/1\.1 400[^]*-1100/],
  [
    'V134 an upgrade to nowhere',
    'GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    /^HTTP\/1\.1 404/,
  ],
])('%s', async (_, bytes, expected) => {
  expect(await exchangeBytes(bytes)).toMatch(expected);
  await stillWorks();
});

test('V135 five hundred half-open requests disturb nobody', async () => {
  const opened = await Promise.all(Array.from({ length: 500 }, () => openSocket()));
  for (const socket of opened) socket.write('POST /api/v3/order HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nsymbol=BTC');
  await stillWorks();
  for (const socket of opened) socket.destroy();
  await stillWorks();
});

test('V136 a stream client that never reads is cut off', async () => {
  const socket = new WebSocket(`${paper.serving.addresses.stream}/btcusdt@trade`);
  await new Promise((resolve) => socket.once('open', resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.pause();
  const names = Array.from({ length: 200 }, (_, index) => `btcusdt@kline_${index + 1}s`);
  socket.send(JSON.stringify({ method: 'SUBSCRIBE', params: names, id: 1 }));
  const ask = JSON.stringify({ method: 'LIST_SUBSCRIPTIONS', id: 1 });
  for (let count = 0; count < 20_000 && socket.readyState === socket.OPEN; count += 1) {
    socket.send(ask);
    if (count % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.resume();
  await closed;
  await stillWorks();
});

test('V137 stream requests that are no requests', async () => {
  for (const address of [paper.serving.addresses.stream, paper.serving.addresses.wsApi]) {
    const socket = new WebSocket(address);
    await new Promise((resolve) => socket.once('open', resolve));
    const answers: string[] = [];
    socket.on('message', (data) => answers.push(String(data)));
    for (const text of [
      '',
      'null',
      '[]',
      '7',
      '{"method":7}',
      '{"method":"SUBSCRIBE","params":"x"}',
      '{"method":"order.place","params":[1]}',
      '{"id":{"a":1},"method":"time"}',
    ]) {
      socket.send(text);
    }
    await expect.poll(() => answers.length).toBe(8);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.send('x'.repeat(70_000));
    await closed;
  }
  await stillWorks();
});
