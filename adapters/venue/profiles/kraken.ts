import { VENUE_WIRES } from '../../../core/venue/wires.js';
import { textAt } from '../wire-row.js';
import { KRAKEN_CALLS } from './kraken-calls.js';
import { PAGE_SIZE } from './kraken-pages.js';
import { rulesOf } from './kraken-rows.js';
import { AUTH_CODES, errorOf, KRAKEN_VERDICT_ROWS, lockedOut, RATE_CODES } from './kraken-verdicts.js';
import type { WireProfile } from './wire-profile.js';

/**
 * Kraken spot over REST. Written from the venue's public documentation (docs.kraken.com) and not yet tried on the venue.
 * Its streams say numbers as floats and do not say when a bar is closed, so nothing is streamed: bars are asked for after
 * their close, the account is polled.
 */
export const KRAKEN: WireProfile = {
  id: 'kraken',
  ccxtId: 'kraken',
  orderTypes: ['limit', 'stopLimit', 'stopMarket'],
  postOnly: true,
  streams: { bars: VENUE_WIRES.kraken.streamsBars, account: false },
  countedBy: 'account',
  // The lowest tier: 15 reads at once, one back each three seconds; 60 orders of an instrument, one back a second.
  rateBudget: { weight: { limit: 15, windowMs: 45_000 } },
  // A listing of trades counts twice. A resting order is found in the first of the two lists.
  readWeights: { openOrders: 1, lookUp: 1, fills: 2, balances: 1 },
  fillLists: 'account',
  fillsPage: PAGE_SIZE,
  // `deadline`: the matching engine refuses a new order that reaches it later.
  admission: 'enforced',
  // The documentation gives no bound; this one is an assumption that the venue has to confirm.
  visibilityBoundMs: VENUE_WIRES.kraken.visibilityBoundMs,
  receiveWindowMs: 2_000,
  submitDeadlineMs: 3_000,
  clientOrderIdPattern: /^[0-9a-f]{32}$/,
  proven: VENUE_WIRES.kraken.isProven,
  options: { adjustForTimeDifference: false, maxRetriesOnFailure: 0 },
  unasked: ['fetchCurrencies'],
  // The library counts three tokens for a read and gives one back a second: the lowest tier's 15 reads at once are 45.
  limiter: { tokenBucket: { capacity: 45, tokens: 45 } },
  nonce: 'growing',
  clockStepMs: 1_000,
  // Two connections in turn: a reading each 2.6 s, so that readings fall on all parts of the second that the clock tells.
  keepWarmMs: 5_200,
  pollMs: 5_000,
  verdictRows: KRAKEN_VERDICT_ROWS,
  unlistedCodes: ['EQuery:Unknown asset pair'],
  authCodes: AUTH_CODES,
  rateCodes: RATE_CODES,
  // One read comes back each three seconds, and whoever asks first has it; who goes on asking before waits for longer.
  refusedAgainMs: 3_000,
  orderRateCodes: [],
  lockedOut,
  pageSize: 720,

  address(path, original, given) {
    const { pathname } = new URL(original);
    const under = pathname === '/' ? '' : pathname;
    if (!/^wss?:/.test(original)) return new URL(given.rest).origin + under;
    const { protocol, host } = new URL(/private/.test(path.at(-1) ?? '') ? given.wsApi : given.stream);
    return `${protocol}//${host}${under}`;
  },

  error: errorOf,
  // The venue counts in minutes.
  timeframe: (intervalMs) => (VENUE_WIRES.kraken.barIntervalsMs.includes(intervalMs) ? String(intervalMs / 60_000) : undefined),
  rules: rulesOf,
  words: (info) => ({ symbols: [textAt(info, 'altname')], base: textAt(info, 'base'), quote: textAt(info, 'quote') }),
  calls: KRAKEN_CALLS,
};
