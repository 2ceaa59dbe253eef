import { z } from 'zod';
import { ALERT_SEVERITIES } from '../../core/alerts/severity.js';
import { KeelsonError } from '../../core/errors.js';
import { changeAs } from '../change-as.js';
import type { ApiContext } from '../context.js';
import { DONE, doneSchema } from '../http/done.js';
import { limitInput, reasonInput, textInput, USUAL_LIMIT, yesNoInput } from '../http/input.js';
import { assertAccount } from '../read/accounts.js';
import { alertSchema, readAlerts } from '../read/alerts.js';
import { route, type Route } from '../route.js';

/** What people are told, and that one of them has seen it. */
export function alertRoutes({ database, newId }: ApiContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/alerts',
      summary: 'Alerts that nobody has acknowledged, newest first, with what became of their deliveries.',
      access: 'read',
      query: z.strictObject({
        account: textInput(32).optional().describe('Only this account.'),
        all: yesNoInput('true: also those that are acknowledged, and what needs no answer.'),
        limit: limitInput,
      }),
      response: z.strictObject({ alerts: z.array(alertSchema) }),
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query: { account, all, limit } }) => {
        await assertAccount(database, account);
        return { alerts: await readAlerts(database, { account, all: all === 'true', limit: limit ?? USUAL_LIMIT }) };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/alerts/acknowledge',
      summary: 'Says that somebody has seen an alert: nobody is told of it any more.',
      access: 'acknowledgeAlert',
      body: z.strictObject({
        alertId: textInput(18)
          .regex(/^\d+$/, { error: () => 'expected the number of an alert' })
          .describe('Its number.'),
        reason: reasonInput,
      }),
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_ALERT'],
      handle: async ({ body, caller }) => {
        const answer = await changeAs(database, 'acknowledge_alert', caller, body);
        if (answer === 'unknown') throw new KeelsonError('INPUT_UNKNOWN_ALERT', { alert: body.alertId });
        return DONE;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/alerts/test',
      summary: 'Raises an alert that means nothing, to see whether it arrives.',
      access: 'testAlert',
      body: z.strictObject({
        severity: z.enum(ALERT_SEVERITIES).describe('How bad it claims to be: that decides over which channels it goes.'),
      }),
      response: z.strictObject({ alertId: z.string() }),
      errors: [],
      handle: async ({ body: { severity }, caller }) => {
        const summary = `A test, asked for by ${caller.subject}: nothing is wrong.`;
        const alertId = await changeAs(database, 'raise_alert', caller, { key: `test:${newId()}`, kind: 'test', severity, summary });
        return { alertId };
      },
    }),
  ];
}
