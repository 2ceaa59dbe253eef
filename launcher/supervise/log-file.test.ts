import { describe, expect, it } from 'vitest';
import { lastWords } from './log-file.js';

describe('lastWords', () => {
  it('prefers a line with a code, then an error, then the last line', () => {
    expect(lastWords('starting\nCONFIG_DATABASE: no such database\nbye\n')).toBe('CONFIG_DATABASE: no such database');
    expect(lastWords('starting\nTypeError: x is not a function\n    at run (file.js:1:2)\n\nNode.js v20.20.2\n')).toBe(
      'TypeError: x is not a function',
    );
    expect(lastWords('one\ntwo\n')).toBe('two');
    expect(lastWords('')).toBe('it wrote nothing');
  });

  it('reads structured lines', () => {
    expect(lastWords('{"level":50,"msg":"could not start","err":{"message":"refused"}}\n')).toBe('could not start: refused');
  });
});
