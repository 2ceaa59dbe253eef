import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { Counter, Registry, collectDefaultMetrics } from 'prom-client';

export interface Metrics {
  readonly signals: Counter<'outcome'>;
  close(): Promise<void>;
}

/** Serves `/metrics` and `/livez` on loopback; without a port the figures are kept and not served. */
export async function openMetrics(processName: string, port: string | undefined): Promise<Metrics> {
  const registry = new Registry();
  registry.setDefaultLabels({ process: processName });
  collectDefaultMetrics({ register: registry });
  const signals = new Counter({
    name: 'keelson_signals_total',
    help: 'Signals by what became of them: started as a workflow, not traded, or left to the active build (inactive).',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const server = port === undefined ? undefined : await listen(registry, Number(port));
  return {
    signals,
    async close() {
      server?.closeAllConnections();
      server?.close();
    },
  };
}

async function listen(registry: Registry, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/livez') {
      response.end('ok\n');
    } else if (request.url === '/metrics') {
      void registry.metrics().then((body) => response.setHeader('content-type', registry.contentType).end(body));
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
