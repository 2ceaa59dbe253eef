import { describe, expect, it } from 'vitest';
import { answerOf, isBeyond, type StepAnswer } from './before.js';

describe('how a run stood before', () => {
  it.each([
    // The second try of the second step has its precondition behind it.
    [0, 1, undefined, false],
    [1, 1, 'verification', false],
    [1, 2, undefined, false],
    [1, 2, 'precondition', false],
    [1, 2, 'action', true],
    [1, 3, undefined, true],
    [2, 1, undefined, true],
    [2, 1, 'precondition', true],
  ] as const)('step %i, try %i, %s: beyond what is recorded: %s', (position, attempt, part, beyond) => {
    expect(isBeyond({ position: 1, attempt: 2, ended: 'precondition' }, position, attempt, part)).toBe(beyond);
  });

  it('of a try of which nothing has ended each part is beyond, and the try is not', () => {
    const reached = { position: 1, attempt: 1, ended: null };
    expect([isBeyond(reached, 1, 1), isBeyond(reached, 1, 1, 'precondition')]).toEqual([false, true]);
  });

  it('what a person has said answers the wait that it was said to, once, whatever order the clock gave them', () => {
    const said = (kind: StepAnswer['kind'], position: number): StepAnswer => ({ kind, position, subject: 'rik', reason: 'a test' });
    const [sign, retry, skip] = [said('sign', 1), said('retry', 1), said('skip', 2)];
    const answers = [sign, retry, skip];
    expect(answerOf(answers, 1, 'failed')).toEqual({ answer: retry, rest: [sign, skip] });
    expect(answerOf([sign, skip], 1, 'failed')).toBeUndefined();
    expect(answerOf([sign, skip], 1, 'signature')).toEqual({ answer: sign, rest: [skip] });
    expect(answerOf([skip], 2, 'signature')).toEqual({ answer: skip, rest: [] });
    expect(answerOf([skip], 0, 'failed')).toBeUndefined();
  });
});
