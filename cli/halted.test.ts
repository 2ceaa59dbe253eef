import { describe, expect, it } from 'vitest';
import { changedMode, underHalts } from './halted.js';

const HALT = { latchId: 'l-1', scope: 'account', scopeValue: 'main', subject: 'rik', reason: 'a \u001b[2Jspread' } as const;

describe('what a change of mode comes to', () => {
  it('is the mode where nothing is halted', () => {
    expect(changedMode({ account: 'main', mode: 'normal', latches: [] }, true)).toMatchObject({ text: 'main is in mode normal.\n' });
  });

  it('is nothing under a halt over the account: with its exit code, who called it, and what ends it', () => {
    const { text, exitCode } = changedMode({ account: 'main', mode: 'killed', latches: [HALT] }, true);
    expect(exitCode).toBe(1);
    expect(text).toMatch(/^NOTHING GOES ON: main is halted/);
    expect(text).toContain('keelson rearm l-1 --reason …');
    expect(text).not.toContain('\u001b');
    // Of two it does not say which.
    expect(changedMode({ account: 'main', mode: 'killed', latches: [HALT, { ...HALT, latchId: 'l-2' }] }, true).text).toContain(
      'rearm <halt>',
    );
  });

  it('is what was asked for, where it was to do less, or a part only is halted', () => {
    for (const [mode, isToGoOn] of [
      ['killed', false],
      ['normal', true],
    ] as const) {
      const { text, exitCode } = changedMode({ account: 'main', mode, latches: [HALT] }, isToGoOn);
      expect([text.startsWith(`main is in mode ${mode}. A halt stands over it:`), exitCode]).toEqual([true, undefined]);
      expect(text.includes('What is halted does not go on: keelson halts')).toBe(isToGoOn);
    }
  });
});

it('whoever stops under a halt is told that it stands, what nobody does meanwhile, and what ends it', () => {
  expect(underHalts([{ account: 'main', latches: [] }])).toBe('');
  const text = underHalts([
    { account: 'main', latches: [HALT] },
    { account: 'desk', latches: [] },
  ]);
  expect(text).toContain('main: halted (account main) by rik');
  expect(text).toMatch(/next start.*nobody sells, cancels or keeps stops.*keelson halts says verified.*keelson rearm l-1/);
  expect(text).not.toMatch(/desk|\u001b/);
});
