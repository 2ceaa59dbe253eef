import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where alerts go: one that takes them, and one that takes the connection and never answers. */
export interface Receivers {
  readonly url: string;
  readonly hungUrl: string;
  /** When the 2xx for an alert had left, epoch ms, by the alert's id. */
  readonly answered: ReadonlyMap<string, number>;
  /** Requests that hang. */
  readonly hung: number;
  close(): Promise<void>;
}

export async function openReceivers(): Promise<Receivers> {
  const answered = new Map<string, number>();
  let hung = 0;
  const taking = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      const { alertId } = JSON.parse(body) as { alertId: string };
      response.writeHead(200).end('', () => {
        if (!answered.has(alertId)) answered.set(alertId, performance.timeOrigin + performance.now());
      });
    });
  });
  const silent = createServer(() => void (hung += 1));
  const [url, hungUrl] = [await listening(taking), await listening(silent)];
  return {
    url,
    hungUrl,
    answered,
    get hung() {
      return hung;
    },
    close: async () => {
      for (const server of [taking, silent]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
