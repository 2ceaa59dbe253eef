import { z } from 'zod';
import { decimalTextOf } from '../../core/money/index.js';
import { dayIn, dayOfTime } from '../../core/ledger/day.js';
import type { ApiContext } from '../context.js';
import { idInput, reasonInput, textInput, wholeInput } from '../http/input.js';
import { RequestError } from '../http/problem.js';
import { bookMovement } from '../ledger/book.js';
import { rebuildLedger } from '../ledger/rebuild.js';
import { feesOf, fillsOf, pnlOf, positionsOf, statementOf, whichDay as dayOf, type Asked } from '../ledger/reports.js';
import {
  equityPointSchema,
  feesSchema,
  ledgerFillsSchema,
  ledgerPositionsSchema,
  pnlSchema,
  rebuiltSchema,
  slippageSchema,
  statementSchema,
  verificationSchema,
  whichDay,
} from '../ledger/schemas.js';
import { daysBefore, USUAL_DAYS } from '../ledger/series-days.js';
import { verifyLedger } from '../ledger/verify.js';
import { assertAccount } from '../read/accounts.js';
import type { Database } from '../read/database.js';
import { readEquityPoints } from '../read/equity.js';
import { readSlippage } from '../read/slippage.js';
import { route, type Route } from '../route.js';

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
/** As venues name assets, in any script; small letters are a slip. */
const ASSET = /^[^\p{C}\p{Z}/a-z]{1,40}$/u;
const AMOUNT = /^-?\d{1,18}(\.\d{1,18})?$/;

const ofDay = {
  account: textInput(32).describe('Whose.'),
  day: z
    .string()
    .regex(/^\d{4}-\d\d-\d\d$/, { error: () => 'expected a day such as 2026-11-26' })
    .optional()
    .describe('Such as 2026-11-26; the day that it is, when left out.'),
  zone: textInput(64).optional().describe('In whose calendar, such as Europe/Madrid; UTC when left out.'),
};

const MOST_DAYS = 36_500;
const ofDays = `Of how many days, up to now, the equity series is recomputed, 1 to ${MOST_DAYS}; ${USUAL_DAYS} when left out.`;

const movementBody = z.strictObject({
  movementId: idInput.optional().describe('The same id is booked once; one is made when left out.'),
  account: textInput(32).describe('Whose.'),
  kind: z.enum(['deposit', 'withdrawal', 'transfer', 'correction'], {
    error: () => 'expected deposit, withdrawal, transfer or correction',
  }),
  asset: z
    .string({ error: () => 'expected text' })
    .regex(ASSET, { error: () => 'expected the name of an asset, such as USDT' })
    .describe('Such as USDT: as its venue names it, without small letters.'),
  amount: z
    .string({ error: () => 'expected a decimal in plain digits' })
    .regex(AMOUNT, { error: () => 'expected a decimal in plain digits, at most 18 before the point and 18 behind' })
    .transform(decimalTextOf)
    .describe('Signed: what leaves the account is below zero.'),
  counterAccount: textInput(32).optional().describe('Of a transfer: our other account.'),
  eventTime: z.int().min(0).optional().describe('When it happened, by the venue, epoch ms; now when left out.'),
  venueReference: textInput(200).optional().describe('What the venue calls it; unique in its account.'),
  counterReference: textInput(200).optional().describe('Of a transfer: what the other account’s venue calls it.'),
  incidentId: textInput(18)
    .regex(/^\d+$/, { error: () => 'expected the number of an incident' })
    .optional()
    .describe('The open incident that it explains.'),
  isAnother: z
    .boolean({ error: () => 'expected true or false' })
    .optional()
    .describe(
      'true: it is booked also where a deposit or withdrawal of the same amount is, within a day of it, and of not both the venue’s reference is known.',
    ),
  reason: reasonInput,
});

interface DayQuery {
  readonly account: string;
  readonly day?: string | undefined;
  readonly zone?: string | undefined;
}

/** The ledger: what it derives of a day, and whether what it keeps is what it derives. */
export function ledgerRoutes(context: ApiContext): Route[] {
  const { database } = context;
  const daysAgo = (days?: number): number => daysBefore(context.now(), days);
  const ask = async ({ account, zone = 'UTC', ...query }: DayQuery): Promise<Asked> => {
    await assertAccount(database, account);
    const now = context.now();
    const today = dayOfTime(now, zone);
    if (today === undefined) throw new RequestError([{ path: 'query.zone', message: 'is not a time zone that is known here' }]);
    const day = dayIn(query.day ?? today, zone);
    if (day === undefined) throw new RequestError([{ path: 'query.day', message: 'is in no calendar' }]);
    if (day.from > now) throw new RequestError([{ path: 'query.day', message: `has not begun: it is ${today} there` }]);
    return { account, day, now };
  };
  const report = <Response extends z.ZodType>(
    name: string,
    summary: string,
    response: Response,
    read: (database: Database, asked: Asked) => Promise<z.output<Response>>,
  ): Route =>
    route({
      method: 'GET',
      path: `/v1/ledger/${name}`,
      summary,
      access: 'read',
      query: z.strictObject(ofDay),
      response,
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query }) => read(database, await ask(query)),
    });
  return [
    report('statement', 'The statement of a day: every asset, what came and went and why.', statementSchema, statementOf),
    report('fills', 'Fills of a day, with what their fees were worth.', ledgerFillsSchema, fillsOf),
    report('fees', 'Fees of a day, by strategy, instrument and asset.', feesSchema, feesOf),
    report('pnl', 'Realized results of a day, by average cost and first in, first out, and the positions closed on it.', pnlSchema, pnlOf),
    report('positions', 'What was held at the end of a day, by both methods.', ledgerPositionsSchema, positionsOf),
    report(
      'slippage',
      'Orders of a day: how much worse than decided, than the last price and than the mid price at their arrival.',
      slippageSchema,
      async (read, asked) => ({
        ...dayOf(asked),
        orders: await readSlippage(read, asked.account, asked.day),
      }),
    ),
    route({
      method: 'GET',
      path: '/v1/ledger/equity',
      summary: 'What an account was worth over a day, as its watch has seen it.',
      access: 'read',
      query: z.strictObject({
        ...ofDay,
        minutes: wholeInput(1, 1_440).optional().describe('How long the stretches are, 1 to 1440 minutes; 60 when left out.'),
      }),
      response: z.strictObject({ ...whichDay, equity: z.array(equityPointSchema) }),
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query: { minutes = HOUR_MINUTES, ...query } }) => {
        const asked = await ask(query);
        return { ...dayOf(asked), equity: await readEquityPoints(database, asked.account, asked.day, minutes * MINUTE_MS) };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/ledger/movements',
      summary: 'Books a deposit, withdrawal, transfer or correction, once for each id; a correction explains an open incident.',
      access: 'bookMovement',
      body: movementBody,
      response: z.strictObject({ movementId: z.string(), isNew: z.boolean().describe('false: it was booked before.') }),
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'LEDGER_NOT_BOOKED'],
      handle: async ({ body, caller }) => {
        await assertAccount(database, body.account);
        const {
          movementId = context.newId(),
          eventTime = context.now(),
          amount,
          counterAccount,
          counterReference,
          isAnother = false,
          ...wish
        } = body;
        const other = {
          ...(counterAccount === undefined ? {} : { counterAccount }),
          ...(counterReference === undefined ? {} : { counterReference }),
        };
        const told = { venueReference: wish.venueReference ?? null, incidentId: wish.incidentId ?? null };
        return bookMovement(context.ledger, caller, { ...wish, ...other, ...told, movementId, eventTime, amount, isAnother });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/ledger/verify',
      summary:
        'Recomputes an account from its fills and movements, and its equity series of some days, and names what is stored otherwise.',
      access: 'read',
      query: z.strictObject({ account: ofDay.account, days: wholeInput(1, MOST_DAYS).optional().describe(ofDays) }),
      response: verificationSchema,
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query }) => {
        await assertAccount(database, query.account);
        const found = await verifyLedger(context.longReads, query.account, daysAgo(query.days));
        return { ...found, differences: [...found.differences] };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/ledger/rebuild',
      summary:
        'Writes what is derived and stored otherwise anew from fills and movements, which stay as they are, and decides the differences of a reconciliation that wait for just that.',
      access: 'rebuildLedger',
      body: z.strictObject({
        account: ofDay.account,
        reason: reasonInput,
        days: z.int().min(1).max(MOST_DAYS).optional().describe(ofDays),
      }),
      response: rebuiltSchema,
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'LEDGER_NOT_REBUILT'],
      handle: async ({ body: { days, ...body }, caller }) => {
        await assertAccount(database, body.account);
        const { changed, decided, account } = await rebuildLedger(context.longReads, caller, { ...body, since: daysAgo(days) });
        return { account, changed: [...changed], decided: [...decided] };
      },
    }),
  ];
}
