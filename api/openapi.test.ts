import { describe, expect, test } from 'vitest';
import { Registry } from 'prom-client';
import { pino } from 'pino';
import { loadConfig } from '../config/index.js';
import { ERRORS } from '../core/errors.js';
import type { ApiContext } from './context.js';
import { apiMetrics } from './metrics.js';
import { codesOf, openApiDocument } from './openapi.js';
import { allRoutes } from './routes/all.js';
import { buildServer } from './server.js';

const nothing = { query: () => Promise.reject(new Error('no database')) };
const context: ApiContext = {
  config: loadConfig({ path: new URL('../keelson.config.json', import.meta.url).pathname, env: {} }),
  environment: 'test',
  version: '1.2.3',
  database: nothing,
  control: {
    execute: () => Promise.resolve(),
    rearm: () => Promise.resolve({ kind: 'released' }),
    startRunbook: () => Promise.resolve(),
    tellRunbook: () => Promise.resolve(),
    runbookDecided: () => Promise.resolve(),
    schedules: () => Promise.resolve([]),
    controlSchedule: () => Promise.resolve(),
    reconcile: () => Promise.resolve(),
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  },
  halts: { latch: () => Promise.reject(new Error('no database')) },
  ledger: { bookMovement: () => Promise.reject(new Error('no database')) },
  metrics: new Registry(),
  logger: pino({ level: 'silent' }),
  now: () => 0,
  newId: () => 'id',
  temporal: { address: '', namespace: '', ui: null },
  furtherHosts: [],
};
const routes = allRoutes(context);

interface Operation {
  readonly operationId: string;
  readonly security: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly description?: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
}
const document = openApiDocument(routes, '1.2.3') as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: { readonly ErrorCode: { readonly enum: readonly string[] } } };
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ call: `${method.toUpperCase()} ${path}`, operation })),
);

describe('the OpenAPI document', () => {
  test('has every route that the server answers, and no other', async () => {
    const answered: string[] = [];
    const server = buildServer(context, apiMetrics(nothing, { ofProcess: false }));
    for (const { call } of operations) {
      const [method = '', url = ''] = call.split(' ');
      if (server.hasRoute({ method: method, url })) answered.push(call);
    }
    expect(answered).toEqual(operations.map(({ call }) => call));
    const listed = server.printRoutes({ commonPrefix: false }).match(/\b(?:GET|POST|PUT|DELETE|PATCH|HEAD)(?=, [A-Z, ]*\)|\))/g) ?? [];
    expect(listed).toHaveLength(operations.length);
    await server.close();
  });

  test('is served as it is', async () => {
    const server = buildServer(context, apiMetrics(nothing, { ofProcess: false }));
    const answer = await server.inject({ url: '/openapi.json', headers: { host: '127.0.0.1' } });
    expect(answer.json()).toEqual(JSON.parse(JSON.stringify(document)));
    await server.close();
  });

  test('knows exactly the codes of the registry', () => {
    expect(document.components.schemas.ErrorCode.enum).toEqual(Object.keys(ERRORS));
  });

  test.each(operations)('$call has its own name, says who may call, and what can go wrong', ({ call, operation }) => {
    const route = routes.find(({ method, path }) => `${method} ${path}` === call);
    expect(operations.filter((other) => other.operation.operationId === operation.operationId)).toHaveLength(1);
    expect(operation.security).toHaveLength(route?.access === 'everyone' ? 0 : 1);
    const statuses = new Set((route ? codesOf(route) : []).map((code) => String(ERRORS[code].httpStatus)));
    expect(Object.keys(operation.responses).toSorted()).toEqual(
      ['200', ...(route?.furtherStatuses ?? []).map(String), ...statuses].toSorted(),
    );
    expect((operation.parameters ?? []).filter(({ description }) => !description)).toEqual([]);
  });
});
