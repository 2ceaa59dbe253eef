import { once } from 'node:events';
import { get, createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { watchSockets } from './sockets.js';

const server = createServer((_, response) => response.end('answered'));
afterEach(() => server.close());

it('tells of connections and of what is written to them, by whatever protocol, until it is ended', async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let uses = 0;
  const end = watchSockets(() => (uses += 1));
  try {
    const socket = connect(port, '127.0.0.1');
    expect(uses).toBe(1);
    socket.write('x');
    expect(uses).toBe(2);
    socket.destroy();
    const before = uses;
    const asked = get({ host: '127.0.0.1', port });
    const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream];
    response.resume();
    expect(uses).toBeGreaterThan(before + 1);
  } finally {
    end();
  }
  const ended = uses;
  const last = connect(port, '127.0.0.1');
  await once(last, 'connect');
  last.destroy();
  expect(uses).toBe(ended);
});
