import { z } from 'zod';
import { KeelsonError } from '../../core/errors.js';
import type { ApiContext } from '../context.js';
import { changeAs } from '../change-as.js';
import { DONE, doneSchema } from '../http/done.js';
import { reasonInput, textInput } from '../http/input.js';
import { assertAccount } from '../read/accounts.js';
import { assertStrategy } from '../read/strategies.js';
import { route, type Route } from '../route.js';

const bodySchema = z.strictObject({
  account: textInput(32).describe('The account.'),
  strategy: textInput(32).describe('The strategy, by its id in the configuration.'),
  reason: reasonInput,
});

/** Whether a strategy may enter: the gate disables one that repeats itself, and only people enable it again. */
export function strategyRoutes({ database, config }: ApiContext): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/strategies/disable',
      summary: 'Lets no entry of a strategy pass any more; exits and stops go on.',
      access: 'block',
      body: bodySchema,
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INPUT_UNKNOWN_STRATEGY'],
      handle: async ({ body, caller }) => {
        await assertAccount(database, body.account);
        assertStrategy(config, body.account, body.strategy);
        await changeAs(database, 'disable_strategy', caller, body);
        return DONE;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/strategies/enable',
      summary: 'Lets a disabled strategy enter again; its entries are counted anew.',
      access: 'unblock',
      body: bodySchema,
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INPUT_NOT_DISABLED'],
      handle: async ({ body, caller }) => {
        await assertAccount(database, body.account);
        if ((await changeAs(database, 'enable_strategy', caller, body)) === 'done') return DONE;
        throw new KeelsonError('INPUT_NOT_DISABLED', { account: body.account, strategy: body.strategy });
      },
    }),
  ];
}
