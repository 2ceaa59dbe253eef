import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { plainText, unitsOf } from '../amount/units.js';
import type { OrderRequest } from '../matching/order.js';
import { testVenue } from '../testing/open-venue.js';
import type { Venue } from '../venue.js';
import { readJournal } from './reader.js';

const folder = mkdtempSync(join(tmpdir(), 'paper-journal-'));
const NOW = 1_800_000_000_000;

afterAll(() => rmSync(folder, { recursive: true }));

function limit(side: 'BUY' | 'SELL', price: string, clientOrderId: string): OrderRequest {
  const none = { stopPrice: 0n, quoteQuantity: 0n };
  const amounts = { price: unitsOf(price), quantity: unitsOf('0.01') };
  return { symbol: 'BTCUSDT', side, type: 'LIMIT', timeInForce: 'GTC', clientOrderId, ...none, ...amounts };
}

/** All that a restart has to bring back. */
function picture(venue: Venue): unknown {
  return ['test', 'other', '$market', '$fees'].map((account) => ({
    balances: [...venue.ledger.balances(account)]
      .map(([asset, { free, locked }]) => `${asset} ${plainText(free)} ${plainText(locked)}`)
      .sort(),
    history: venue.orders.history(account, 'BTCUSDT').map((order) => ({ ...order, ahead: 0n })),
    open: venue.orders.open(account, 'BTCUSDT').map((order) => order.orderId),
    fills: venue.orders.fills(account, 'BTCUSDT'),
  }));
}

function trade(venue: Venue): void {
  venue.engine.place('test', limit('BUY', '50100', 'crosses'), NOW + 1);
  venue.engine.place('test', limit('BUY', '45000', 'rests'), NOW + 2);
  venue.engine.place('other', limit('SELL', '55000', 'rests'), NOW + 3);
  venue.engine.place(
    'test',
    { ...limit('BUY', '1', 'quote'), type: 'MARKET', price: 0n, quantity: 0n, quoteQuantity: unitsOf('77.7') },
    NOW + 4,
  );
  venue.engine.place('test', { ...limit('SELL', '44000', 'stop'), type: 'STOP_LOSS_LIMIT', stopPrice: unitsOf('44500') }, NOW + 5);
  const canceled = venue.engine.place('other', limit('SELL', '56000', 'canceled'), NOW + 6);
  venue.engine.cancel(canceled, 'why', NOW + 7);
}

test('a restart brings back accounts, orders, fills and numbers', () => {
  const journalFile = join(folder, 'whole.jsonl');
  const first = testVenue({ journalFile, now: () => NOW });
  trade(first);
  first.stop();
  const second = testVenue({ journalFile, now: () => NOW + 60_000 });
  expect(picture(second)).toEqual(picture(first));
  expect(second.books.get('BTCUSDT')?.waiting.size).toBe(1);
  expect(second.engine.place('test', limit('BUY', '45000', 'later'), NOW + 60_001).orderId).toBe(7);
  expect(second.tapes.get('BTCUSDT')?.anchorTime).toBe(first.tapes.get('BTCUSDT')?.anchorTime);
  second.stop();
});

test('a journal cut at any byte loses the cut line and only that', () => {
  const whole = join(folder, 'to-cut.jsonl');
  const first = testVenue({ journalFile: whole, now: () => NOW });
  trade(first);
  first.stop();
  const bytes = readFileSync(whole);
  const cut = join(folder, 'cut.jsonl');
  const lastLine = bytes.lastIndexOf(10, bytes.length - 2);
  for (let length = lastLine; length <= bytes.length; length += 1) {
    writeFileSync(cut, bytes.subarray(0, length));
    const end = readJournal(cut, () => undefined);
    expect(end.bytes).toBe(bytes.lastIndexOf(10, length - 1) + 1);
  }
  copyFileSync(whole, cut);
  truncateSync(cut, bytes.length - 5);
  const venue = testVenue({ journalFile: cut, now: () => NOW + 1000 });
  expect(venue.orders.open('other', 'BTCUSDT').map((order) => order.clientOrderId)).toEqual(['rests', 'canceled']);
  venue.engine.place('test', limit('BUY', '45000', 'after'), NOW + 1001);
  venue.stop();
  expect(() => readJournal(cut, () => undefined)).not.toThrow();
});

test('an edited journal is refused', () => {
  const file = join(folder, 'to-cut.jsonl');
  const lines = readFileSync(file, 'utf8').split('\n');
  lines.splice(3, 1);
  const edited = join(folder, 'edited.jsonl');
  writeFileSync(edited, lines.join('\n'));
  expect(() => readJournal(edited, () => undefined)).toThrow(/line 4 is not/);
});

test('a clock that was shifted by hand stays shifted', () => {
  const journalFile = join(folder, 'shifted.jsonl');
  const first = testVenue({ journalFile, now: () => NOW });
  first.clockShiftMs = 5000;
  first.noteAction('shiftClock', { shiftMs: 5000 });
  first.stop();
  const second = testVenue({ journalFile, now: () => NOW + 1 });
  expect(second.now()).toBe(NOW + 5001);
  expect(second.wallTime()).toBe(NOW + 1);
  second.stop();
});
