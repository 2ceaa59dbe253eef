import { z } from 'zod';
import type { ApiContext } from '../context.js';
import { route, type Route } from '../route.js';

const PROBE_LIMIT_MS = 3_000;

const part = z.enum(['up', 'down']);

export function healthRoutes({ database, control, metrics, logger, version }: ApiContext): Route[] {
  const isUp = async (name: string, probe: () => Promise<unknown>): Promise<'up' | 'down'> => {
    try {
      await within(PROBE_LIMIT_MS, probe());
      return 'up';
    } catch (error) {
      logger.warn({ part: name, err: error }, 'a readiness probe failed');
      return 'down';
    }
  };
  return [
    route({
      method: 'GET',
      path: '/',
      summary: 'What answers here, and where to go on.',
      access: 'everyone',
      response: z.strictObject({
        name: z.literal('keelson'),
        version: z.string(),
        links: z.strictObject({ live: z.string(), ready: z.string(), status: z.string(), openapi: z.string() }),
      }),
      errors: [],
      handle: () =>
        Promise.resolve({
          name: 'keelson' as const,
          version,
          links: { live: '/livez', ready: '/readyz', status: '/v1/status', openapi: '/openapi.json' },
        }),
    }),
    route({
      method: 'GET',
      path: '/livez',
      summary: 'Whether this process answers.',
      access: 'everyone',
      response: z.strictObject({ status: z.literal('up') }),
      errors: [],
      handle: () => Promise.resolve({ status: 'up' as const }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      summary: 'Whether the API can do its work: Postgres and Temporal answer. 503 when one does not.',
      access: 'everyone',
      response: z.strictObject({ status: part, postgres: part, temporal: part }),
      furtherStatuses: [503],
      statusOf: ({ status }) => (status === 'up' ? 200 : 503),
      errors: [],
      handle: async () => {
        const [postgres, temporal] = await Promise.all([
          isUp('postgres', () => database.query('select 1')),
          isUp('temporal', () => control.check()),
        ]);
        return { status: postgres === 'up' && temporal === 'up' ? ('up' as const) : ('down' as const), postgres, temporal };
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      summary: 'Prometheus metrics of this process. A key is asked for: they show what is traded.',
      access: 'read',
      response: z.string(),
      contentType: metrics.contentType,
      errors: [],
      handle: () => metrics.metrics(),
    }),
  ];
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
