import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { unitsOf } from '../amount/units.js';
import { testVenue } from '../testing/open-venue.js';
import { summarizeJournal } from './summary.js';

const folder = mkdtempSync(join(tmpdir(), 'paper-summary-'));
const NOW = 1_800_000_000_000;

afterAll(() => rmSync(folder, { recursive: true }));

function journalOf(name: string): string {
  const journalFile = join(folder, name);
  const venue = testVenue({ journalFile, now: () => NOW });
  const order = { symbol: 'BTCUSDT', side: 'BUY', timeInForce: 'GTC', stopPrice: 0n, quoteQuantity: 0n } as const;
  venue.engine.place('test', { ...order, type: 'MARKET', clientOrderId: 'a', price: 0n, quantity: unitsOf('0.1') }, NOW);
  venue.engine.place('test', { ...order, type: 'LIMIT', clientOrderId: 'b', price: unitsOf('40000'), quantity: unitsOf('0.01') }, NOW);
  venue.moveBalance('other', 'USDT', unitsOf('-1'));
  venue.stop();
  return journalFile;
}

test('a journal tells orders, fills and balances by account', () => {
  const summary = summarizeJournal(journalOf('plain.jsonl'));
  const account = summary.accounts.get('test');
  expect([...(account?.orders.values() ?? [])].map(({ clientOrderId, status }) => `${clientOrderId} ${status}`)).toEqual([
    'a FILLED',
    'b NEW',
  ]);
  expect(account?.fills.reduce((sum, fill) => sum + unitsOf(fill.quantity), 0n)).toBe(unitsOf('0.1'));
  expect(account?.balances.get('BTC')?.free).toBe('2.0999');
  expect(account?.balances.get('USDT')?.locked).toBe('400');
  expect(summary.accounts.get('$fees')?.balances.get('BTC')?.free).toBe('0.0001');
  expect(summary.actions.at(-1)).toMatchObject({ action: 'moveBalance' });
  expect(summary.problems).toEqual([]);
});

test('a unit that comes from nowhere and a fill of nothing are problems', () => {
  const file = journalOf('tampered.jsonl');
  const text = readFileSync(file, 'utf8').replace('"free":"2.0999"', '"free":"2.09990001"');
  writeFileSync(file, text);
  const { lines, problems } = summarizeJournal(file);
  expect(problems[0]).toMatch(/0\.00000001 BTC came from nowhere/);
  const fill = { type: 'fill', orderId: 99, account: 'test', quantity: '1', executed: '1' };
  appendFileSync(file, `${JSON.stringify({ seq: lines + 1, time: NOW, events: [fill] })}\n`);
  expect(summarizeJournal(file).problems.at(-2)).toMatch(/order 99, which was never admitted/);
});
