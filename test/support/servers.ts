import { createServer, type Server } from 'node:http';
import type { TestProject } from 'vitest/node';
import { type PostgresProvider, providePostgres } from './postgres-server.js';
import { type TemporalProvider, provideTemporal } from './temporal-server.js';
import { type BundleProvider, provideBundle } from './workflow-bundle.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where test files ask for the servers of this run; each is started by the first that asks. */
    readonly testServers: string;
  }
}

/**
 * Global setup of the integration tests: one Postgres and one Temporal server for the run, held by this process and
 * started when the first test file asks, so that a run that needs neither pays for neither.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = providePostgres();
  const temporal = provideTemporal();
  const bundle = provideBundle();
  // Before the first test, which has a time limit.
  await temporal.find();
  const desk = await openDesk({ postgres, temporal, bundle });
  project.provide('testServers', desk.address);
  return async () => {
    await desk.close();
    await Promise.all([postgres.stop(), temporal.stop(), bundle.stop()]);
  };
}

interface Desk {
  readonly address: string;
  close(): Promise<void>;
}

interface Offers {
  readonly postgres: PostgresProvider;
  readonly temporal: TemporalProvider;
  readonly bundle: BundleProvider;
}

/** Answers GET /postgres, /temporal and /bundle with what a test needs to know, or 503 with the reason. */
async function openDesk(offers: Offers): Promise<Desk> {
  const server: Server = createServer((request, response) => {
    const name = request.url?.slice(1);
    if (name === undefined || !isOffer(name, offers)) {
      response.writeHead(404).end(`There is no ${name} here.`);
      return;
    }
    offers[name].get().then(
      (answer) => response.end(JSON.stringify(answer)),
      (error: Error) => response.writeHead(503).end(error.message),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The desk of the test servers has no port.');
  return {
    address: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const isOffer = (name: string, offers: Offers): name is keyof Offers => Object.hasOwn(offers, name);
