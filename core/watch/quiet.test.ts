import { expect, it } from 'vitest';
import type { DecimalText } from '../money/index.js';
import { isQuiet, type Stakes } from './quiet.js';
import { UNWATCHED, type Observation, type Sample } from './sample.js';

const KNOWN = { BNB: '3' as DecimalText };
const IDLE: Stakes = { openOrders: 0, held: [], missingKill: undefined };
const SAMPLE: Pick<Sample, 'equity' | 'state'> = { equity: '100' as DecimalText, state: { ...UNWATCHED, external: KNOWN } };
const READ: Observation['readings'] = { last: KNOWN, before: undefined };
const gone = (parts: object): typeof SAMPLE => ({
  ...SAMPLE,
  state: { ...SAMPLE.state, unexplained: { assets: {}, exchanged: {}, ...parts } as never },
});

it('an account of which nothing rests, is held or is unknown is quiet', () => {
  expect(isQuiet(IDLE, SAMPLE, READ)).toBe(true);
  expect(isQuiet(IDLE, gone({}), READ)).toBe(true);
});

it.each<[string, Partial<Stakes>, typeof SAMPLE, Observation['readings']]>([
  ['an order is not final', { openOrders: 1 }, SAMPLE, READ],
  ['a position is held', { held: ['BTC/USDT'] }, SAMPLE, READ],
  ['a halt waits for somebody to carry it out', { missingKill: {} }, SAMPLE, READ],
  ['what it is worth is not known', {}, { ...SAMPLE, equity: undefined }, READ],
  ['balances go on moving', {}, { ...SAMPLE, state: { ...SAMPLE.state, movingSince: 1 } }, READ],
  ['no balances were read', {}, SAMPLE, undefined],
  ['the last balances differ', {}, SAMPLE, { last: { ...KNOWN, USDT: '-5' as DecimalText }, before: KNOWN }],
  ['something went that nobody has explained', {}, gone({ assets: { USDT: { quantity: '5', worth: '5' } } }), READ],
  ['others have exchanged something that is not booked', {}, gone({ exchanged: { USDT: '-5' } }), READ],
])('an account is at stake while %s', (_, stakes, sample, readings) => {
  expect(isQuiet({ ...IDLE, ...stakes }, sample, readings)).toBe(false);
});
