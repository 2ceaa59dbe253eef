import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { silentProxy } from './silent-proxy.js';

/** Postgres behind an address of its own, where it answers from when it is opened on. */
export interface Door {
  readonly url: string;
  open(): void;
  close(): Promise<void>;
}

export interface HangingUp extends Door {
  /** Ends what goes through it, and lets nothing more in. */
  shut(): void;
}

/** Hangs up on whoever comes. */
export async function hangingUp(url: string): Promise<HangingUp> {
  let isOpen = false;
  const through = new Set<Socket>();
  const target = new URL(url);
  const server: Server = createServer((socket) => {
    if (!isOpen) {
      socket.destroy();
      return;
    }
    const onward = connect(Number(target.port), target.hostname);
    through.add(socket.on('close', () => through.delete(socket)));
    for (const one of [socket, onward]) one.on('error', () => [socket, onward].forEach((each) => each.destroy()));
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: behind(url, `127.0.0.1:${(server.address() as AddressInfo).port}`),
    open: () => void (isOpen = true),
    shut: () => {
      isOpen = false;
      for (const socket of through) socket.destroy();
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Takes connections and answers nothing, as a server does that is stopped. */
export async function keepingSilent(url: string): Promise<Door> {
  const proxy = await silentProxy(new URL(url).host);
  proxy.hold();
  return { url: behind(url, proxy.address), open: () => proxy.release(), close: () => proxy.close() };
}

function behind(url: string, address: string): string {
  const door = new URL(url);
  door.host = address;
  return door.href;
}
