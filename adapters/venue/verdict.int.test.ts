import * as library from 'ccxt';
import { describe, expect, it } from 'vitest';
import { BINANCE } from './profiles/binance.js';
import { libraryClasses, plainDetail, VERDICT_ROWS, verdictOf, type Evidence, type FailedKind } from './verdict.js';

type Name = Extract<keyof typeof library.errors, string>;

const evidence = (name: Name, more: Partial<Evidence> = {}): Evidence => ({
  classes: libraryClasses(new (library.errors[name] as new (message: string) => Error)('said so')),
  detail: 'said so',
  ...more,
});

/** The table of the protocol, row by row: what each class of the library proves about a first attempt. */
const TABLE: readonly (readonly [Name, Partial<Evidence>, FailedKind])[] = [
  ['ArgumentsRequired', {}, 'rejected'],
  ['NotSupported', {}, 'rejected'],
  ['AuthenticationError', {}, 'rejected'],
  ['PermissionDenied', {}, 'rejected'],
  ['AccountSuspended', {}, 'rejected'],
  ['BadRequest', {}, 'rejected'],
  ['BadSymbol', {}, 'rejected'],
  ['InsufficientFunds', {}, 'rejected'],
  ['InvalidOrder', {}, 'rejected'],
  ['OrderImmediatelyFillable', {}, 'rejected'],
  ['OperationRejected', {}, 'rejected'],
  ['MarketClosed', {}, 'rejected'],
  ['RateLimitExceeded', {}, 'rejected'],
  ['DDoSProtection', { httpStatus: 418 }, 'rejected'],
  ['DDoSProtection', { httpStatus: 429 }, 'rejected'],
  ['InvalidNonce', {}, 'rejected'],
  ['OnMaintenance', { httpStatus: 503, venueCode: '-1016' }, 'rejected'],
  ['DuplicateOrderId', {}, 'alreadyExists'],
  ['InvalidOrder', { venueCode: '-2010', venueText: 'Duplicate order sent.' }, 'alreadyExists'],
  ['RequestTimeout', {}, 'unknown'],
  ['NetworkError', {}, 'unknown'],
  ['ExchangeNotAvailable', {}, 'unknown'],
  ['OnMaintenance', { httpStatus: 503 }, 'unknown'],
  ['OperationFailed', {}, 'unknown'],
  ['BadResponse', {}, 'unknown'],
  ['NullResponse', {}, 'unknown'],
  ['ExchangeError', {}, 'unknown'],
  ['DDoSProtection', { httpStatus: 403 }, 'unknown'],
  ['DDoSProtection', {}, 'unknown'],
  ['OrderNotFound', {}, 'unknown'],
  ['InsufficientFunds', { httpStatus: 500 }, 'unknown'],
  ['RateLimitExceeded', { httpStatus: 503 }, 'unknown'],
  ['BadRequest', { venueCode: '-1007' }, 'unknown'],
  // The venue said yes, and the library could not make sense of it.
  ['BadSymbol', { httpStatus: 200 }, 'unknown'],
  ['InvalidOrder', { httpStatus: 201 }, 'unknown'],
  ['InvalidOrder', { httpStatus: 200, venueCode: '-1' }, 'rejected'],
];

describe('P10: the verdict table', () => {
  it.each(TABLE)('%s %j is %s', (name, more, kind) => {
    expect(verdictOf(evidence(name, more), BINANCE.verdictRows, {}).kind).toBe(kind);
  });

  it('calls nothing proven that is not an error of the library', () => {
    class NetworkError extends Error {}
    class InsufficientFunds extends Error {}
    for (const error of [new TypeError('x'), new NetworkError('x'), new InsufficientFunds('x'), 'text', undefined, null, { code: -2010 }]) {
      const classes = libraryClasses(error);
      expect(classes).toEqual([]);
      expect(verdictOf({ classes, detail: 'x' }, [], {}).kind).toBe('unknown');
    }
  });

  it('has a verdict for every class of the library, and each row decides something', () => {
    const decided = new Set<string>();
    const names = (Object.keys(library.errors) as Name[]).filter((name) => /^[A-Z]/.test(name));
    expect(names.length).toBeGreaterThan(35);
    for (const name of names) {
      for (const more of [{}, { httpStatus: 200 }, { httpStatus: 429 }, { httpStatus: 503 }, { venueCode: '-1' }])
        decided.add(verdictOf(evidence(name, more), [], {}).row);
    }
    decided.add(verdictOf({ classes: [], detail: '' }, [], {}).row);
    expect([...decided].toSorted()).toEqual(VERDICT_ROWS.map((row) => row.name).toSorted());
  });
});

describe('details for people', () => {
  it('are one line without query strings', () => {
    expect(plainDetail(new Error('GET http://127.0.0.1/api/v3/order?signature=abc&x=1 failed\n again'))).toBe(
      'GET http://127.0.0.1/api/v3/order failed again',
    );
    expect(plainDetail(new Error('x'.repeat(1_000)))).toHaveLength(300);
  });
});
