import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { quietPort } from './free-port.js';

/** How a Temporal server is away: nobody listens there, or somebody does who takes each connection and never answers. */
export type Absence = 'closed' | 'silent';

/** An address at which Temporal is not yet. */
export interface LateTemporal {
  readonly address: string;
  /** Somebody waits for its answer at this moment. */
  readonly isAsked: boolean;
  /** From here on it is there. */
  comes(): Promise<void>;
  close(): Promise<void>;
}

/** @param far the address of the server that comes, `host:port` */
export async function lateTemporal(far: string, absence: Absence): Promise<LateTemporal> {
  const { hostname, port: farPort } = new URL(`tcp://${far}`);
  const sockets = new Set<Socket>();
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  let isThere = false;
  const server = createServer((near) => {
    const keep = (socket: Socket, other?: Socket): void => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => (sockets.delete(socket), other?.destroy()));
    };
    if (!isThere) return keep(near);
    const there = connect(Number(farPort), hostname);
    keep(near, there);
    keep(there, near);
    near.pipe(there).pipe(near);
  });
  const port = await quietPort();
  const listen = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  if (absence === 'silent') await listen();
  return {
    address: `127.0.0.1:${port}`,
    get isAsked() {
      return sockets.size > 0;
    },
    async comes() {
      isThere = true;
      if (absence === 'closed') await listen();
      endAll();
    },
    async close() {
      endAll();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}
