import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { heedGoneBack } from './gone-back.js';
import type { WorkerProcess } from './process.js';

describe('a guardian that starts beside a Temporal that takes the connection and never answers', () => {
  const sockets = new Set<Socket>();
  let server: Server;
  let connection: Connection;

  beforeAll(async () => {
    server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    connection = Connection.lazy({ address: `127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
  afterAll(async () => {
    await connection.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('goes on without its answer to whether the database has gone back, and says so', async () => {
    const told: object[] = [];
    const process = {
      client: new Client({ connection }),
      pool: { query: async () => ({ rows: [{ since: 0 }] }) },
      instanceId: 'this',
      clock: Date.now,
      log: { error: (what: object) => void told.push(what) },
    } as unknown as WorkerProcess;
    await heedGoneBack(process, 'main', 500);
    expect(told).toEqual([{ account: 'main', error: expect.any(String) as string }]);
    expect(sockets.size).toBeGreaterThan(0);
  });
});
