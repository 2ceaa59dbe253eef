import type { RejectionReason } from '../../activities/ports/venue.js';
import { failure, type ErrorCode, type ErrorValues, type Failure } from '../../core/errors.js';

/**
 * What a failed send left behind, without the library's objects: enough to decide, and nothing to guess from.
 * `classes` are the names of the error's classes, most specific first, and empty for what is not an error of the
 * library (a torn body, a parser's exception, our own deadline).
 */
export interface Evidence {
  readonly classes: readonly string[];
  readonly httpStatus?: number;
  readonly venueCode?: string;
  readonly venueText?: string;
  readonly detail: string;
}

export type FailedKind = 'rejected' | 'alreadyExists' | 'unknown';

/** Every condition that is given must hold; `class` also matches subclasses. */
export interface VerdictRow {
  readonly name: string;
  readonly library?: boolean;
  readonly class?: string;
  readonly httpStatus?: readonly number[];
  readonly httpStatusFrom?: number;
  readonly httpStatusBelow?: number;
  readonly venueCode?: string;
  readonly venueText?: string;
  /** A pattern that the venue's text has to match. */
  readonly venueTextLike?: RegExp;
  readonly coded?: boolean;
  readonly kind: FailedKind;
  readonly code: ErrorCode;
  /** Only with `rejected`. */
  readonly reason?: RejectionReason;
}

const unknown = (row: Omit<VerdictRow, 'kind' | 'code'>): VerdictRow => ({ ...row, kind: 'unknown', code: 'VENUE_OUTCOME_UNKNOWN' });
const rejected = (code: ErrorCode, row: Omit<VerdictRow, 'kind' | 'code'>): VerdictRow => ({ ...row, kind: 'rejected', code });
const alreadyExists = (row: Omit<VerdictRow, 'kind' | 'code'>): VerdictRow => ({
  ...row,
  kind: 'alreadyExists',
  code: 'VENUE_OUTCOME_UNKNOWN',
});

/**
 * The verdict table (protocol P10) for every venue; the first row that matches decides. A venue's own rows go before
 * these. What no row names is unknown: only a refusal that is proven may be called one.
 */
export const VERDICT_ROWS: readonly VerdictRow[] = [
  unknown({ name: 'not an error of the library', library: false }),
  // The venue may hold the order: what the library says about an answer that it could not read proves nothing.
  unknown({ name: 'a success that could not be read', httpStatusFrom: 200, httpStatusBelow: 300, coded: false }),
  alreadyExists({ name: 'duplicate client order id', class: 'DuplicateOrderId' }),
  rejected('VENUE_REJECTED', { name: 'maintenance, said by a code of the venue', class: 'OnMaintenance', coded: true }),
  unknown({ name: 'the venue failed while it worked on the request', httpStatusFrom: 500 }),
  rejected('VENUE_RATE_LIMITED', { name: 'stopped at the door for its rate', class: 'DDoSProtection', httpStatus: [418, 429] }),
  rejected('VENUE_RATE_LIMITED', { name: 'too many requests or orders', class: 'RateLimitExceeded' }),
  rejected('VENUE_REJECTED', { name: 'outside the receive window', class: 'InvalidNonce', reason: 'tooLate' }),
  rejected('VENUE_AUTH', { name: 'key, signature or permission', class: 'AuthenticationError' }),
  rejected('VENUE_INSUFFICIENT_FUNDS', { name: 'no funds', class: 'InsufficientFunds' }),
  unknown({ name: 'an answer that does not belong to a new order', class: 'OrderNotFound' }),
  rejected('VENUE_REJECTED', { name: 'the order is not allowed', class: 'InvalidOrder' }),
  rejected('VENUE_REJECTED', { name: 'the request is not allowed', class: 'BadRequest' }),
  rejected('VENUE_REJECTED', { name: 'an argument is missing', class: 'ArgumentsRequired' }),
  rejected('VENUE_REJECTED', { name: 'not supported', class: 'NotSupported' }),
  rejected('VENUE_REJECTED', { name: 'refused by the state of the market', class: 'OperationRejected' }),
  unknown({ name: 'everything else' }),
];

/** True when every condition of `row` holds for `evidence`. */
export function matches(row: VerdictRow, evidence: Evidence): boolean {
  const status = evidence.httpStatus;
  return (
    (row.library === undefined || row.library === evidence.classes.length > 0) &&
    (row.class === undefined || evidence.classes.includes(row.class)) &&
    (row.httpStatus === undefined || (status !== undefined && row.httpStatus.includes(status))) &&
    (row.httpStatusFrom === undefined || (status !== undefined && status >= row.httpStatusFrom)) &&
    (row.httpStatusBelow === undefined || (status !== undefined && status < row.httpStatusBelow)) &&
    (row.venueCode === undefined || row.venueCode === evidence.venueCode) &&
    (row.venueText === undefined || row.venueText === evidence.venueText) &&
    (row.venueTextLike === undefined || row.venueTextLike.test(evidence.venueText ?? '')) &&
    (row.coded === undefined || row.coded === (evidence.venueCode !== undefined))
  );
}

/**
 * Decides what a failed send proves. `rows` are the venue's own, tried before the common ones.
 * @returns a verdict without order: `rejected` and `alreadyExists` are proven, everything else is `unknown`.
 */
export function verdictOf(
  evidence: Evidence,
  rows: readonly VerdictRow[],
  values: ErrorValues,
): { readonly kind: FailedKind; readonly failure: Failure; readonly reason?: RejectionReason; readonly row: string } {
  const row = [...rows, ...VERDICT_ROWS].find((candidate) => matches(candidate, evidence));
  if (row === undefined) throw new Error('invariant: the last row of the verdict table matches everything');
  const reason = row.reason === undefined ? {} : { reason: row.reason };
  return { kind: row.kind, failure: failure(row.code, { ...values, detail: evidence.detail }), ...reason, row: row.name };
}

const BASE_OF_LIBRARY = 'BaseError';

/** Names of an error's classes up to the library's base, most specific first; empty when it does not descend from it. */
export function libraryClasses(error: unknown): readonly string[] {
  const names: string[] = [];
  for (let at: unknown = error; typeof at === 'object' && at !== null; at = Object.getPrototypeOf(at) as unknown) {
    const name = (at as { constructor?: { name?: string } }).constructor?.name;
    if (name === undefined || names.at(-1) === name) continue;
    names.push(name);
    if (name === BASE_OF_LIBRARY) return names;
  }
  return [];
}

/** Whether the library says that the venue was asked too often. */
export function isTooOften(error: unknown): boolean {
  return libraryClasses(error).some((name) => name === 'RateLimitExceeded' || name === 'DDoSProtection');
}

/** An error's message for people: one line, without query strings (they hold signatures), at most 300 characters. */
export function plainDetail(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message
    .replace(/\?[^\s"']*/g, '')
    .replace(/\s+/g, ' ')
    .slice(0, 300);
}
