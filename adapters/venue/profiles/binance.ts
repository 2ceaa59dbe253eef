import type { VenueProfile } from '../../../activities/ports/venue.js';
import { VENUE_WIRES } from '../../../core/venue/wires.js';
import type { VerdictRow } from '../verdict.js';
import { textAt } from '../wire-row.js';
import { BINANCE_CALLS, FILLS_PAGE } from './binance-calls.js';
import { frameOf } from './binance-frames.js';
import { rulesOf } from './binance-rows.js';
import type { WireProfile } from './wire-profile.js';

const TIMEFRAMES: Readonly<Record<number, string>> = {
  1_000: '1s',
  60_000: '1m',
  180_000: '3m',
  300_000: '5m',
  900_000: '15m',
  1_800_000: '30m',
  3_600_000: '1h',
  7_200_000: '2h',
  14_400_000: '4h',
  21_600_000: '6h',
  28_800_000: '8h',
  43_200_000: '12h',
  86_400_000: '1d',
};

/** This venue's own rows of the verdict table: texts and codes that the library does not tell apart, or renames. */
const VERDICT_ROWS: readonly VerdictRow[] = [
  {
    // The same code also says that there are no funds: only the text tells.
    name: 'binance: an open order has this client order id',
    venueCode: '-2010',
    venueText: 'Duplicate order sent.',
    kind: 'alreadyExists',
    code: 'VENUE_OUTCOME_UNKNOWN',
  },
  {
    name: 'binance: a post-only order would take liquidity',
    venueCode: '-2010',
    venueText: 'Order would immediately match and take.',
    httpStatusBelow: 500,
    kind: 'rejected',
    code: 'VENUE_REJECTED',
    reason: 'postOnlyWouldTake',
  },
  {
    name: 'binance: the price of a stop is reached already',
    venueCode: '-2010',
    venueText: 'Stop price would trigger immediately.',
    httpStatusBelow: 500,
    kind: 'rejected',
    code: 'VENUE_REJECTED',
    reason: 'stopWouldTrigger',
  },
  // The library calls a revoked key an overload after its first success: it would look retriable for ever.
  { name: 'binance: key refused', venueCode: '-2015', kind: 'rejected', code: 'VENUE_AUTH' },
  { name: 'binance: execution status unknown (bus)', venueCode: '-1006', kind: 'unknown', code: 'VENUE_OUTCOME_UNKNOWN' },
  { name: 'binance: execution status unknown (time-out)', venueCode: '-1007', kind: 'unknown', code: 'VENUE_OUTCOME_UNKNOWN' },
];

function wholeOf(text: string | readonly string[] | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}

/** Binance spot, and every venue that speaks its wire. Written from the venue's public documentation. */
export const BINANCE: WireProfile = {
  id: 'binance',
  ccxtId: 'binance',
  orderTypes: ['limit', 'stopLimit', 'stopMarket'],
  postOnly: true,
  streams: { bars: VENUE_WIRES.binance.streamsBars, account: true },
  countedBy: 'address',
  rateBudget: { weight: { limit: 6_000, windowMs: 60_000 } },
  // An order with the time; the lists of an instrument.
  readWeights: { openOrders: 80, lookUp: 5, fills: 20, balances: 20 },
  usage: {
    used: ({ 'x-mbx-used-weight-1m': used }) => wholeOf(used),
    limit: (listing) => {
      const { rateLimits } = (listing ?? {}) as { readonly rateLimits?: unknown };
      if (!Array.isArray(rateLimits)) return undefined;
      const minute = (rateLimits as readonly Record<string, unknown>[]).find(
        (one) => one['rateLimitType'] === 'REQUEST_WEIGHT' && one['interval'] === 'MINUTE' && one['intervalNum'] === 1,
      );
      return wholeOf(String(minute?.['limit']));
    },
  },
  fillLists: 'instrument',
  fillsPage: FILLS_PAGE,
  admission: 'enforced',
  visibilityBoundMs: VENUE_WIRES.binance.visibilityBoundMs,
  receiveWindowMs: 2_000,
  submitDeadlineMs: 2_500,
  clientOrderIdPattern: /^[a-zA-Z0-9-_]{1,36}$/,
  proven: VENUE_WIRES.binance.isProven,
  // Only spot, and nothing but exchangeInfo: with its defaults the library asks four more hosts for their lists.
  options: {
    defaultType: 'spot',
    fetchMarkets: { types: ['spot'] },
    fetchCurrencies: false,
    fetchMargins: false,
    adjustForTimeDifference: false,
    maxRetriesOnFailure: 0,
    warnOnFetchOpenOrdersWithoutSymbol: false,
    recvWindow: 5_000,
  },
  unasked: [],
  nonce: 'time',
  clockStepMs: 1,
  // The venue closes a connection that was idle for some seconds.
  keepWarmMs: 2_000,
  pollMs: 2_000,
  verdictRows: VERDICT_ROWS,
  unlistedCodes: ['-1121'],
  authCodes: ['-1002', '-1022', '-2008', '-2014', '-2015'],
  rateCodes: ['-1003', '-1015'],
  orderRateCodes: ['-1015'],
  pageSize: 1_000,

  address(path, original, given) {
    const rest = !/^wss?:/.test(original);
    if (rest) return new URL(given.rest).origin + new URL(original).pathname;
    if (path.includes('ws-api')) return path.at(-1) === 'spot' ? given.wsApi : origin(given.wsApi) + new URL(original).pathname;
    return path.at(-1) === 'spot' || path.at(-1) === 'margin' ? given.stream : origin(given.stream) + new URL(original).pathname;
  },

  error(body) {
    if (typeof body !== 'object' || body === null) return undefined;
    const { code, msg } = body as { code?: unknown; msg?: unknown };
    if (typeof code !== 'number' || code >= 0) return undefined;
    return { code: String(code), text: typeof msg === 'string' ? msg : '' };
  },

  timeframe: (intervalMs) => TIMEFRAMES[intervalMs],

  rules: rulesOf,
  words: (info) => ({ symbols: [textAt(info, 'symbol')], base: textAt(info, 'baseAsset'), quote: textAt(info, 'quoteAsset') }),
  calls: BINANCE_CALLS,

  frames: {
    frame: frameOf,
    subscribeBars: (client, instruments, timeframe) =>
      client.watchOHLCVForSymbols(instruments.map((instrument) => [instrument, timeframe])),
    subscribeAccount: (client) => client.watchOrders(),
  },
};

/** A paper venue that speaks this wire: the same rules, with windows that a test may shorten. Times in milliseconds. */
export function paper(
  windows: Partial<Pick<VenueProfile, 'receiveWindowMs' | 'visibilityBoundMs' | 'submitDeadlineMs'>> & { readonly id?: string } = {},
): WireProfile {
  return { ...BINANCE, id: 'paper', ...windows };
}

function origin(address: string): string {
  const { protocol, host } = new URL(address);
  return `${protocol}//${host}`;
}
