import { z } from 'zod';
import type { ApiContext } from '../context.js';
import { DONE, doneSchema } from '../http/done.js';
import { limitInput, reasonInput, textInput, USUAL_LIMIT, yesNoInput } from '../http/input.js';
import { blockInstrument, closeIncident, unblockInstrument } from '../incidents/decide.js';
import { assertAccount } from '../read/accounts.js';
import { incidentSchema, readIncidents } from '../read/incidents.js';
import { assertInstrument } from '../read/instruments.js';
import { route, type Route } from '../route.js';

const incidentIdInput = textInput(18).regex(/^\d+$/, { error: () => 'expected the number of an incident' });

const blockingSchema = z.strictObject({
  account: textInput(32).describe('The account.'),
  instrument: textInput(32).describe('The instrument, such as BTC/USDT.'),
  reason: reasonInput,
});

/** What waits for a person, and what a person decides about it. */
export function incidentRoutes({ database, config }: ApiContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/incidents',
      summary: 'Incidents that are open, newest first.',
      access: 'read',
      query: z.strictObject({
        account: textInput(32).optional().describe('Only this account.'),
        incidentId: incidentIdInput.optional().describe('Only this incident, open or closed.'),
        all: yesNoInput('true: also those that are closed.'),
        limit: limitInput,
      }),
      response: z.strictObject({ incidents: z.array(incidentSchema) }),
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query: { account, incidentId, all, limit } }) => {
        await assertAccount(database, account);
        const filter = { account, incidentId, all: all === 'true' || incidentId !== undefined, limit: limit ?? USUAL_LIMIT };
        return { incidents: await readIncidents(database, filter) };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/incidents/close',
      summary: 'Closes an incident that somebody has looked into. What it blocked stays blocked.',
      access: 'closeIncident',
      body: z.strictObject({
        incidentId: incidentIdInput.describe('Its number.'),
        reason: reasonInput,
      }),
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_INCIDENT', 'INPUT_INCIDENT_UNDECIDED', 'INPUT_INCIDENT_ORDER_MISSING'],
      handle: async ({ body, caller }) => {
        await closeIncident(database, caller, body);
        return DONE;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/instruments/block',
      summary: 'Lets no entry of an instrument pass any more; exits and stops go on.',
      access: 'block',
      body: blockingSchema,
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INPUT_UNKNOWN_INSTRUMENT'],
      handle: async ({ body, caller }) => {
        await assertAccount(database, body.account);
        await assertInstrument(database, config, body.instrument);
        await blockInstrument(database, caller, body);
        return DONE;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/instruments/unblock',
      summary: 'Lets entries of an instrument pass again, whoever or whatever had blocked it; not while an order of it is unknown.',
      access: 'unblock',
      body: blockingSchema,
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INPUT_NOT_BLOCKED', 'INPUT_ORDER_UNRESOLVED'],
      handle: async ({ body, caller }) => {
        await assertAccount(database, body.account);
        await unblockInstrument(database, caller, body);
        return DONE;
      },
    }),
  ];
}
