import { createServer } from 'node:net';

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
