import { describe, expect, it } from 'vitest';
import type { DecimalText } from '../money/index.js';
import { againMs, isEscalationDue, lookAgainMs, waitMs } from './pace.js';
import type { Finding, Unverified } from './verify.js';

const quantity = '1' as DecimalText;
const held: Unverified = { kind: 'exposure', strategy: 'momentum', instrument: 'BTC/USDT', quantity };
const SURPLUS: Unverified = { kind: 'surplus', asset: 'BTC', quantity };
const STOP = { kind: 'stop', strategy: 'momentum', instrument: 'BTC/USDT' } as const;
const ORDER = { kind: 'order', intentId: 'x', instrument: 'BTC/USDT', status: 'unknown' } as const;
const found = (...unverified: Unverified[]): Finding => ({ unverified, dust: [], kept: [] });

describe('a halt that is not verified', () => {
  it('is tried again soon, and then each three seconds', () => {
    expect([1, 2, 3, 4, 5, 50].map((failed) => waitMs(failed, found(held), 5))).toEqual([250, 500, 1_000, 2_000, 3_000, 3_000]);
  });

  it.each<readonly [string, readonly Unverified[], number]>([
    ['what is not ours', [SURPLUS], 20_000],
    [
      'what nobody knows',
      [{ kind: 'contradicted', strategy: 'momentum', instrument: 'BTC/USDT', held: quantity, filled: quantity }],
      20_000,
    ],
    ['what does not trade, or has no price', [{ ...held, because: 'halted' }, SURPLUS, { ...held, because: 'noPrice' }], 20_000],
    [
      'a stop that cannot be placed',
      [
        { ...STOP, because: 'halted' },
        { ...STOP, because: 'refused' },
      ],
      20_000,
    ],
    ['an order that no look-up tells of any more', [{ ...ORDER, because: 'undecided' }, SURPLUS], 20_000],
    ['an order that may still be told of', [ORDER], 3_000],
    ['a stop that the venue does not show', [{ ...STOP, because: 'the venue does not show main:x' }], 3_000],
    ['what can be sold beside it', [SURPLUS, held], 3_000],
    ['a foreign order, which is canceled', [{ kind: 'openOrder', instrument: 'BTC/USDT', venueOrderId: '1', isOurs: false }], 3_000],
    ['a stop that is missing', [SURPLUS, { kind: 'stop', strategy: 'momentum', instrument: 'BTC/USDT', because: 'placeStop' }], 3_000],
    ['a venue that does not answer', [{ kind: 'unanswered', detail: 'away' }], 3_000],
  ])('waits longer only where nothing of ours is left to do, and people were told: %s', (_, unverified, longest) => {
    expect(waitMs(50, found(...unverified), 1)).toBe(longest);
    expect(waitMs(50, found(...unverified), 0)).toBe(3_000);
    // Whoever watches it goes by the longest.
    expect([againMs('running', found(...unverified)), againMs('verified', found())]).toEqual([longest, 20_000]);
  });

  it('waits until the venue has room for its next round, whatever is found', () => {
    const resting = (restMs: number, ...unverified: Unverified[]) => ({ ...found(...unverified), look: { time: 0, under: [], restMs } });
    expect([1, 5].map((failed) => waitMs(failed, resting(40_000, held), 0))).toEqual([40_000, 40_000]);
    expect([waitMs(1, resting(100, held), 0), waitMs(5, resting(100, held), 0)]).toEqual([250, 3_000]);
    expect([lookAgainMs(1_000, resting(40_000)), lookAgainMs(1_000, resting(500)), lookAgainMs(1_000, found())]).toEqual([
      40_000, 1_000, 1_000,
    ]);
    // Whoever watches it knows.
    expect([againMs('running', resting(40_000, held)), againMs('verified', resting(40_000))]).toEqual([40_000, 40_000]);
  });

  it('is looked at soon where nothing is missing any more, and it is not verified yet', () => {
    expect(againMs('running', found())).toBe(3_000);
  });

  it('is told after 30 s, and each five minutes', () => {
    const due = (now: number, escalations: number): boolean => isEscalationDue(now, { since: 1_000, escalations });
    expect([due(30_999, 0), due(31_000, 0), due(330_999, 1), due(331_000, 1), due(631_000, 2)]).toEqual([false, true, false, true, true]);
  });
});
