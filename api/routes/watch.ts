import { z } from 'zod';
import type { ApiContext } from '../context.js';
import { readWatch, watchSchema } from '../read/watch.js';
import { route, type Route } from '../route.js';

/** What the account watch sees. */
export function watchRoutes({ database }: ApiContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/watch',
      summary: 'The newest sample of each account: equity, peak, drawdown, the day’s profit and loss, ages.',
      access: 'read',
      response: z.strictObject({ accounts: z.array(watchSchema) }),
      errors: [],
      handle: async () => ({ accounts: await readWatch(database) }),
    }),
  ];
}
