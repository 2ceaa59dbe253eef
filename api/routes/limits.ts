import { z } from 'zod';
import { isLimitScope, isLimitValue, limitValueText, warningOf, type LimitScope } from '../../core/risk/limit-rows.js';
import { LIMIT_KEYS, ROW_KEYS, type RowKey } from '../../core/risk/limit-table.js';
import type { ApiContext } from '../context.js';
import { DONE, doneSchema } from '../http/done.js';
import { idInput, limitInput, reasonInput, textInput, USUAL_LIMIT } from '../http/input.js';
import { RequestError } from '../http/problem.js';
import { endOverride, overrideLimit, setLimit } from '../limits/change.js';
import { assertAccount } from '../read/accounts.js';
import { assertInstrument } from '../read/instruments.js';
import {
  endedOverridesSchema,
  limitRowSchema,
  overrideSchema,
  readLimit,
  readLimits,
  readOverrides,
  type ReachedOverride,
} from '../read/limits.js';
import { assertStrategy } from '../read/strategies.js';
import { route, type Route } from '../route.js';

const LONGEST_OVERRIDE_MINUTES = 1_440;

const listQuery = z.strictObject({ account: textInput(32).optional().describe('Only what binds this account.'), limit: limitInput });
const listSchema = z.strictObject({ limits: z.array(limitRowSchema), overrides: z.array(overrideSchema) });
const keyInput = <Key extends string>(keys: readonly Key[], meaning: string) =>
  z.enum(keys as readonly [Key, ...Key[]], { error: () => `expected one of ${keys.join(', ')}` }).describe(meaning);
const VALUE = 'Its value as text: a decimal, a whole number, hours, or none and atOnce of a policy.';
const valueInput = textInput(300).describe(VALUE);
const commandIdInput = idInput
  .optional()
  .describe('A name for this change; the request for a second person has it. Made by the server when left out.');

/** Looked at with all else: whoever mistypes two things is told of both at once. */
const withValue = <Shape extends { limit: z.ZodType; value: z.ZodType }>(shape: Shape) =>
  z.strictObject(shape).refine((body) => isValueOfItsLimit(body), {
    path: ['value'],
    when: () => true,
    error: ({ input }) => {
      const { limit } = limitOf(input);
      return limit === undefined ? undefined : `expected ${limitValueText(limit)}, as ${limit} is`;
    },
  });

const limitOf = (body: unknown): { readonly limit?: RowKey; readonly value?: unknown } => {
  const { limit, value } = { ...(body as { readonly limit?: unknown; readonly value?: unknown } | null) };
  const key = ROW_KEYS.find((one) => one === limit);
  return key === undefined ? {} : { limit: key, value };
};

/** What is no text, and of which limit is not known, is told by the schema of the field. */
function isValueOfItsLimit(body: unknown): boolean {
  const { limit, value } = limitOf(body);
  return limit === undefined || typeof value !== 'string' || isLimitValue(limit, value);
}

const placeSchema = {
  scope: z
    .enum(['account', 'venue', 'strategy', 'instrument'], { error: () => 'expected account, venue, strategy or instrument' })
    .describe('Whose orders it binds. The strictest of all that bind an order holds.'),
  scopeValue: textInput(32).describe('Which account, venue, strategy or instrument.'),
  account: textInput(32).optional().describe('Of strategy and instrument: whose.'),
};

/** Limits as people set them, and what two of them let pass for a time. */
export function limitRoutes({ database, config, newId }: ApiContext): Route[] {
  const list = (path: string, summary: string, isHistory: boolean): Route =>
    route({
      method: 'GET',
      path,
      summary,
      access: 'read',
      query: listQuery,
      response: listSchema,
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query: { account, limit = USUAL_LIMIT } }) => {
        await assertAccount(database, account);
        const filter = { account, isHistory, limit };
        const [limits, overrides] = await Promise.all([readLimits(database, filter), readOverrides(database, filter)]);
        return { limits, overrides };
      },
    });
  return [
    list('/v1/limits', 'Limits in force with who set them, and overrides that stand.', false),
    list('/v1/limits/history', 'Every change of limits and every override, newest first.', true),
    route({
      method: 'POST',
      path: '/v1/limits',
      summary:
        'Sets a limit. What tightens is in force at once, and ends the overrides that let more pass; what loosens waits for the approval of another person.',
      access: 'changeLimits',
      body: withValue({
        ...placeSchema,
        limit: keyInput(ROW_KEYS, 'Which limit: docs/reference/risk-checks.md lists them.'),
        value: valueInput.nullable().describe(`${VALUE} null takes the limit away.`),
        reason: reasonInput,
        commandId: commandIdInput,
      }),
      response: doneSchema.extend({
        warning: z.string().nullable().describe('What has come of it that is easily overlooked; null: nothing.'),
        endedOverrides: endedOverridesSchema,
      }),
      errors: [
        'INPUT_UNKNOWN_ACCOUNT',
        'INPUT_UNKNOWN_PLACE',
        'INPUT_UNKNOWN_INSTRUMENT',
        'INPUT_UNKNOWN_STRATEGY',
        'AUTH_APPROVAL_NEEDED',
        'AUTH_APPROVAL_CLOSED',
        'RISK_CONTENTION',
      ],
      handle: async ({ body: { scope, scopeValue, account, limit: key, value, reason, commandId = newId() }, caller }) => {
        assertScope(key, scope);
        const isWithin = scope === 'strategy' || scope === 'instrument';
        if (isWithin !== (account !== undefined)) {
          const message = isWithin ? 'is missing: expected the account whose it is' : 'is for scope strategy and instrument only';
          throw new RequestError([{ path: 'body.account', message }]);
        }
        const owner = scope === 'account' ? scopeValue : account;
        await assertAccount(database, owner);
        if (scope === 'instrument') await assertInstrument(database, config, scopeValue);
        const place = { scope, scopeValue, ...(owner === undefined ? {} : { account: owner }) };
        // What was set for a strategy that has left the configuration since can be taken away.
        const takesAway = async (): Promise<boolean> => value === null && (await readLimit(database, { ...place, key })).value !== null;
        if (scope === 'strategy' && account !== undefined && !(await takesAway())) assertStrategy(config, account, scopeValue);
        const { ended, standing } = await setLimit(database, caller, { ...place, key, value, reason, commandId });
        return { ...DONE, warning: warningOf(key, place, value) ?? standingText(standing), endedOverrides: [...ended] };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/limits/override',
      summary: 'Asks to let more than a limit pass for a time, in one instrument: another person has to approve it.',
      access: 'askOverride',
      body: withValue({
        account: textInput(32).describe('The account.'),
        instrument: textInput(32).describe('The instrument, such as BTC/USDT.'),
        strategy: textInput(32).optional().describe('Only this strategy; any when left out.'),
        limit: keyInput(LIMIT_KEYS, 'Which limit of the gate: docs/reference/risk-checks.md lists them.'),
        value: valueInput,
        isForOneOrder: z
          .boolean({ error: () => 'expected true or false' })
          .default(true)
          .describe('true: used up by the first order that needs it.'),
        minutes: z
          .int({ error: () => `expected a whole number from 1 to ${LONGEST_OVERRIDE_MINUTES}` })
          .min(1, { error: () => `expected a whole number from 1 to ${LONGEST_OVERRIDE_MINUTES}` })
          .max(LONGEST_OVERRIDE_MINUTES, { error: () => `expected a whole number from 1 to ${LONGEST_OVERRIDE_MINUTES}` })
          .describe('For how long from its approval on.'),
        reason: reasonInput,
        commandId: commandIdInput,
      }),
      response: doneSchema,
      errors: [
        'INPUT_UNKNOWN_ACCOUNT',
        'INPUT_UNKNOWN_INSTRUMENT',
        'INPUT_UNKNOWN_STRATEGY',
        'AUTH_APPROVAL_NEEDED',
        'AUTH_APPROVAL_CLOSED',
      ],
      handle: async ({ body: { limit: key, minutes, strategy = null, commandId = newId(), ...rest }, caller }) => {
        await assertAccount(database, rest.account);
        await assertInstrument(database, config, rest.instrument);
        if (strategy !== null) assertStrategy(config, rest.account, strategy);
        await overrideLimit(database, caller, { ...rest, key, strategy, validForMs: minutes * 60_000, commandId });
        return DONE;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/limits/override/end',
      summary: 'Ends an override before its time.',
      access: 'endOverride',
      body: z.strictObject({ overrideId: idInput.describe('The override: the id of its request.'), reason: reasonInput }),
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_OVERRIDE'],
      handle: async ({ body, caller }) => {
        await endOverride(database, caller, body);
        return DONE;
      },
    }),
  ];
}

/** Of a limit that was set already: it binds less than whoever sets it again may believe. */
function standingText(standing: readonly ReachedOverride[]): string | null {
  if (standing.length === 0) return null;
  const each = standing.map(({ overrideId, instrument, value }) => `${overrideId} (${value} in ${instrument})`);
  return `It was set already, and more passes by override ${each.join(', ')}: keelson limits end <override> ends it.`;
}

/** What could bind nobody is not set. */
function assertScope(key: RowKey, scope: LimitScope): void {
  if (isLimitScope(key, scope)) return;
  throw new RequestError([{ path: 'body.scope', message: `expected account or venue: ${key} is looked at over an account as a whole` }]);
}
