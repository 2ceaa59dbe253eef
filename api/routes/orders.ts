import { z } from 'zod';
import type { ApiContext } from '../context.js';
import { DONE, doneSchema } from '../http/done.js';
import { reasonInput, textInput } from '../http/input.js';
import { decideOver } from '../orders/decide.js';
import { route, type Route } from '../route.js';

/** What a person decides about an order. */
export function orderRoutes({ database }: ApiContext): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/orders/decide',
      summary:
        'Decides that an order that has been unknown for a minute, or that its venue does not show any more, rests nowhere. It is never sent again; what the venue shows of it later is booked, with an incident.',
      access: 'decideOrder',
      body: z.strictObject({ intentId: textInput(200).describe('Its intent id.'), reason: reasonInput }),
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_ORDER', 'INPUT_ORDER_SETTLED', 'INPUT_ORDER_STILL_ASKED'],
      handle: async ({ body, caller }) => {
        await decideOver(database, caller, body);
        return DONE;
      },
    }),
  ];
}
