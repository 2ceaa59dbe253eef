import { describe, expect, it } from 'vitest';
import type { DecimalText } from '../money/index.js';
import { compare } from './compare.js';
import type { Decision, KnownDifference } from './difference.js';
import { judge, type Change } from './judge.js';
import { RECONCILE } from './rules.js';
import type { BookedOrder, SeenFill, SeenOrder } from './sight.js';

const d = (value: string): DecimalText => value as DecimalText;
const START = 1_700_000_000_000;
const INSTRUMENT = 'BTC/USDT';
const LOOK_EACH_MS = 3_000;
const HOUR_MS = 3_600_000;
const ORDER: SeenOrder = {
  ...{ venueOrderId: 'v1', clientOrderId: 'by-hand', instrument: INSTRUMENT, side: 'buy' },
  ...{ quantity: d('9000'), executedQuantity: d('0'), price: d('100'), isTriggered: true, createdTime: START },
};
const fill = (n: number, eventTime: number): SeenFill => ({
  ...{ venueTradeId: `t${n}`, venueOrderId: 'v1', instrument: INSTRUMENT, side: 'buy', price: d('100'), quantity: d('1') },
  ...{ fee: d('0'), feeAsset: 'USDT', liquiditySide: 'maker', eventTime },
});

/** An order that goes on to fill, and looks that find it as the rows of the ledger say. Of one of ours the first fill is not booked, and no list has it any more. */
class Filling {
  sinceMs = 0;
  row: KnownDifference | undefined;
  readonly fills: SeenFill[] = [];
  readonly repaired: number[] = [];

  private readonly eachMs: number;
  private readonly isOurs: boolean;
  private readonly late: number;

  /** @param late of ours, how many of the newest fills are not booked yet when a look comes. */
  constructor(eachMs: number, isOurs = false, late = 0) {
    this.eachMs = eachMs;
    this.isOurs = isOurs;
    this.late = late;
  }

  look(): readonly Change[] {
    this.sinceMs += LOOK_EACH_MS;
    while (this.fills.length * this.eachMs < this.sinceMs) {
      this.fills.push(fill(this.fills.length, START + this.fills.length * this.eachMs));
    }
    const listed = this.isOurs ? this.fills.slice(1) : this.fills;
    const venue = { venueTime: START + this.sinceMs, fillsSince: START, fills: listed, openOrders: [this.shown()], balances: {} };
    const booked = this.isOurs ? listed.slice(0, Math.max(0, listed.length - this.late)).map((one) => ({ ...one, intentId: 'i1' })) : [];
    const ledger = {
      ...{ account: 'main', databaseTime: START, onboardedTime: 0, orders: this.ours(), fills: booked, balances: {}, protected: [] },
      ...{ instruments: { [INSTRUMENT]: { base: 'BTC', quote: 'USDT' } }, contradictions: [], bookedBeside: [] },
    };
    const known = this.row === undefined ? [] : [this.row];
    const compared = compare({ venue, ledger, workflows: undefined, isFull: false }, known, RECONCILE);
    const judged = judge(compared, known, RECONCILE);
    const what = this.isOurs ? 'missedFill' : 'orphanOrder';
    const isOurs = (change: Change): boolean => !this.isOurs || ('difference' in change && change.difference.subject === 'intent:i1');
    const changes = judged.changes.filter((change) => !('difference' in change) || (change.difference.class === what && isOurs(change)));
    if (judged.repairs.some(({ repair }) => repair.kind === 'lookUp')) this.repaired.push(this.sinceMs);
    for (const change of changes) this.write(change);
    return changes;
  }

  private shown(): SeenOrder {
    return this.isOurs ? { ...ORDER, clientOrderId: 'c1', executedQuantity: d(String(this.fills.length)) } : ORDER;
  }

  private ours(): readonly BookedOrder[] {
    if (!this.isOurs) return [];
    const unchangedMs = START + this.sinceMs - (this.fills.at(-1)?.eventTime ?? START);
    const { quantity, price, side, venueOrderId, instrument } = ORDER;
    return [
      {
        ...{ account: 'main', strategy: 'maker', intentId: 'i1', clientOrderId: 'c1', venueStatus: null, purpose: 'entry', type: 'limit' },
        ...{ status: 'partiallyFilled', base: 'BTC', quote: 'USDT', stopPrice: null, isFinal: false, unchangedMs, quantity, price, side },
        ...{ venueOrderId, instrument, executedQuantity: d(String(Math.max(0, this.fills.length - 1 - this.late))) },
      } as unknown as BookedOrder,
    ];
  }

  decide(decision: Decision): void {
    if (this.row !== undefined) this.row = { ...this.row, status: 'decided', decision, decidedMs: 0 };
  }

  private write(change: Change): void {
    if (change.kind === 'ended') return;
    const { eventTime = null, ...found } = change.difference;
    if (change.kind === 'new') {
      const times = { eventTime, repairs: 0, failedRepairs: 0, sameMs: 0, seenMs: 0, unseenMs: 0, decidedMs: null, isBooked: false };
      this.row = { ...found, ...times, id: String(this.sinceMs), status: change.status, decision: null };
    } else if (this.row !== undefined) {
      const { seenMs, sameMs, decidedMs, decision } = this.row;
      const isMoved = change.kind === 'kept' && change.isMoved;
      const status = change.kind === 'opened' ? 'open' : this.row.status;
      const since = {
        seenMs: seenMs + LOOK_EACH_MS,
        sameMs: isMoved ? 0 : sameMs + LOOK_EACH_MS,
        decidedMs: decidedMs === null ? null : decidedMs + LOOK_EACH_MS,
      };
      this.row = { ...this.row, ...found, ...since, eventTime, status, decision: change.kind === 'opened' ? null : decision };
    }
  }

  /** How long it takes until it is a person's; undefined: it never is, in an hour. */
  untilOpenMs(): number | undefined {
    const from = this.sinceMs;
    while (this.sinceMs - from < HOUR_MS) {
      this.look();
      if (this.row?.status === 'open') return this.sinceMs - from;
    }
    return undefined;
  }
}

it('an order by another hand that fills all the time is a person’s after a minute of looks, and not at the first of them', () => {
  const story = new Filling(4_000);
  story.look();
  expect(story.row?.status).toBe('pending');
  expect(story.untilOpenMs()).toBe(RECONCILE.movingMs + LOOK_EACH_MS);
});

it('one that is just young has its second look, and is a person’s when it has stood', () => {
  const story = new Filling(HOUR_MS);
  story.look();
  expect(story.row?.status).toBe('pending');
  expect(story.untilOpenMs()).toBe(LOOK_EACH_MS);
});

it('where nobody has looked for long it may have begun only now', () => {
  const story = new Filling(4_000);
  story.look();
  story.row = story.row && { ...story.row, seenMs: HOUR_MS, unseenMs: RECONCILE.idleUnseenMs + 1 };
  expect(story.look()).toMatchObject([{ kind: 'kept', isLost: true }]);
});

it.each(['reject', 'book'] as const)(
  'to %s it is of what it showed: what it fills then is another case, and a person’s in its turn',
  (decision) => {
    const story = new Filling(4_000);
    story.untilOpenMs();
    const { id, fingerprint } = story.row ?? {};
    story.decide(decision);
    const kinds: string[] = [];
    while (story.row?.id === id) kinds.push(...story.look().map(({ kind }) => kind));
    expect(kinds.filter((kind) => kind !== 'kept')).toEqual(['ended', 'new']);
    expect(story.row?.fingerprint).not.toBe(fingerprint);
    expect(story.untilOpenMs()).toBeLessThanOrEqual(RECONCILE.movingMs + LOOK_EACH_MS);
  },
);

it('one that is to be canceled and goes on to fill is a person’s again', () => {
  const story = new Filling(4_000);
  story.untilOpenMs();
  story.decide('cancel');
  expect(story.untilOpenMs()).toBeLessThanOrEqual(RECONCILE.movingMs + LOOK_EACH_MS);
});

describe('a fill that is missing of an order of ours', () => {
  // Young at each look, and moved at most of them.
  it.each([4_000, 7_000])(
    'is asked for within seconds, and a person’s after a minute of looks, where the order fills each %d ms',
    (eachMs) => {
      const story = new Filling(eachMs, true);
      story.look();
      expect(story.row).toMatchObject({ class: 'missedFill', status: 'pending', subject: 'intent:i1' });
      expect(story.untilOpenMs()).toBeLessThanOrEqual(RECONCILE.movingMs + LOOK_EACH_MS);
      expect(story.sinceMs).toBeGreaterThan(RECONCILE.movingMs);
      expect(story.repaired[0]).toBeLessThanOrEqual(RECONCILE.inFlightMs + 3 * LOOK_EACH_MS);
    },
  );

  it('is told beside what the list has of the order, and is not booked yet', () => {
    const story = new Filling(4_000, true, 1);
    expect(story.untilOpenMs()).toBeLessThanOrEqual(RECONCILE.movingMs + 3 * LOOK_EACH_MS);
  });

  it('is a person’s earlier where the order stands still, since its look-up has not helped', () => {
    const story = new Filling(HOUR_MS, true);
    expect(story.untilOpenMs()).toBeLessThanOrEqual(RECONCILE.repairMs + 3 * LOOK_EACH_MS);
  });

  it('is not taken for one that lasts where nobody has looked for long', () => {
    const story = new Filling(4_000, true);
    story.look();
    story.row = story.row && { ...story.row, seenMs: HOUR_MS, unseenMs: RECONCILE.idleUnseenMs + 1 };
    expect(story.look()).toMatchObject([{ kind: 'kept', isLost: true }]);
    expect(story.repaired).toEqual([]);
  });
});
