import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands before a server that may take connections and answer nothing, as one that is stopped or out of memory does. */
export interface SilentProxy {
  readonly address: string;
  /** From here on no byte goes through, either way; what is connected stays so, and what connects is let in. */
  hold(): void;
  /** What was held goes through. */
  release(): void;
  close(): Promise<void>;
}

/** @param far its address, `host:port` */
export async function silentProxy(far: string): Promise<SilentProxy> {
  const { hostname, port } = new URL(`tcp://${far}`);
  const sockets = new Set<Socket>();
  let isHeld = false;
  const server = createServer((near) => {
    const there = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, there],
      [there, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => undefined).on('close', () => (sockets.delete(from), to.destroy()));
      if (isHeld) from.pause();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold() {
      isHeld = true;
      for (const socket of sockets) socket.pause();
    },
    release() {
      isHeld = false;
      for (const socket of sockets) socket.resume();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
