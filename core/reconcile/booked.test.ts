import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DecimalText } from '../money/index.js';
import { compare } from './compare.js';
import { deltasOf, Sum } from './deltas.js';
import type { Difference, KnownDifference } from './difference.js';
import { judge } from './judge.js';
import { RECONCILE } from './rules.js';
import type { SeenFill, SeenOrder } from './sight.js';

const d = (value: string): DecimalText => value as DecimalText;
const NOW = 1_700_000_000_000;
const INSTRUMENT = 'BTC/USDT';
const INSTRUMENTS = { [INSTRUMENT]: { base: 'BTC', quote: 'USDT' } };
const ORDER: SeenOrder = {
  ...{ venueOrderId: 'v1', clientOrderId: 'by-hand', instrument: INSTRUMENT, side: 'buy' },
  ...{ quantity: d('9'), executedQuantity: d('0'), price: d('100'), isTriggered: true, createdTime: NOW - 600_000 },
};
const fill = (n: number): SeenFill => ({
  ...{ venueTradeId: `t${n}`, venueOrderId: 'v1', instrument: INSTRUMENT, side: 'buy', price: d('100'), quantity: d('1') },
  ...{ fee: d('0.1'), feeAsset: 'USDT', liquiditySide: 'taker', eventTime: NOW - 300_000 + n },
});

/** An order by another hand that fills while people book what it has filled, and looks come in between. */
class Story {
  rows: KnownDifference[] = [];
  readonly fills: SeenFill[] = [];
  isOpen = true;
  private readonly booked = new Sum();
  private readonly shown = new Sum();

  fillOne(): void {
    if (!this.isOpen) return;
    const one = fill(this.fills.length);
    this.fills.push(one);
    this.shown.add(deltasOf(one, INSTRUMENTS));
  }

  book(): void {
    this.rows = this.rows.map((row) => {
      if (row.status !== 'open' || Object.keys(row.deltas).length === 0) return row;
      this.booked.add(row.deltas);
      return { ...row, status: 'decided', decision: 'book', decidedMs: RECONCILE.repairMs };
    });
  }

  look(): readonly Difference[] {
    const venue = { venueTime: NOW, fillsSince: NOW - 600_000, fills: this.fills, balances: this.shown.deltas };
    const ledger = {
      ...{ account: 'main', databaseTime: NOW, onboardedTime: 0, orders: [], fills: [], balances: this.booked.deltas },
      ...{ protected: [], instruments: INSTRUMENTS, contradictions: [], bookedBeside: [] },
    };
    const compared = compare(
      { venue: { ...venue, openOrders: this.isOpen ? [ORDER] : [] }, ledger, workflows: undefined, isFull: false },
      this.rows,
      RECONCILE,
    );
    for (const change of judge(compared, this.rows, RECONCILE).changes) {
      if (change.kind === 'new') {
        const { eventTime = null, ...found } = change.difference;
        const times = {
          eventTime,
          repairs: 0,
          failedRepairs: 0,
          unseenMs: 0,
          sameMs: RECONCILE.repairMs,
          seenMs: 0,
          decidedMs: null,
          isBooked: false,
        };
        this.rows.push({ ...found, ...times, id: String(this.rows.length + 1), status: change.status, decision: null });
        continue;
      }
      this.rows = this.rows.flatMap((row): KnownDifference[] => {
        if (row.id !== change.id) return [row];
        if (change.kind === 'ended')
          return row.decision === 'book' ? [{ ...row, status: 'closed' }] : [{ ...row, status: 'closed', decision: null }];
        const { eventTime = null, ...found } = change.difference;
        const status = change.kind === 'opened' ? 'open' : row.status;
        return [{ ...row, ...found, eventTime, status, decision: change.kind === 'opened' ? null : row.decision }];
      });
    }
    return compared.differences;
  }

  isExplained(): boolean {
    return JSON.stringify(this.booked.deltas) === JSON.stringify(this.shown.deltas);
  }
}

it('whatever an order by another hand fills, and whenever a person books it, each fill is booked once', () => {
  const step = fc.constantFrom('fillOne', 'look', 'book', 'look', 'close');
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const story = new Story();
      for (const one of steps) {
        if (one === 'close') story.isOpen = false;
        else story[one]();
      }
      story.isOpen = false;
      for (let count = 0; count < 4; count += 1) {
        story.look();
        story.book();
      }
      expect(story.look()).toEqual([]);
      expect(story.isExplained()).toBe(true);
    }),
  );
});
