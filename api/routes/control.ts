import { z } from 'zod';
import { PAUSERS, RESUMERS, type Role } from '../auth/roles.js';
import type { ApiContext } from '../context.js';
import { recordCommand } from '../control/record-command.js';
import { textInput } from '../http/input.js';
import { RequestError } from '../http/problem.js';
import { assertAccount, readAccounts } from '../read/accounts.js';
import { accountSchema } from '../read/schemas.js';
import { route, type Route } from '../route.js';

const bodySchema = z.strictObject({
  account: textInput(32).describe('The account.'),
  reason: z
    .string({ error: () => 'expected text' })
    .trim()
    .min(3, { error: () => 'expected a reason of at least 3 characters' })
    .max(500, { error: () => 'expected at most 500 characters' })
    .regex(/^[^\u0000-\u0008\u000b-\u001f\u007f]*$/, { error: () => 'expected text without control characters' })
    .describe('Why, for whoever reads the audit.'),
  commandId: z
    .uuid({ error: () => 'expected a UUID' })
    .optional()
    .describe('A name for this command; asking again under the same one changes nothing. Made by the server when left out.'),
});

const responseSchema = z.strictObject({
  commandId: z.string(),
  account: z.string(),
  mode: accountSchema.shape.mode.describe('The effective mode after the command.'),
});

export function controlRoutes(context: ApiContext): Route[] {
  const { database, control } = context;
  const command = (kind: 'pause' | 'resume', summary: string, access: readonly Role[]): Route =>
    route({
      method: 'POST',
      path: `/v1/control/${kind}`,
      summary,
      access,
      body: bodySchema,
      response: responseSchema,
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INFRA_TEMPORAL'],
      handle: async ({ body: { account, reason, commandId = context.newId() }, caller }) => {
        await assertAccount(database, account);
        const asked = { commandId, account, kind, subject: caller.subject, reason };
        // The row is the authority: it is there, under the caller's own name, before the workflow hears of it.
        if (!(await recordCommand(database, asked))) {
          throw new RequestError([{ path: 'body.commandId', message: 'belongs to another command: expected a new one' }]);
        }
        await control.execute(asked);
        const after = (await readAccounts(database)).find((row) => row.account === account);
        return { commandId, account, mode: after?.mode ?? 'paused' };
      },
    });
  return [
    command('pause', 'Stops entries and the strategies’ exits of an account; stops at the venue stay. Holds over restarts.', PAUSERS),
    command('resume', 'Lets an account trade again.', RESUMERS),
  ];
}
