import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands between a client and a venue, and cuts the connection at a request, or in place of its reply. */
export interface CuttingProxy {
  readonly port: number;
  /** While it is, connections are cut, and new ones end at once. */
  isAway: boolean;
  /** Cuts at the next request whose first line begins with `head`, such as `POST /api/v3/order`. */
  cutNext(what: 'request' | 'reply', head: string): void;
  close(): Promise<void>;
}

/** `onRequest` sees each request that came in one piece: its first line and its body. */
export async function cuttingProxy(farPort: number, onRequest?: (head: string, body: string) => void): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let armed: { readonly what: 'request' | 'reply'; readonly head: string } | undefined;
  const server = createServer((near) => {
    if (proxy.isAway) return void near.on('error', () => undefined).destroy();
    const far = connect(farPort, '127.0.0.1');
    let loseReply = false;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => (near.destroy(), far.destroy(), sockets.delete(socket)));
    }
    near.on('data', (bytes: Buffer) => {
      if (proxy.isAway) return near.destroy();
      const request = bytes.toString('latin1');
      onRequest?.(request.split('\r\n', 1)[0] ?? '', request.split('\r\n\r\n')[1] ?? '');
      const cut = armed !== undefined && request.startsWith(armed.head) ? armed.what : undefined;
      if (cut !== undefined) armed = undefined;
      if (cut === 'request') return near.destroy();
      loseReply ||= cut === 'reply';
      far.write(bytes);
    });
    far.on('data', (bytes: Buffer) => (loseReply ? near.destroy() : near.write(bytes)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: CuttingProxy = {
    isAway: false,
    port: (server.address() as AddressInfo).port,
    cutNext: (what, head) => (armed = { what, head }),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
