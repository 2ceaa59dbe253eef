import { RUN_STATUSES } from '../../core/runbook/status.js';
import { z } from 'zod';
import { RUNBOOKS } from '../../core/runbook/spec.js';

/** Building blocks of the answers; every object is closed, so that the OpenAPI document says exactly what comes. */
export const decimal = z.string().describe('A decimal in plain digits.');
export const time = z.int().describe('Epoch milliseconds UTC.');
export const failures = z
  .array(z.strictObject({ code: z.string(), message: z.string() }))
  .describe('Why it was refused or not traded, every reason.');

export const latchSchema = z.strictObject({
  latchId: z.string(),
  scope: z.enum(['strategy', 'instrument', 'venue', 'account', 'everything']),
  scopeValue: z.string(),
  policy: z.enum(['none', 'atOnce']).describe('What becomes of what is held: it stays with its stops, or leaves at once.'),
  reason: z.string(),
  subject: z.string(),
  engagedAt: time,
});

export const accountSchema = z.strictObject({
  account: z.string(),
  venue: z.string(),
  isRetired: z.boolean().describe('It has left the configuration, with nothing held or open.'),
  mode: z
    .enum(['normal', 'observation', 'reduceOnly', 'paused', 'killed'])
    .describe('The effective mode: `killed` is what a standing halt latch makes.'),
  controlVersion: z.int(),
  modeSince: time,
  latches: z.array(latchSchema),
  openOrders: z.int(),
  unknownOrders: z.int().describe('Orders of which it is not known whether the venue has them; they are looked up.'),
  openIncidents: z.int(),
  blockedInstruments: z.array(z.strictObject({ instrument: z.string(), reason: z.string() })),
  disabledStrategies: z
    .array(z.strictObject({ strategy: z.string(), reason: z.string() }))
    .describe('Strategies that do not enter until a person enables them.'),
  heldBy: z
    .strictObject({ subject: z.string(), reason: z.string() })
    .nullable()
    .describe('The risk officer whose pause only two people end; null when one may.'),
  heldByRunbook: z
    .strictObject({
      runId: z.string(),
      runbook: z.enum(RUNBOOKS),
      mode: z.string().describe('What it is held in.'),
      was: z.string().describe('What a start-up may bring back.'),
    })
    .nullable()
    .describe('The runbook that has made it stricter; null when it is as people, watch and reconciliation have left it.'),
  pausedFor: z
    .string()
    .nullable()
    .describe('What a comparison with the venue has paused it for, in words; null: no such pause. It stands above what a runbook holds.'),
  openRuns: z
    .array(z.strictObject({ runId: z.string(), runbook: z.string(), status: z.enum(RUN_STATUSES), reason: z.string() }))
    .describe('Runs of runbooks that have not ended, such as that of a lost venue.'),
});

/** What an account may do now. */
export const inForceSchema = z.strictObject({
  mode: accountSchema.shape.mode.describe('The effective mode after the command.'),
  latches: z
    .array(latchSchema)
    .describe('Halts that stand over the account or a part of it: whatever its mode, they are ended by two people only.'),
});

export const streamSchema = z.strictObject({
  venue: z.string(),
  instrument: z.string(),
  intervalMs: z.int(),
  lastBarCloseTime: z.int().nullable().describe('Close of the last stored bar, epoch ms; null when there is none.'),
  lastBarClose: decimal.nullable(),
  lastBarSource: z.enum(['stream', 'rest']).nullable(),
  ageMs: z.int().nullable().describe('Time since that close.'),
  state: z.enum(['live', 'stale', 'silent']).describe('live: a bar within three intervals. stale: older. silent: none yet.'),
});

export const orderSchema = z.strictObject({
  intentId: z.string(),
  clientOrderId: z.string(),
  signalId: z.string().nullable(),
  account: z.string(),
  strategy: z.string(),
  strategyVersion: z.string(),
  instrument: z.string(),
  leg: z.enum(['open', 'close']),
  side: z.enum(['buy', 'sell']),
  purpose: z
    .enum(['entry', 'exit', 'stop', 'escape', 'flatten', 'byHand'])
    .describe(
      'A stop protects a position; an escape sells what a stop did not; a flatten is a halt’s; byHand is a sale by another hand that a person had booked for the strategy, with the time of that booking.',
    ),
  type: z.enum(['limit', 'stopLimit', 'stopMarket']),
  status: z.string(),
  timeInForce: z.string(),
  postOnly: z.boolean(),
  quantity: decimal,
  price: decimal,
  stopPrice: decimal.nullable(),
  executedQuantity: decimal,
  executedNotional: decimal,
  averagePrice: decimal.nullable(),
  leavesQuantity: decimal,
  venueOrderId: z.string().nullable(),
  failures,
  createdAt: time,
  updatedAt: time,
  finalAt: z.int().nullable(),
});

export const positionSchema = z.strictObject({
  account: z.string(),
  strategy: z.string(),
  instrument: z.string(),
  quantity: decimal,
  averagePrice: decimal.nullable().describe('Cost per unit in the quote asset; null when flat.'),
  stopPrice: decimal.nullable().describe('Of the stop that rests at the venue for this position; null when none does.'),
  stopQuantity: decimal.nullable().describe('What that stop would sell.'),
  dust: decimal
    .nullable()
    .describe('Less than the venue would take, so that no stop can protect it: a part of the quantity, or all of it.'),
  cost: decimal,
  realizedPnl: decimal,
  mark: decimal.nullable().describe('Close of the last bar; null when there is none.'),
  unrealizedPnl: decimal.nullable(),
  updatedAt: time,
});

export const fillSchema = z.strictObject({
  account: z.string(),
  instrument: z.string(),
  venueTradeId: z.string(),
  venueOrderId: z.string(),
  intentId: z.string().nullable().describe('Null for a fill that no order of ours made.'),
  origin: z
    .enum(['ours', 'foreign'])
    .describe(
      'foreign: traded by hand or by another client of the account, also where a person had the sale booked, or the order taken over, for a strategy.',
    ),
  side: z.enum(['buy', 'sell']),
  price: decimal,
  quantity: decimal,
  fee: decimal,
  feeAsset: z.string(),
  liquiditySide: z.string(),
  eventTime: time,
  bookedAt: time,
});

export const signalSchema = z.strictObject({
  signalId: z.string(),
  account: z.string(),
  strategy: z.string(),
  strategyVersion: z.string(),
  instrument: z.string(),
  leg: z.enum(['open', 'close']),
  barCloseTime: time,
  modelHash: z.string().nullable(),
  features: z.array(z.number()),
  score: z.number().nullable(),
  threshold: z.number().nullable(),
  referencePrice: decimal,
  stopDistanceRatio: z.number(),
  reason: z.string(),
  decidedTime: time,
  validUntil: time,
  outcome: z.enum(['traded', 'notTraded']),
  failures,
});

export const eventSchema = z.strictObject({
  id: z.string().describe('Ascending; give the last one seen as `after`.'),
  time,
  kind: z.string(),
  account: z.string().nullable(),
  subject: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});

export const snapshotSchema = z.strictObject({
  account: z.string(),
  takenAt: time,
  equity: decimal,
  quote: z.string(),
  balances: z.record(z.string(), z.unknown()),
  marks: z.record(z.string(), z.unknown()),
});
