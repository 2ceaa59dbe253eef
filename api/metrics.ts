import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { readAccounts } from './read/accounts.js';
import type { Database } from './read/database.js';

export interface ApiMetrics {
  readonly registry: Registry;
  readonly requestSeconds: Histogram<'method' | 'route' | 'status'>;
  readonly refusedCalls: Counter<'code'>;
}

/** Metrics of the API process, and of the accounts as the database shows them at the time of the scrape. */
export function apiMetrics(database: Database, options: { readonly ofProcess: boolean }): ApiMetrics {
  const registry = new Registry();
  if (options.ofProcess) collectDefaultMetrics({ register: registry });
  const mode = new Gauge({
    name: 'keelson_account_mode',
    help: '1 for the effective mode of the account.',
    labelNames: ['account', 'mode'],
    registers: [registry],
  });
  const openOrders = new Gauge({
    name: 'keelson_open_orders',
    help: 'Orders that are not final.',
    labelNames: ['account'],
    registers: [registry],
  });
  const unknownOrders = new Gauge({
    name: 'keelson_unknown_orders',
    help: 'Orders of which it is not known whether the venue has them.',
    labelNames: ['account'],
    registers: [registry],
  });
  const answering = new Gauge({
    name: 'keelson_read_model_up',
    help: '1 when the database answered at this scrape; the gauges of the accounts are absent when it did not.',
    registers: [registry],
    // One collector sets them all, so that a scrape reads the accounts once.
    collect: async () => {
      mode.reset();
      openOrders.reset();
      unknownOrders.reset();
      try {
        for (const account of await readAccounts(database)) {
          mode.set({ account: account.account, mode: account.mode }, 1);
          openOrders.set({ account: account.account }, account.openOrders);
          unknownOrders.set({ account: account.account }, account.unknownOrders);
        }
        answering.set(1);
      } catch {
        answering.set(0);
      }
    },
  });
  return {
    registry,
    requestSeconds: new Histogram({
      name: 'keelson_api_request_seconds',
      help: 'Time from a request to its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers: [registry],
    }),
    refusedCalls: new Counter({
      name: 'keelson_api_problems_total',
      help: 'Problems answered, by code.',
      labelNames: ['code'],
      registers: [registry],
    }),
  };
}
