import { z } from 'zod';
import { loosens } from '../../core/control/mode.js';
import { pauseHolds } from '../../core/people/approvals.js';
import type { ErrorCode } from '../../core/errors.js';
import { assertMay } from '../auth/caller.js';
import type { ApiContext } from '../context.js';
import { recordCommand } from '../control/record-command.js';
import { assertSeen } from '../control/seen-version.js';
import { assertNotAlone } from '../control/second-person.js';
import { idInput, reasonInput, textInput } from '../http/input.js';
import { RequestError } from '../http/problem.js';
import { assertAccount, readAccounts } from '../read/accounts.js';
import { inForceSchema } from '../read/schemas.js';
import { route, type Route } from '../route.js';

const bodySchema = z.strictObject({
  account: textInput(32).describe('The account.'),
  reason: reasonInput,
  commandId: idInput
    .optional()
    .describe('A name for this command; asking again under the same one changes nothing. Made by the server when left out.'),
});

const versionInput = z.int({ error: () => 'expected a whole number' }).positive({ error: () => 'expected a version' });
/** Nothing holds a pause up by itself; to start again is decided on what was seen. */
const SEEN = {
  pause: 'Only if the account is still as it was seen: its `controlVersion`. Left out, the account is paused whatever it is by now.',
  resume:
    '`controlVersion` of the account as it was seen. Of a `commandId` that is told again the first one counts, and it may be left out.',
} as const;

const responseSchema = z.strictObject({ commandId: z.string(), account: z.string(), ...inForceSchema.shape });

export function controlRoutes(context: ApiContext): Route[] {
  const { database, control } = context;
  const command = (kind: 'pause' | 'resume', summary: string, errors: readonly ErrorCode[]): Route =>
    route({
      method: 'POST',
      path: `/v1/control/${kind}`,
      summary,
      access: kind,
      body: bodySchema.extend({ expectedVersion: versionInput.optional().describe(SEEN[kind]) }),
      response: responseSchema,
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INFRA_TEMPORAL', 'INPUT_MODE_MOVED', ...errors],
      handle: async ({ body: { account, reason, expectedVersion, commandId = context.newId() }, caller: { subject, keyId, roles } }) => {
        await assertAccount(database, account);
        const { isRepeated } = await assertSeen(database, { commandId, account, expectedVersion });
        if (kind === 'resume' && expectedVersion === undefined && !isRepeated) {
          const message = 'expected the version that the resume is decided on: controlVersion in GET /v1/status, or keelson status';
          throw new RequestError([{ path: 'body.expectedVersion', message }]);
        }
        const decided = { commandId, account, kind, subject, keyId, reason, holds: kind === 'pause' && pauseHolds(roles) };
        const asked = { ...decided, ...(expectedVersion === undefined ? {} : { expectedVersion }) };
        // The row is the authority: it is there, under the caller's own name and key, before the workflow hears of it.
        if (!(await recordCommand(database, asked))) {
          throw new RequestError([{ path: 'body.commandId', message: 'belongs to another command: expected a new one' }]);
        }
        if (kind === 'resume') await assertNotAlone(database, asked);
        await control.execute(asked);
        const after = (await readAccounts(database)).find((row) => row.account === account);
        return { commandId, account, mode: after?.mode ?? 'paused', latches: after?.latches ?? [] };
      },
    });
  const setMode = route({
    method: 'POST',
    path: '/v1/control/mode',
    summary: 'Changes the mode of an account, where it still is what the caller saw. To let it do more is held to the rules of a resume.',
    access: 'pause',
    body: bodySchema.extend({
      mode: z
        .enum(['normal', 'observation', 'reduceOnly', 'paused'], { error: () => 'expected normal, observation, reduceOnly or paused' })
        .describe('The mode.'),
      expectedVersion: versionInput.describe('`controlVersion` of the account as it was seen.'),
    }),
    response: responseSchema,
    errors: [
      'INPUT_UNKNOWN_ACCOUNT',
      'INFRA_TEMPORAL',
      'INPUT_MODE_MOVED',
      'AUTH_APPROVAL_NEEDED',
      'AUTH_APPROVAL_CLOSED',
      'RISK_NOT_RECONCILED',
      'RISK_DAILY_LOSS',
    ],
    handle: async ({ body: { account, reason, mode, expectedVersion, commandId = context.newId() }, caller }) => {
      await assertAccount(database, account);
      const { subject, keyId, roles } = caller;
      const now = await assertSeen(database, { commandId, account, expectedVersion });
      const isLooser = loosens(now.mode, mode);
      if (isLooser) assertMay(caller, 'resume');
      const asked = { commandId, account, kind: 'mode' as const, subject, keyId, reason, holds: pauseHolds(roles), mode, expectedVersion };
      if (!(await recordCommand(database, asked))) {
        throw new RequestError([{ path: 'body.commandId', message: 'belongs to another command: expected a new one' }]);
      }
      if (isLooser) await assertNotAlone(database, asked);
      await control.execute(asked);
      const after = (await readAccounts(database)).find((row) => row.account === account);
      return { commandId, account, mode: after?.mode ?? mode, latches: after?.latches ?? [] };
    },
  });
  return [
    setMode,
    command('pause', 'Stops entries and the strategies’ exits of an account; stops at the venue stay. Holds over restarts.', []),
    command(
      'resume',
      'Lets an account trade again, where it still is what the caller saw. After a pause by a risk officer it waits for the approval of another person.',
      ['AUTH_APPROVAL_NEEDED', 'AUTH_APPROVAL_CLOSED', 'RISK_NOT_RECONCILED', 'RISK_DAILY_LOSS'],
    ),
  ];
}
