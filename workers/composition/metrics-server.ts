import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';

export interface Metrics {
  readonly signals: Counter<'outcome'>;
  /** To be called when this process is connected to Temporal: until then it is not ready. */
  withTemporal(): void;
  close(): Promise<void>;
}

/** Serves `/metrics`, `/livez` and `/readyz` on loopback; without a port the figures are kept and not served. */
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
  const connected = new Gauge({
    name: 'keelson_worker_with_temporal',
    help: 'Whether this process has been connected to Temporal: 0 while it waits for it.',
    registers: [registry],
  });
  let isConnected = false;
  const server = port === undefined ? undefined : await listen(registry, Number(port), () => isConnected);
  return {
    signals,
    withTemporal() {
      isConnected = true;
      connected.set(1);
    },
    async close() {
      server?.closeAllConnections();
      server?.close();
    },
  };
}

async function listen(registry: Registry, port: number, isConnected: () => boolean): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/livez') {
      response.end('ok\n');
    } else if (request.url === '/readyz') {
      response.writeHead(isConnected() ? 200 : 503).end(isConnected() ? 'ok\n' : 'without Temporal\n');
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
