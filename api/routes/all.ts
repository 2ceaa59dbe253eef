import { z } from 'zod';
import type { ApiContext } from '../context.js';
import { openApiDocument } from '../openapi.js';
import { route, type Route } from '../route.js';
import { alertRoutes } from './alerts.js';
import { approvalRoutes } from './approvals.js';
import { controlRoutes } from './control.js';
import { haltRoutes } from './halts.js';
import { healthRoutes } from './health.js';
import { incidentRoutes } from './incidents.js';
import { orderRoutes } from './orders.js';
import { ledgerRoutes } from './ledger.js';
import { limitRoutes } from './limits.js';
import { peopleRoutes } from './people.js';
import { runbookRoutes } from './runbooks.js';
import { calendarRoutes } from './calendar.js';
import { scheduleRoutes } from './schedules.js';
import { reconciliationRoutes } from './reconciliations.js';
import { statusRoutes } from './status.js';
import { strategyRoutes } from './strategies.js';
import { tradingRoutes } from './trading.js';
import { watchRoutes } from './watch.js';

/** Every route of the API, the description of themselves included. */
export function allRoutes(context: ApiContext): Route[] {
  const routes = [
    ...healthRoutes(context),
    ...statusRoutes(context),
    ...controlRoutes(context),
    ...haltRoutes(context),
    ...approvalRoutes(context),
    ...tradingRoutes(context),
    ...ledgerRoutes(context),
    ...orderRoutes(context),
    ...incidentRoutes(context),
    ...reconciliationRoutes(context),
    ...limitRoutes(context),
    ...strategyRoutes(context),
    ...alertRoutes(context),
    ...watchRoutes(context),
    ...runbookRoutes(context),
    ...scheduleRoutes(context),
    ...calendarRoutes(context),
    ...peopleRoutes(context),
  ];
  const description = route({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This description of the API.',
    access: 'everyone',
    response: z.record(z.string(), z.unknown()),
    errors: [],
    handle: () => Promise.resolve(document),
  });
  const list = [...routes, description];
  const document = openApiDocument(list, context.version);
  return list;
}
