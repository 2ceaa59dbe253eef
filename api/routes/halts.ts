import { z } from 'zod';
import { paperAccounts } from '../../config/index.js';
import type { ApiContext } from '../context.js';
import { askRearm, carryOutRearm } from '../halts/rearm.js';
import { haltScope } from '../halts/scope.js';
import { idInput, reasonInput, textInput } from '../http/input.js';
import { haltSchema, readHalts } from '../read/halts.js';
import { DONE, doneSchema } from '../http/done.js';
import { route, type Route } from '../route.js';

/** Halts: anybody who trades or watches may call one, two people end it. */
export function haltRoutes(context: ApiContext): Route[] {
  const { database, halts, config } = context;
  return [
    route({
      method: 'POST',
      path: '/v1/halt',
      summary:
        'Halts at once: when it answers, no order begins to be sent in the scope. What is open is canceled; what is held stays with its stops, or leaves. Stays halted until two people re-arm it.',
      access: 'halt',
      body: z.strictObject({
        scope: z
          .enum(['strategy', 'instrument', 'venue', 'account', 'everything'], {
            error: () => 'expected strategy, instrument, venue, account or everything',
          })
          .describe('What is halted.'),
        target: textInput(64).optional().describe('Its name; left out for everything.'),
        account: textInput(32).optional().describe('For a strategy or an instrument: only in this account; in all when left out.'),
        flatten: z
          .enum(['none', 'atOnce'], { error: () => 'expected none or atOnce' })
          .default('none')
          .describe('none: what is held stays with its stops. atOnce: it is sold.'),
        drill: z
          .boolean({ error: () => 'expected true or false' })
          .default(false)
          .describe('Refused where real money is, and where no account has anything of what is named.'),
        reason: reasonInput,
      }),
      response: z.strictObject({
        latchId: z.string(),
        isNew: z.boolean().describe('false: a halt of this scope stood already; it is kept, and at most made stricter.'),
        policy: z.enum(['none', 'atOnce']),
        accounts: z
          .array(z.string())
          .describe('The accounts that it is about, whole or in part. Empty: nothing is halted, the latch waits for what comes under it.'),
        known: z
          .array(z.string())
          .nullable()
          .describe(
            'Null: some account trades or holds anything of what is named. Else none does, nothing is halted, and these are the names of which one does.',
          ),
      }),
      errors: ['INFRA_DATABASE', 'INPUT_DRILL_NOT_ON_PAPER', 'INPUT_DRILL_OF_NOTHING'],
      handle: async ({ body: { flatten, drill, reason, ...what }, caller: { subject, keyId } }) => {
        const scope = haltScope(what);
        const cause = { subject, underKey: keyId, reason: drill ? `drill: ${reason}` : reason, policy: flatten };
        // Straight to the database: neither Temporal nor a worker is asked (P25).
        const engaged = await (drill ? halts.drill(scope, cause, paperAccounts(config)) : halts.latch(scope, cause));
        const { latchId, isNew, policy, accounts, known } = engaged;
        return { latchId, isNew, policy, accounts: [...accounts], known: known && [...known] };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/halts',
      summary: 'Halts that stand, and exactly what of them is not verified yet.',
      access: 'read',
      response: z.strictObject({ halts: z.array(haltSchema) }),
      errors: [],
      handle: async () => ({ halts: await readHalts(database) }),
    }),
    route({
      method: 'POST',
      path: '/v1/rearm',
      summary: 'Asks to end a halt, which always waits for another person; or, under the id of an approved request, tries again to end it.',
      access: 'rearm',
      body: z.strictObject({
        latchId: idInput.optional().describe('The halt; left out with the id of a request that was made before.'),
        requestId: idInput.optional().describe('A name for this request. Made by the server when left out.'),
        incidents: z
          .array(z.string({ error: () => 'expected text' }).regex(/^\d{1,18}$/, { error: () => 'expected the number of an incident' }), {
            error: () => 'expected a list of numbers of incidents',
          })
          .max(100, { error: () => 'expected at most 100' })
          .default([])
          .describe('Open incidents that are known and may stay open.'),
        reason: reasonInput,
      }),
      response: doneSchema,
      errors: [
        'INPUT_UNKNOWN_HALT',
        'INPUT_UNKNOWN_REQUEST',
        'AUTH_APPROVAL_NEEDED',
        'AUTH_APPROVAL_CLOSED',
        'HALT_NOT_CLEAN',
        'INFRA_TEMPORAL',
      ],
      handle: async ({ body: { latchId = null, requestId = context.newId(), incidents, reason }, caller }) => {
        await askRearm(database, caller, { requestId, latchId, reason, incidents });
        await carryOutRearm(context, requestId, `keelson rearm --request ${requestId} --reason …`);
        return DONE;
      },
    }),
  ];
}
