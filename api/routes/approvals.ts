import { z } from 'zod';
import type { ErrorCode } from '../../core/errors.js';
import type { Decision } from '../../core/people/approvals.js';
import type { ApiContext } from '../context.js';
import { carryOutRearm } from '../halts/rearm.js';
import { idInput, limitInput, reasonInput, USUAL_LIMIT } from '../http/input.js';
import { applyLimitRequest, LIMIT_ACTIONS } from '../limits/second-person.js';
import { decide } from '../people/decide.js';
import { readAccounts } from '../read/accounts.js';
import { approvalRequestSchema, readApprovals, type ApprovalRequest } from '../read/approvals.js';
import { inForceSchema } from '../read/schemas.js';
import { route, type Route } from '../route.js';

const bodySchema = z.strictObject({
  requestId: idInput.describe('The request.'),
  payloadHash: z
    .string({ error: () => 'expected text' })
    .regex(/^[0-9a-f]{64}$/, { error: () => 'expected the 64 hexadecimal digits of the request' })
    .describe('`payloadHash` of the request as it was looked at.'),
  reason: reasonInput,
});

const decidedSchema = approvalRequestSchema.extend({
  inForce: inForceSchema
    .nullable()
    .describe('Of a resume that was carried out: what came of it. Under a halt nothing goes on, whatever the mode.'),
});

/** What one person asked for and another decides. */
export function approvalRoutes(context: ApiContext): Route[] {
  const { database, control } = context;
  const one = async (requestId: string): Promise<ApprovalRequest> => {
    const [request] = await readApprovals(database, { requestId, limit: 1 });
    if (request === undefined) throw new Error(`request ${requestId} was decided and is not there`);
    return request;
  };
  const decision = (decided: Decision, path: string, summary: string, errors: readonly ErrorCode[]): Route =>
    route({
      method: 'POST',
      path,
      summary,
      access: 'decideApproval',
      body: bodySchema,
      response: decidedSchema,
      errors: ['INPUT_UNKNOWN_REQUEST', 'AUTH_OWN_REQUEST', 'AUTH_APPROVAL_CLOSED', ...errors],
      handle: async ({ body, caller }) => {
        await decide(database, caller, decided, body);
        const request = await one(body.requestId);
        // Its asker has asked for nothing more than this: it is carried out as that person's command, of which there is a row.
        if (decided === 'approved' && request.action === 'resume' && request.account !== null) {
          // A change of mode that needs two people is asked for as a resume, too; its row says which it is.
          const { rows } = await database.query<{ kind: 'resume' | 'mode' }>('select kind from commands where command_id = $1', [
            request.requestId,
          ]);
          await control.execute({ commandId: request.requestId, account: request.account, kind: rows[0]?.kind ?? 'resume' });
        }
        if (decided === 'approved' && LIMIT_ACTIONS.includes(request.action)) await applyLimitRequest(database, request.requestId);
        if (decided === 'approved' && request.action === 'rearm') {
          await carryOutRearm(context, request.requestId, `keelson approvals approve ${request.requestId} --reason …`);
        }
        if (request.action === 'runbook') await control.runbookDecided(request.requestId);
        const after = await one(body.requestId);
        const isResumed = after.action === 'resume' && after.state === 'used';
        const account = isResumed ? (await readAccounts(database)).find((row) => row.account === after.account) : undefined;
        return { ...after, inForce: account === undefined ? null : { mode: account.mode, latches: account.latches } };
      },
    });
  return [
    route({
      method: 'GET',
      path: '/v1/approvals',
      summary: 'What needs, or needed, a second person, newest first.',
      access: 'read',
      query: z.strictObject({ requestId: idInput.optional().describe('Only this request.'), limit: limitInput }),
      response: z.strictObject({ requests: z.array(approvalRequestSchema) }),
      errors: [],
      handle: async ({ query }) => ({ requests: await readApprovals(database, { ...query, limit: query.limit ?? USUAL_LIMIT }) }),
    }),
    decision('approved', '/v1/approvals/approve', 'Approves another person’s request, which is then carried out.', [
      'INFRA_TEMPORAL',
      'HALT_NOT_CLEAN',
      'INPUT_MODE_MOVED',
      'RISK_NOT_RECONCILED',
      'RISK_DAILY_LOSS',
    ]),
    decision('refused', '/v1/approvals/refuse', 'Refuses another person’s request, for ever.', []),
  ];
}
