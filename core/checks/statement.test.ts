import { expect, it } from 'vitest';
import type { DecimalText } from '../money/index.js';
import { checkStatement, statementLines, type Balances, type StatementFacts } from './statement.js';

const line = (asset: string, opening: string, closing: string, kept = closing): StatementFacts['lines'][number] => ({
  ...{ asset, opening: opening as DecimalText, closing: closing as DecimalText, kept: kept as DecimalText },
});
const DAY: StatementFacts = {
  ...{ day: '2026-11-26', fills: 2, movements: 0, wrong: [], wrongCount: 0 },
  lines: [line('BTC', '0', '0.5'), line('ETH', '0', '0'), line('USDT', '1000', '700.10')],
};
const venue = (balances: Record<string, string>): Balances => balances as Balances;

it('a statement that closes at what the venue has is fine, and told by asset', () => {
  expect(checkStatement(DAY, venue({ BTC: '0.50000', USDT: '700.1', XRP: '0' }))).toEqual([]);
  expect(statementLines(DAY).split('\n')).toEqual([
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
