import { describe, expect, it } from 'vitest';
import { RULES } from '../../test/support/risk-view.js';
import { decimal, type DecimalText } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import type { OrderDraft } from './draft.js';
import { filterFailures } from './filters.js';

const rules = { ...RULES, maxMarketQuantity: '10' as DecimalText };
const draft = (type: OrderDraft['type'], quantity: string): OrderDraft => ({
  purpose: 'stop',
  side: 'sell',
  type,
  postOnly: false,
  timeInForce: 'GTC',
  quantity: decimal(quantity),
  price: decimal('97.5'),
  stopPrice: decimal('98'),
  workingUntil: null,
  reference: decimal('98'),
});
const codes = (type: OrderDraft['type'], quantity: string, over = rules): string[] =>
  filterFailures(draft(type, quantity), over, 'paper').map(({ code }) => code);

describe('the venue’s maximum at the market', () => {
  it('binds orders at the market and no others', () => {
    expect(codes('stopMarket', '10')).toEqual([]);
    expect(codes('stopMarket', '10.001')).toEqual(['ORDER_ABOVE_MAX_MARKET_QUANTITY']);
    expect(codes('stopLimit', '10.001')).toEqual([]);
    expect(codes('limit', '10.001')).toEqual([]);
  });

  it('is one more reason beside the maximum of all orders', () => {
    expect(codes('stopMarket', '100.001')).toEqual(['ORDER_ABOVE_MAX_QUANTITY', 'ORDER_ABOVE_MAX_MARKET_QUANTITY']);
  });

  it('binds nothing where the venue sets none', () => {
    const { maxMarketQuantity: _, ...none } = rules;
    expect(filterFailures(draft('stopMarket', '100'), none, 'paper')).toEqual([]);
  });
});

it('an instrument that does not trade is told with the name of its venue', () => {
  const [halted] = filterFailures(draft('limit', '10'), { ...rules, trading: false, status: 'BREAK' }, 'kraken-one');
  expect(halted?.message).toBe(`${RULES.instrument} is not trading at kraken-one (status BREAK).`);
});

describe('an instrument that takes no entries', () => {
  const halted = { ...rules, trading: false };
  const refused = (over: InstrumentRules, more: Partial<OrderDraft>): boolean =>
    filterFailures({ ...draft('limit', '1'), ...more }, over, 'paper').some(({ code }) => code === 'RISK_INSTRUMENT_HALTED');

  it.each<readonly [string, InstrumentRules, readonly OrderDraft['type'][]]>([
    ['as read by builds before, while it trades', rules, ['limit', 'stopLimit', 'stopMarket']],
    ['as read by builds before', halted, []],
    ['and sales with a limit', { ...halted, sales: 'limit' }, ['limit', 'stopLimit']],
    ['and all sales', { ...halted, sales: 'all' }, ['limit', 'stopLimit', 'stopMarket']],
  ])('P19, %s: what it takes of sales', (_, over, taken) => {
    const types = ['limit', 'stopLimit', 'stopMarket'] as const;
    for (const purpose of ['exit', 'stop', 'escape', 'flatten'] as const) {
      expect(types.filter((type) => !refused(over, { purpose, type }))).toEqual(taken);
    }
    expect(refused(over, { purpose: 'entry', side: 'buy' })).toBe(!over.trading);
  });
});
