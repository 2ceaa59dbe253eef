import { describe, expect, it } from 'vitest';
import type { FillEvent, JournalEvent, JournalLine, OrderEvent } from '../../exchange/journal/record.js';
import { brokenRules, ordersPlaced } from './journal-rules.js';

const order = (orderId: number, side: string, orderType: string, quantity: string, status = 'NEW'): OrderEvent => ({
  type: 'order',
  execution: status,
  order: {
    orderId,
    account: 'test',
    symbol: 'BTCUSDT',
    clientOrderId: `c${orderId}`,
    side,
    orderType,
    timeInForce: 'GTC',
    price: '1',
    stopPrice: '0',
    quantity,
    quoteQuantity: '0',
    executed: status === 'FILLED' ? quantity : '0',
    executedQuote: '0',
    status,
    time: 1,
    updateTime: 1,
    workingTime: 1,
    locked: '0',
    ahead: '0',
    orderListId: -1,
  },
});

const fill = (orderId: number, side: string, quantity: string, commission = '0', status = 'FILLED'): FillEvent => ({
  type: 'fill',
  tradeId: orderId,
  orderId,
  account: 'test',
  symbol: 'BTCUSDT',
  clientOrderId: `c${orderId}`,
  side,
  price: '1',
  quantity,
  quote: '1',
  commission,
  commissionAsset: side === 'BUY' ? 'BTC' : 'USDT',
  maker: false,
  executed: quantity,
  executedQuote: '1',
  status,
  locked: '0',
});

const journal = (...lines: JournalEvent[][]): JournalLine[] => lines.map((events, index) => ({ seq: index + 1, time: index, events }));
const broken = (...lines: JournalEvent[][]): string[] => brokenRules(journal(...lines), 'test', 'BTC');

const BOUGHT = [order(1, 'BUY', 'LIMIT', '1'), fill(1, 'BUY', '1', '0.1')];

describe('what the venue’s journal may show', () => {
  it('a stop for what was received, taken away before the exit', () => {
    const sold = [order(3, 'SELL', 'LIMIT', '0.9'), fill(3, 'SELL', '0.9')];
    expect(broken(BOUGHT, [order(2, 'SELL', 'STOP_LOSS', '0.9')], [order(2, 'SELL', 'STOP_LOSS', '0.9', 'CANCELED')], sold)).toEqual([]);
  });

  it('never two stops at once, though one is gone at the end', () => {
    const found = broken(
      BOUGHT,
      [order(2, 'SELL', 'STOP_LOSS', '0.4')],
      [order(3, 'SELL', 'STOP_LOSS_LIMIT', '0.4')],
      [order(2, 'SELL', 'STOP_LOSS', '0.4', 'CANCELED'), order(3, 'SELL', 'STOP_LOSS_LIMIT', '0.4', 'CANCELED')],
    );
    expect(found).toEqual(['line 3: 2 stops are open: c2, c3']);
  });

  it('never more on sale than was received after fees', () => {
    const found = broken(BOUGHT, [order(2, 'SELL', 'STOP_LOSS', '1')], [order(2, 'SELL', 'STOP_LOSS', '1', 'CANCELED')]);
    expect(found).toEqual(['line 2: 1 is on sale and only 0.9 is held']);
  });

  it('never more sold than was received', () => {
    expect(broken(BOUGHT, [order(2, 'SELL', 'LIMIT', '1'), fill(2, 'SELL', '1')])).toEqual(['line 2: oversold by 0.1']);
  });

  it('nothing open at the end', () => {
    expect(broken(BOUGHT, [order(2, 'SELL', 'STOP_LOSS', '0.9')])).toEqual(['still open at the venue: order c2']);
  });

  it('counts orders, not their steps, and only the account’s own', () => {
    const other = order(9, 'BUY', 'LIMIT', '1');
    const lines = journal(BOUGHT, [order(1, 'BUY', 'LIMIT', '1', 'FILLED')], [{ ...other, order: { ...other.order, account: 'other' } }]);
    expect(ordersPlaced(lines, 'test')).toBe(1);
  });
});
