import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../core/errors.js';
import { ACTIONS } from '../core/people/actions.js';
import { PROBLEM_TYPE, problemSchema } from './http/problem.js';
import type { Route } from './route.js';

type Json = Record<string, unknown>;

const EVERY_ROUTE: readonly ErrorCode[] = ['AUTH_ORIGIN', 'INTERNAL'];
const WITH_KEY: readonly ErrorCode[] = ['AUTH_MISSING', 'AUTH_INVALID', 'AUTH_FORBIDDEN', 'AUTH_RATE_LIMITED', 'INFRA_DATABASE'];

/** The codes that a route can answer with. */
export function codesOf(route: Route): ErrorCode[] {
  const input: ErrorCode[] = route.query || route.body ? ['INPUT_INVALID'] : [];
  return [...input, ...route.errors, ...(route.access === 'everyone' ? [] : WITH_KEY), ...EVERY_ROUTE];
}

/** The OpenAPI 3.1 document of these routes. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Keelson', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key; it belongs to a person with roles.' } },
      schemas: { Problem: { ...jsonSchema(problemSchema, 'output'), description: 'RFC 9457.' }, ErrorCode: { enum: Object.keys(ERRORS) } },
    },
  };
}

function operation(route: Route): Json {
  const query = route.query ? (jsonSchema(route.query, 'input') as { properties?: Record<string, Json>; required?: string[] }) : {};
  const parameters = Object.entries(query.properties ?? {}).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: query.required?.includes(name) ?? false,
    ...(description === undefined ? {} : { description }),
    schema,
  }));
  const content = { [route.contentType?.split(';')[0] ?? 'application/json']: { schema: jsonSchema(route.response, 'output') } };
  const further = (route.furtherStatuses ?? []).map(
    (status) => [String(status), { description: 'The same, and not well.', content }] as const,
  );
  return {
    operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[/.](\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary: route.summary,
    ...(route.access === 'everyone' ? { security: [] } : { security: [{ key: [] }], 'x-roles': ACTIONS[route.access] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body
      ? { requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(route.body, 'input') } } } }
      : {}),
    responses: {
      '200': { description: 'Done.', content },
      ...Object.fromEntries(further),
      ...problems(route),
    },
  };
}

function problems(route: Route): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codesOf(route)) byStatus.set(ERRORS[code].httpStatus, [...(byStatus.get(ERRORS[code].httpStatus) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.join(', '),
        content: {
          [PROBLEM_TYPE]: { schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: codes } } }] } },
        },
      },
    ]),
  );
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
