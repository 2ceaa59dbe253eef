import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { readAccounts, type AccountStatus } from './read/accounts.js';
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
  // The registry asks its metrics all at once: whoever comes first reads the accounts, the others wait for the same answer.
  let reading: Promise<readonly AccountStatus[] | undefined> | undefined;
  const accounts = (): Promise<readonly AccountStatus[] | undefined> => {
    reading ??= readAccounts(database)
      .catch(() => undefined)
      .finally(() => (reading = undefined));
    return reading;
  };
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    set: (gauge: Gauge<Label>, rows: readonly AccountStatus[] | undefined) => void,
  ): void => {
    const made: Gauge<Label> = new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect: async () => {
        const rows = await accounts();
        made.reset();
        set(made, rows);
      },
    });
  };
  gauge('keelson_account_mode', '1 for the effective mode of the account.', ['account', 'mode'], (made, rows = []) => {
    for (const { account, mode } of rows) made.set({ account, mode }, 1);
  });
  gauge('keelson_open_orders', 'Orders that are not final.', ['account'], (made, rows = []) => {
    for (const { account, openOrders } of rows) made.set({ account }, openOrders);
  });
  gauge('keelson_unknown_orders', 'Orders of which it is not known whether the venue has them.', ['account'], (made, rows = []) => {
    for (const { account, unknownOrders } of rows) made.set({ account }, unknownOrders);
  });
  gauge(
    'keelson_read_model_up',
    '1 when the database answered this scrape; without it the gauges of the accounts are absent.',
    [],
    (made, rows) => made.set(rows === undefined ? 0 : 1),
  );
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
