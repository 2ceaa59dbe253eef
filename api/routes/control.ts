import { z } from 'zod';
import { pauseHolds } from '../../core/people/approvals.js';
import type { ErrorCode } from '../../core/errors.js';
import type { ApiContext } from '../context.js';
import { recordCommand } from '../control/record-command.js';
import { assertNotAlone } from '../control/second-person.js';
import { idInput, reasonInput, textInput } from '../http/input.js';
import { RequestError } from '../http/problem.js';
import { assertAccount, readAccounts } from '../read/accounts.js';
import { accountSchema } from '../read/schemas.js';
import { route, type Route } from '../route.js';

const bodySchema = z.strictObject({
  account: textInput(32).describe('The account.'),
  reason: reasonInput,
  commandId: idInput
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
  const command = (kind: 'pause' | 'resume', summary: string, errors: readonly ErrorCode[]): Route =>
    route({
      method: 'POST',
      path: `/v1/control/${kind}`,
      summary,
      access: kind,
      body: bodySchema,
      response: responseSchema,
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INFRA_TEMPORAL', ...errors],
      handle: async ({ body: { account, reason, commandId = context.newId() }, caller: { subject, keyId, roles } }) => {
        await assertAccount(database, account);
        const asked = { commandId, account, kind, subject, keyId, reason, holds: kind === 'pause' && pauseHolds(roles) };
        // The row is the authority: it is there, under the caller's own name and key, before the workflow hears of it.
        if (!(await recordCommand(database, asked))) {
          throw new RequestError([{ path: 'body.commandId', message: 'belongs to another command: expected a new one' }]);
        }
        if (kind === 'resume') await assertNotAlone(database, asked);
        await control.execute(asked);
        const after = (await readAccounts(database)).find((row) => row.account === account);
        return { commandId, account, mode: after?.mode ?? 'paused' };
      },
    });
  return [
    command('pause', 'Stops entries and the strategies’ exits of an account; stops at the venue stay. Holds over restarts.', []),
    command('resume', 'Lets an account trade again. After a pause by a risk officer it waits for the approval of another person.', [
      'AUTH_APPROVAL_NEEDED',
      'AUTH_APPROVAL_CLOSED',
    ]),
  ];
}
