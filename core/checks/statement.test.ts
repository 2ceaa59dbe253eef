import { describe, expect, it } from 'vitest';
import type { DecimalText } from '../money/index.js';
import { leftLines, type LeftDifference } from './left.js';
import { checkStatement, statementLines, type Balances, type StatementFacts } from './statement.js';

const line = (asset: string, opening: string, closing: string, kept = closing): StatementFacts['lines'][number] => ({
  ...{ asset, opening: opening as DecimalText, closing: closing as DecimalText, kept: kept as DecimalText },
});
const DAY: StatementFacts = {
  ...{ day: '2026-11-26', fills: 2, movements: 0, wrong: [], wrongCount: 0, left: [] },
  lines: [line('BTC', '0', '0.5'), line('ETH', '0', '0'), line('USDT', '1000', '700.10')],
};
const venue = (balances: Record<string, string>): Balances => balances as Balances;

it('a statement that closes at what the venue has is fine, and told by asset', () => {
  expect(checkStatement(DAY, venue({ BTC: '0.50000', USDT: '700.1', XRP: '0' }))).toEqual([]);
  expect(statementLines(DAY, venue({ BTC: '0.5', USDT: '700.1' })).split('\n')).toEqual([
    '2026-11-26 (UTC) until now: 2 fills, 0 movements, no difference in the books',
    'BTC: 0 → 0.5, as at the venue',
    'USDT: 1000 → 700.10, as at the venue',
  ]);
});

it.each<[string, StatementFacts, Record<string, string>, readonly string[]]>([
  ['less at the venue', DAY, { BTC: '0.5', USDT: '700' }, ['USDT: the statement closes at 700.1, the venue has 700']],
  ['an asset that only the venue has', DAY, { BTC: '0.5', USDT: '700.1', XRP: '3' }, ['XRP: the statement closes at 0, the venue has 3']],
  [
    'what is kept and is not the sum',
    { ...DAY, lines: [line('BTC', '0', '0.5', '0.4')] },
    { BTC: '0.5' },
    ['BTC: the books keep 0.4, its entries sum up to 0.5'],
  ],
  [
    'a fill that is booked as another',
    { ...DAY, lines: [], wrong: ['trade 7 of order 9'], wrongCount: 1 },
    {},
    ['1 transactions since the last statement are not booked as they say (keelson ledger verify): trade 7 of order 9'],
  ],
])('%s is found', (_, facts, balances, found) => expect(checkStatement(facts, venue(balances))).toEqual(found));

describe('what a person has left as it is', () => {
  const left = (deltas: Record<string, string>, differenceId = '12'): LeftDifference => ({
    ...{ differenceId, class: 'balanceMovement', subject: 'balance:USDT', deltas: deltas as LeftDifference['deltas'] },
    ...{ leftBy: 'rita', reason: 'a bonus of the venue, which its page has', leftTime: Date.UTC(2026, 10, 25, 9, 5) },
  });
  const WITH: StatementFacts = { ...DAY, left: [left({ USDT: '5' })] };

  it('is no finding while it is exactly that, and told with who left it, when and why', () => {
    const shown = venue({ BTC: '0.5', USDT: '705.1' });
    expect(checkStatement(WITH, shown)).toEqual([]);
    expect(statementLines(WITH, shown).split('\n').slice(2)).toEqual([
      'USDT: 1000 → 700.10, the venue has 705.1: the rest is left as it is',
      'difference 12 (balanceMovement balance:USDT, +5 USDT), left as it is by rita at 2026-11-25T09:05Z: a bonus of the venue, which its page has',
    ]);
  });

  it('is one as soon as anything is off beside it', () => {
    expect(checkStatement(WITH, venue({ BTC: '0.5', USDT: '705.2' }))).toEqual([
      'USDT: the statement closes at 700.1, the venue has 705.2, and what is left as it is is 5',
    ]);
    expect(checkStatement(WITH, venue({ BTC: '0.6', USDT: '705.1' }))).toEqual(['BTC: the statement closes at 0.5, the venue has 0.6']);
  });

  it('adds up, also of an asset that the books do not have, and is none of what the venue has again', () => {
    const several = { ...DAY, left: [left({ USDT: '5', XRP: '3' }), left({ USDT: '-2' }, '13')] };
    expect(checkStatement(several, venue({ BTC: '0.5', USDT: '703.1', XRP: '3' }))).toEqual([]);
    expect(checkStatement(several, venue({ BTC: '0.5', USDT: '700.1', XRP: '3' }))).toEqual([]);
  });

  it('is told shortly where there is much of it', () => {
    const lines = leftLines(Array.from({ length: 23 }, (_, n) => left({ USDT: '-1' }, String(n))));
    expect([lines.length, lines[0], lines.at(-1)]).toEqual([
      11,
      expect.stringContaining('-1 USDT'),
      'and 13 more (keelson reconcile list)',
    ]);
  });
});
