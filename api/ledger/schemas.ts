import { z } from 'zod';
import { WITHOUT_MID } from '../../core/ledger/mid.js';
import { decimal, time } from '../read/schemas.js';

const strategy = z.string().nullable().describe('Null for what was traded by hand or by another client of the account.');
const realized = (method: string) => decimal.describe(`In the quote asset, by ${method}, after all fees whose worth is known.`);
const ofStrategy = (amount: typeof decimal) =>
  amount
    .nullable()
    .describe(`${amount.description ?? ''} Null for what was traded by hand: nobody knows what the account had paid for it.`);
const feesOf = decimal.describe('What fees were worth in the quote asset when they were paid, as far as that is known.');
const unvaluedFees = z.int().describe('Fills whose fee was in an asset without a price: no figure has it.');

export const whichDay = {
  account: z.string(),
  day: z.string(),
  zone: z.string(),
  from: time,
  until: time.describe('The first millisecond after it.'),
  isOver: z.boolean().describe('Until then figures still change.'),
};

const resultSchema = z.strictObject({
  strategy,
  quote: z.string(),
  realizedAverage: ofStrategy(realized('average cost')),
  realizedFifo: ofStrategy(realized('first in, first out')),
  fees: feesOf,
  unvaluedFees,
  fills: z.int(),
  foreignFills: z
    .int()
    .describe('Of these, by another hand: of orders that a person has taken over or booked for the strategy, or all, where there is none.'),
});

export const equityPointSchema = z.strictObject({ time, opening: decimal, highest: decimal, lowest: decimal, closing: decimal });

export const statementSchema = z.strictObject({
  ...whichDay,
  onboardedTime: time
    .nullable()
    .describe(
      'Since when the account is kept: of what it held on a day before that nothing is known, and no opening is told. Null: not yet.',
    ),
  lines: z.array(
    z.strictObject({
      asset: z.string(),
      opening: decimal,
      trade: decimal.describe('Bought and sold, fees left out.'),
      fee: decimal,
      deposit: decimal,
      withdrawal: decimal,
      transfer: decimal,
      correction: decimal,
      rounding: decimal,
      closing: decimal,
    }),
  ),
  results: z.array(resultSchema).describe('Of strategies that traded on the day.'),
  equity: equityPointSchema.nullable().describe('As the account watch has seen it; null where it has not.'),
});

export const ledgerFillsSchema = z.strictObject({
  ...whichDay,
  fills: z.array(
    z.strictObject({
      eventTime: time,
      strategy,
      origin: z.enum(['ours', 'foreign']),
      instrument: z.string(),
      side: z.enum(['buy', 'sell']),
      quantity: decimal,
      price: decimal,
      notional: decimal,
      fee: decimal,
      feeAsset: z.string(),
      feeValue: decimal.nullable().describe('In the quote asset, at that time; null where nobody knows.'),
      liquiditySide: z.string(),
      venueTradeId: z.string(),
      venueOrderId: z.string(),
      intentId: z.string().nullable(),
    }),
  ),
});

export const feesSchema = z.strictObject({
  ...whichDay,
  fees: z.array(
    z.strictObject({
      strategy,
      instrument: z.string(),
      feeAsset: z.string(),
      fee: decimal,
      quote: z.string(),
      value: feesOf,
      unvaluedFees,
      fills: z.int(),
    }),
  ),
});

export const pnlSchema = z.strictObject({
  ...whichDay,
  results: z.array(resultSchema).describe('What each strategy realized on the day.'),
  total: z.array(resultSchema).describe('… and from the beginning until the end of the day.'),
  closed: z
    .array(
      z.strictObject({
        strategy,
        strategyVersion: z.string().nullable(),
        instrument: z.string(),
        openedTime: time,
        closedTime: time,
        bought: decimal,
        sold: decimal,
        entryPrice: decimal,
        exitPrice: decimal,
        realizedAverage: realized('average cost'),
        realizedFifo: realized('first in, first out'),
        fees: feesOf,
        fills: z.int(),
      }),
    )
    .describe('Positions that were closed on the day: from nothing held to nothing held again.'),
});

export const ledgerPositionsSchema = z.strictObject({
  ...whichDay,
  positions: z.array(
    z.strictObject({
      strategy,
      instrument: z.string(),
      bought: decimal.describe('Until then, in base, fees left out.'),
      sold: decimal,
      quantity: decimal.nullable().describe('Null for what was traded by hand: it is in the inventory, with what was there before.'),
      method: z.enum(['average', 'fifo']).nullable(),
      averagePrice: decimal.nullable(),
      mark: decimal.nullable().describe('The last close of the instrument by then.'),
      unrealizedPnl: decimal.nullable(),
      realizedPnl: decimal.nullable().describe('After all fees whose worth is known.'),
    }),
  ),
});

const measured = z
  .strictObject({ price: decimal, bps: decimal, cost: decimal })
  .nullable()
  .describe(
    'How much worse than this price it was executed, in basis points of it and in the quote asset; below zero: better. Null where nobody noted it.',
  );

export const slippageSchema = z.strictObject({
  ...whichDay,
  orders: z.array(
    z.strictObject({
      intentId: z.string(),
      strategy: z.string(),
      instrument: z.string(),
      purpose: z.string(),
      side: z.enum(['buy', 'sell']),
      quantity: decimal,
      averagePrice: decimal,
      firstFillTime: time,
      decision: measured,
      arrival: measured,
      mid: measured,
      withoutMid: z
        .enum(WITHOUT_MID)
        .nullable()
        .describe('Why there is no mid price: no book was seen, an old one, a crossed one, or nobody looked for one.'),
    }),
  ),
});

const derivedSchema = z.strictObject({
  what: z.enum([
    ...(['fill', 'movement', 'entries', 'balance', 'inventory', 'opening', 'position', 'positionSum', 'order'] as const),
    ...(['outside', 'equity', 'performance', 'watch'] as const),
  ]),
  of: z.string(),
  stored: z.string(),
  rebuilt: z.string().describe('What follows from the fills and movements.'),
});

export const verificationSchema = z.strictObject({
  account: z.string(),
  fills: z.int(),
  movements: z.int(),
  equityPoints: z
    .int()
    .describe('Points of the equity series that were recomputed: those of the days that were asked for, but of no build before 0.7.0.'),
  differences: z.array(derivedSchema).describe('Empty: everything that is stored follows from its entries.'),
});

export const rebuiltSchema = z.strictObject({
  account: z.string(),
  changed: z.array(derivedSchema).describe('What was stored otherwise, and is now what follows.'),
  decided: z.array(z.string()).describe('Differences of a reconciliation that waited for just that; their incidents are closed.'),
});

export type StatementReport = z.output<typeof statementSchema>;
export type FillsReport = z.output<typeof ledgerFillsSchema>;
export type FeesReport = z.output<typeof feesSchema>;
export type PnlReport = z.output<typeof pnlSchema>;
export type PositionsReport = z.output<typeof ledgerPositionsSchema>;
export type SlippageReport = z.output<typeof slippageSchema>;
