import { createServer } from 'node:net';

/** Systems give ports from above these to whoever asks for any, and to every connection that goes out. */
const FIRST_QUIET = 20_000;
const QUIET_PORTS = 10_000;

/**
 * A port of 127.0.0.1 for a server that goes away and comes back: while it is away nobody is given it by chance. Processes begin
 * their search at different ones.
 */
export async function quietPort(): Promise<number> {
  for (let tried = 0; tried < QUIET_PORTS; tried += 1) {
    const port = FIRST_QUIET + ((process.pid * 7 + tried) % QUIET_PORTS);
    if (await canListen(port)) return port;
  }
  throw new Error('The system has no port left.');
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A TCP port of 127.0.0.1 that nobody listens on now. Another process may take it before its user does. */
export async function freePort(): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The system gave no port.');
    return address.port;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
