import type { ErrorCode } from '../../../core/errors.js';
import type { VerdictRow } from '../verdict.js';
import type { SentAway, VenueError } from './wire-profile.js';

/** What the venue says of a request that it stopped before, or in, its matching engine: nothing was placed. */
const REFUSALS: readonly (readonly [ErrorCode, readonly string[]])[] = [
  ['VENUE_INSUFFICIENT_FUNDS', ['EOrder:Insufficient funds', 'EOrder:Insufficient margin']],
  [
    'VENUE_REJECTED',
    [
      'EOrder:Order minimum not met',
      'EOrder:Cost minimum not met',
      'EOrder:Tick size check failed',
      'EOrder:Invalid price',
      'EOrder:Orders limit exceeded',
      'EOrder:Positions limit exceeded',
      'EOrder:Cannot open position',
      'EOrder:Cannot open opposing position',
      'EOrder:Margin allowance exceeded',
      'EOrder:Trading agreement required',
      'EGeneral:Invalid arguments',
      'EQuery:Unknown asset pair',
      'EQuery:Invalid asset pair',
      'EService:Market in cancel_only mode',
      'EService:Market in post_only mode',
    ],
  ],
  ['VENUE_AUTH', ['EAPI:Invalid key', 'EAPI:Invalid signature', 'EGeneral:Permission denied', 'EAccount:Invalid permissions']],
  [
    'VENUE_RATE_LIMITED',
    [
      'EAPI:Rate limit exceeded',
      'EOrder:Rate limit exceeded',
      'EOrder:Domain rate limit exceeded',
      'EGeneral:Temporary lockout',
      'EGeneral:Too many requests',
      'EService:Throttled',
    ],
  ],
];

export const AUTH_CODES = codesOf('VENUE_AUTH');
export const RATE_CODES = codesOf('VENUE_RATE_LIMITED');

/**
 * What the venue says when it has sent us away; a counter that is full refuses as well, and empties by itself within seconds. What is asked
 * with a key is counted for it (docs.kraken.com/exchange/guides/rest/ratelimits, …/general/errors), what needs none by address.
 */
const LOCKOUTS: Readonly<Record<string, SentAway['countedBy']>> = {
  'EGeneral:Temporary lockout': 'account',
  'EGeneral:Too many requests': 'address',
  'EService:Throttled': 'account',
};
const USUAL_LOCKOUT_MS = 60_000;

/** For how long who is not to ask the venue: until the second that it names (`EService: Throttled: 1795000000`), or for a minute. */
export function lockedOut({ code, text }: VenueError, now: number): SentAway | undefined {
  const countedBy = LOCKOUTS[code];
  if (countedBy === undefined) return undefined;
  const untilMs = Number(/:\s*(\d{9,11})\s*$/.exec(text)?.[1] ?? 0) * 1_000 - now;
  return { countedBy, forMs: untilMs > 0 ? untilMs : USUAL_LOCKOUT_MS };
}

/** The venue's rows of the verdict table. They are complete: what the venue says and no row names is unknown. */
export const KRAKEN_VERDICT_ROWS: readonly VerdictRow[] = [
  { name: 'kraken: the venue failed while it worked on the request', httpStatusFrom: 500, kind: 'unknown', code: 'VENUE_OUTCOME_UNKNOWN' },
  {
    // No documented text says "duplicate"; whatever is said about the id may mean an open order that has it.
    name: 'kraken: the client order id is refused',
    venueTextLike: /cl_ord_id|client order id/i,
    kind: 'alreadyExists',
    code: 'VENUE_OUTCOME_UNKNOWN',
  },
  {
    name: 'kraken: a post-only order would take liquidity',
    venueCode: 'EOrder:Post only order',
    kind: 'rejected',
    code: 'VENUE_REJECTED',
    reason: 'postOnlyWouldTake',
  },
  {
    name: 'kraken: another request with a later nonce came before',
    venueCode: 'EAPI:Invalid nonce',
    kind: 'rejected',
    code: 'VENUE_REJECTED',
    reason: 'tooLate',
  },
  ...REFUSALS.flatMap(([code, texts]) =>
    texts.map((venueCode): VerdictRow => ({ name: `kraken: ${venueCode}`, venueCode, kind: 'rejected', code })),
  ),
  // Unavailable, busy, timed out, deadline elapsed, internal error, warnings, several errors at once, and every new word.
  { name: 'kraken: said, but proves nothing', coded: true, kind: 'unknown', code: 'VENUE_OUTCOME_UNKNOWN' },
];

function codesOf(wanted: ErrorCode): readonly string[] {
  return REFUSALS.flatMap(([code, texts]) => (code === wanted ? texts : []));
}

/**
 * Reads `{"error": ["EOrder:Insufficient funds"]}`, which comes with status 200. The code is category and message without
 * what follows them (`EGeneral:Invalid arguments:price`); several errors at once are none that is known.
 */
export function errorOf(body: unknown): VenueError | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { error } = body as { error?: unknown };
  if (!Array.isArray(error) || error.length === 0) return undefined;
  const texts = error.map(String);
  const [category = '', message = ''] = (texts[0] ?? '').split(':');
  return { code: texts.length > 1 ? 'several' : `${category.trim()}:${message.trim()}`, text: texts.join(', ') };
}
