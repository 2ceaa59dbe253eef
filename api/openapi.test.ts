import { describe, expect, test } from 'vitest';
import { ERRORS } from '../core/errors.js';
import { IDLE_CONTEXT } from '../test/support/idle-context.js';
import { apiMetrics } from './metrics.js';
import { codesOf, openApiDocument } from './openapi.js';
import { allRoutes } from './routes/all.js';
import { buildServer } from './server.js';

const routes = allRoutes(IDLE_CONTEXT);

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
    const server = buildServer(IDLE_CONTEXT, apiMetrics(IDLE_CONTEXT.database, { ofProcess: false }));
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
    const server = buildServer(IDLE_CONTEXT, apiMetrics(IDLE_CONTEXT.database, { ofProcess: false }));
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
