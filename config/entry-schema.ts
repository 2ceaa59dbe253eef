import { z } from 'zod';
import { MARKET } from '../core/execution/policy.js';
import { flag, integer, positiveDecimal } from './values.js';

/** What a union by `kind` says of a value that fits none of its variants. */
const oneOfKinds = (kinds: readonly string[]) => ({
  error: ({ code }: { code?: string }) =>
    code === 'invalid_union' ? `expected one of ${kinds.map((kind) => `"${kind}"`).join(', ')}` : 'expected an object with a kind',
});

const maxNotional = positiveDecimal
  .exactOptional()
  .describe('Most that an entry may be worth, in the quote asset, however close the stop or calm the bars.');

/** How much an entry buys: `Sizing` of core/sizing as the file says it. */
export const sizing = z
  .discriminatedUnion(
    'kind',
    [
      z.strictObject({
        kind: z.literal('fixedNotional').describe('Every entry is worth the same.'),
        notional: positiveDecimal.describe('What an entry is worth, in the quote asset.'),
      }),
      z.strictObject({
        kind: z
          .literal('riskPerTrade')
          .describe('Every entry loses the same when its stop is hit: the closer the stop, the larger the entry.'),
        risk: positiveDecimal.describe('What is lost when the stop is hit, in the quote asset, before fees.'),
        maxNotional,
      }),
      z.strictObject({
        kind: z.literal('volatilityTarget').describe('Every entry swings by the same amount: the calmer the bars, the larger the entry.'),
        target: positiveDecimal.describe('One standard deviation of a bar’s profit or loss, in the quote asset.'),
        maxNotional,
      }),
    ],
    oneOfKinds(['fixedNotional', 'riskPerTrade', 'volatilityTarget']),
  )
  .describe('How much an entry buys, rounded down to the venue’s step. The account’s limits hold besides.');

/** How an entry is worked: `ExecutionPolicy` of core/execution as the file says it. */
export const execution = z
  .discriminatedUnion(
    'kind',
    [
      z.strictObject({ kind: z.literal('market').describe('At once, at the edge of the collar; what does not fill is not bought.') }),
      z.strictObject({
        kind: z.literal('limit').describe('By an order that rests until it is filled, its time is over or its signal expires.'),
        offsetBps: integer(-1_000, 1_000).describe(
          'How far below the reference price the order is priced, in basis points; negative is above.',
        ),
        workMs: integer(100, 86_400_000).describe(
          'How long the order rests before it is canceled, in ms; no longer than its signal is valid (`signalValidMs`).',
        ),
        postOnly: flag().default(false).describe('Refused rather than taking liquidity; it is then quoted once more.'),
        replaceBps: integer(1, 1_000)
          .exactOptional()
          .describe(
            'The order is replaced when it would be priced so far from where it rests, in basis points, with tick and collar. Left out: never.',
          ),
      }),
    ],
    oneOfKinds(['market', 'limit']),
  )
  .default(MARKET)
  .describe('How an entry is worked.');
