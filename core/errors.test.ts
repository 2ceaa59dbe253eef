import { describe, expect, test } from 'vitest';
import { failure } from './errors.js';

describe('the message of a failure', () => {
  test.each([
    [1, 'The configuration k.json has 1 problem:\n  a: b'],
    [3, 'The configuration k.json has 3 problems:\n  a: b'],
  ])('agrees with %i in number', (count, message) => {
    expect(failure('CONFIG_INVALID', { path: 'k.json', count, problems: '  a: b' }).message).toBe(message);
  });

  test('never fails for a value that is missing', () => {
    expect(failure('CONFIG_INVALID').message).toBe('The configuration ? has ? problems:\n?');
    expect(failure('RISK_MODE', { account: 'main', mode: 'paused' }).message).toContain('a signal to ? is not sent');
  });
});
