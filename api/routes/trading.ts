import { z } from 'zod';
import type { ApiContext } from '../context.js';
import { limitInput, textInput, USUAL_LIMIT, wholeInput, yesNoInput } from '../http/input.js';
import { assertAccount } from '../read/accounts.js';
import { assertInstrument } from '../read/instruments.js';
import { readEquity, readEventKinds, readEvents } from '../read/events.js';
import { readFills, readOrders } from '../read/orders.js';
import { readPositions } from '../read/positions.js';
import { eventSchema, fillSchema, orderSchema, positionSchema, signalSchema, snapshotSchema } from '../read/schemas.js';
import { readSignals } from '../read/signals.js';
import { route, type Route } from '../route.js';

const account = textInput(32).optional().describe('Only this account.');
const instrument = textInput(32).optional().describe('Only this instrument, such as BTC/USDT.');
/** Orders, fills, positions, signals, events and equity: what has happened. */
export function tradingRoutes({ database, config }: ApiContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/orders',
      summary: 'Orders, newest first.',
      access: 'read',
      query: z.strictObject({
        account,
        instrument,
        open: yesNoInput('true: only orders that are not final yet.'),
        before: textInput(200).optional().describe('Intent id of the last order seen: the next page.'),
        limit: limitInput,
      }),
      response: z.strictObject({ orders: z.array(orderSchema) }),
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INPUT_UNKNOWN_INSTRUMENT'],
      handle: async ({ query }) => {
        await assertAccount(database, query.account);
        await assertInstrument(database, config, query.instrument);
        return { orders: await readOrders(database, { ...query, open: query.open === 'true', limit: query.limit ?? USUAL_LIMIT }) };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/fills',
      summary: 'Fills, newest first.',
      access: 'read',
      query: z.strictObject({ account, intentId: textInput(200).optional().describe('Only fills of this order.'), limit: limitInput }),
      response: z.strictObject({ fills: z.array(fillSchema) }),
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query }) => {
        await assertAccount(database, query.account);
        return { fills: await readFills(database, { ...query, limit: query.limit ?? USUAL_LIMIT }) };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/positions',
      summary: 'Positions of the strategies, with their mark.',
      access: 'read',
      query: z.strictObject({ account, flat: yesNoInput('true: also positions that are flat.') }),
      response: z.strictObject({ positions: z.array(positionSchema) }),
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query }) => {
        await assertAccount(database, query.account);
        return { positions: await readPositions(database, { account: query.account, flat: query.flat === 'true' }) };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/signals',
      summary: 'Signals, newest first: features, score, threshold, and why one was not traded.',
      access: 'read',
      query: z.strictObject({ account, instrument, limit: limitInput }),
      response: z.strictObject({ signals: z.array(signalSchema) }),
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INPUT_UNKNOWN_INSTRUMENT'],
      handle: async ({ query }) => {
        await assertAccount(database, query.account);
        await assertInstrument(database, config, query.instrument);
        return { signals: await readSignals(database, { ...query, limit: query.limit ?? USUAL_LIMIT }) };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/events',
      summary: 'The audit, oldest first: what happened after an event.',
      access: 'read',
      query: z.strictObject({
        after: z
          .string({ error: () => 'expected an event id' })
          .regex(/^\d{1,18}$/, { error: () => 'expected an event id: digits' })
          .optional()
          .describe('Id of the last event seen; the beginning when left out.'),
        latest: yesNoInput('true: the last ones, where there are more than the limit; still oldest first.'),
        account,
        kind: textInput(64).optional().describe('Only this kind, such as order.filled.'),
        limit: limitInput,
      }),
      response: z.strictObject({
        events: z.array(eventSchema),
        kinds: z
          .array(z.string())
          .optional()
          .describe('Where nothing of the kind that was asked for is there: the kinds of the newest 10,000 events.'),
      }),
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query }) => {
        await assertAccount(database, query.account);
        const events = await readEvents(database, {
          ...query,
          after: query.after ?? '0',
          latest: query.latest === 'true',
          limit: query.limit ?? USUAL_LIMIT,
        });
        // Who mistypes a kind must not believe that nothing of it has happened.
        const isInVain = query.kind !== undefined && events.length === 0;
        return { events, ...(isInVain ? { kinds: await readEventKinds(database) } : {}) };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/equity',
      summary: 'Snapshots of equity, oldest first; the latest when there are more than the limit.',
      access: 'read',
      query: z.strictObject({
        account,
        since: wholeInput(0, 8_640_000_000_000).optional().describe('Only snapshots taken since, epoch ms.'),
        limit: limitInput,
      }),
      response: z.strictObject({ snapshots: z.array(snapshotSchema) }),
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query }) => {
        await assertAccount(database, query.account);
        return { snapshots: await readEquity(database, { ...query, limit: query.limit ?? USUAL_LIMIT }) };
      },
    }),
  ];
}
