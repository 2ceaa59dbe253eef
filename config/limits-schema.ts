import { z } from 'zod';
import { limitDefinition, type LimitKey } from '../core/risk/limit-table.js';
import { hoursOf } from '../core/risk/trading-hours.js';
import { integer, positiveDecimal, text } from './values.js';

const HOURS = 'hours in UTC, such as "mon-fri 13:30-20:00, sat 10:00-12:00"';

const count = (key: LimitKey) => {
  const { least, most, meaning } = limitDefinition(key);
  return integer(least, most).describe(meaning);
};
const ownCount = (key: LimitKey) =>
  count(key)
    .exactOptional()
    .describe(`${limitDefinition(key).meaning} Left out: ${limitDefinition(key).usual}.`);
const amount = (key: LimitKey) => positiveDecimal.describe(limitDefinition(key).meaning);
const ownAmount = (key: LimitKey) => positiveDecimal.exactOptional().describe(`${limitDefinition(key).meaning} Left out: no limit.`);

/** The first limits of an account; `core/risk/limit-table.ts` says what each means, and people change them as rows. */
export const limits = z.strictObject({
  maxOrderNotional: amount('maxOrderNotional'),
  maxInstrumentExposure: amount('maxInstrumentExposure'),
  maxAccountExposure: amount('maxAccountExposure'),
  maxOpenOrders: count('maxOpenOrders'),
  collarBps: count('collarBps').default(50),
  takerFeeBps: count('takerFeeBps').default(10),
  priceMaxAgeMs: count('priceMaxAgeMs')
    .optional()
    .describe('How old the last price may be for an entry, in ms. Left out: three intervals of the strategy.'),
  clockSkewMs: count('clockSkewMs').default(500),
  maxStrategyExposure: ownAmount('maxStrategyExposure'),
  maxVenueExposure: ownAmount('maxVenueExposure'),
  maxInstrumentNetExposure: ownAmount('maxInstrumentNetExposure'),
  maxStrategyNetExposure: ownAmount('maxStrategyNetExposure'),
  maxVenueNetExposure: ownAmount('maxVenueNetExposure'),
  maxAccountNetExposure: ownAmount('maxAccountNetExposure'),
  maxStrategyOrdersPerSecond: ownCount('maxStrategyOrdersPerSecond'),
  maxStrategyOrdersPerMinute: ownCount('maxStrategyOrdersPerMinute'),
  maxAccountOrdersPerSecond: ownCount('maxAccountOrdersPerSecond'),
  maxAccountOrdersPerMinute: ownCount('maxAccountOrdersPerMinute'),
  maxRepeats: ownCount('maxRepeats'),
  duplicateWindowMs: ownCount('duplicateWindowMs'),
  tradingHours: text(HOURS, /^[a-z0-9:, -]{1,300}$/)
    .refine((value) => hoursOf(value) !== undefined, { error: () => `expected ${HOURS}` })
    .exactOptional()
    .describe(`${limitDefinition('tradingHours').meaning} Left out: always.`),
});
