import { describe, expect, it } from 'vitest';
import { failure } from '../errors.js';
import type { StoredOrder } from '../order/stored-order.js';
import { MOST_ATTEMPTS, nextAttempt, type NextAttempt } from './next-attempt.js';

const ended = (status: StoredOrder['status'], reason?: string, postOnly = false): StoredOrder =>
  ({
    status,
    postOnly,
    isFinal: true,
    failures: reason === undefined ? [] : [{ code: 'VENUE_REJECTED', message: '', values: { reason } }],
  }) as unknown as StoredOrder;

describe('whether a signal has another order', () => {
  it('P14: once more after a proven absence, and not a third time', () => {
    expect(nextAttempt(ended('notPlaced'), [], false)).toBe('afterNotPlaced');
    expect(nextAttempt(ended('notPlaced'), ['afterNotPlaced'], false)).toBeUndefined();
    const decided = failure('ORDER_DECIDED_BY_PERSON', { subject: 'rik', reason: 'the venue says so' });
    expect(nextAttempt({ ...ended('notPlaced'), failures: [decided] }, [], false)).toBeUndefined();
  });

  it('one re-quote when a post-only order would have taken, and for no other refusal', () => {
    const refused = ended('rejected', 'postOnlyWouldTake', true);
    expect(nextAttempt(refused, [], false)).toBe('requote');
    expect(nextAttempt(refused, ['requote'], false)).toBeUndefined();
    expect(nextAttempt(ended('rejected', undefined, true), [], false)).toBeUndefined();
  });

  it('a replacement only for what was canceled to be replaced', () => {
    expect(nextAttempt(ended('canceled'), [], true)).toBe('replace');
    expect(nextAttempt(ended('canceled'), [], false)).toBeUndefined();
    expect(nextAttempt(ended('filled'), [], true)).toBeUndefined();
  });

  it('never while the order is not over, and never without end', () => {
    expect(nextAttempt({ ...ended('canceled'), isFinal: false }, [], true)).toBeUndefined();
    const many = Array<NextAttempt>(MOST_ATTEMPTS - 1).fill('replace');
    expect(nextAttempt(ended('canceled'), many, true)).toBeUndefined();
  });
});
