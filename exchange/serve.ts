import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { createAdminServer } from './admin/server.js';
import { FaultyReplies } from './faults/faulty-replies.js';
import { Dispatch } from './rest/dispatch.js';
import { ROUTES } from './rest/routes.js';
import { createRestServer } from './rest/server.js';
import { Weights } from './rest/weights.js';
import { Streams } from './streams/upgrade.js';
import type { Venue } from './venue.js';

const HOST = '127.0.0.1';

export interface Addresses {
  readonly rest: string;
  readonly stream: string;
  readonly wsApi: string;
  readonly admin: string;
}

export interface Serving {
  readonly addresses: Addresses;
  /** How many read the account's events at this moment. */
  userReaders(account: string): number;
  close(): Promise<void>;
}

/** Opens both ports and starts the prices. Port 0 takes a free one. @throws when a port is taken. */
export async function serve(venue: Venue, port: number, adminPort: number): Promise<Serving> {
  const dispatch = new Dispatch(venue, ROUTES, new Weights(venue.rateLimits));
  const replies = new FaultyReplies(venue, dispatch);
  const rest = createRestServer((request, response) => replies.answer(request, response));
  const streams = new Streams(venue, dispatch);
  streams.attach(rest);
  const admin = createAdminServer(venue, streams);
  const tradingPort = await listening(rest, port);
  const adminsPort = await listening(admin, adminPort);
  venue.start();
  return {
    addresses: {
      rest: `http://${HOST}:${tradingPort}`,
      stream: `ws://${HOST}:${tradingPort}/ws`,
      wsApi: `ws://${HOST}:${tradingPort}/ws-api/v3`,
      admin: `http://${HOST}:${adminsPort}`,
    },
    userReaders: (account) => streams.users.readersOf(account),
    async close() {
      streams.drop('all', 0);
      await Promise.all([closed(rest), closed(admin)]);
      venue.stop();
    },
  };
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => resolve((server.address() as AddressInfo).port));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
