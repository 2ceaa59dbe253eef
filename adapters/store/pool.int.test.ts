import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { openPool, run } from './pool.js';

const ONE = { name: 'one', text: 'select 1 as one' };

describe('a database that neither answers nor hangs up', () => {
  let database: TestDatabase;
  let between: Server;
  let pool: Pool;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    database = await testDatabase();
    const { hostname, port } = new URL(database.url);
    between = createServer((ours) => {
      const theirs = connect(Number(port), hostname);
      for (const socket of [ours, theirs]) sockets.add(socket.on('error', () => undefined));
      ours.pipe(theirs).pipe(ours);
    });
    between.listen(0, '127.0.0.1');
    await once(between, 'listening');
    const address = new URL(database.url);
    address.host = `127.0.0.1:${(between.address() as AddressInfo).port}`;
    pool = openPool(address.href, { applicationName: 'test', max: 1 });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await pool?.end();
    between?.close();
    await database?.drop();
  });

  it('P9: fails the statement, and the pool goes on with a new connection', async () => {
    expect(await run(pool, ONE, [])).toEqual([{ one: 1 }]);
    for (const socket of sockets) socket.unpipe();
    await expect(run(pool, ONE, [])).rejects.toMatchObject({ failure: { code: 'INFRA_DATABASE' } });
    expect(await run(pool, ONE, [])).toEqual([{ one: 1 }]);
  });
});
