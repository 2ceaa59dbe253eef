import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, text, type DecimalText } from '../money/index.js';
import type { OrderStatus } from '../order/lifecycle.js';
import type { ProtectionStep } from '../protection/plan.js';
import { ownerWorkflowId } from '../protection/position-key.js';
import { compare, type ThreeSides } from './compare.js';
import { deltasOf, Sum } from './deltas.js';
import { judge } from './judge.js';
import type { Difference, KnownDifference } from './difference.js';
import { RECONCILE } from './rules.js';
import type { BookedFill, BookedOrder, LedgerSight, Protected, SeenFill, SeenOrder, VenueSight } from './sight.js';

const d = (value: string): DecimalText => value as DecimalText;
const NOW = 1_700_000_000_000;
const SINCE = NOW - 600_000;
const OLD = NOW - 300_000;
const INSTRUMENT = 'BTC/USDT';
const KEY = { account: 'main', strategy: 'momentum', instrument: INSTRUMENT };
const INSTRUMENTS = { [INSTRUMENT]: { base: 'BTC', quote: 'USDT', tickSize: d('0.01') } };

const order = (n: number, more: Partial<BookedOrder> = {}): BookedOrder =>
  ({
    ...KEY,
    intentId: `i${n}`,
    clientOrderId: `c${n}`,
    venueOrderId: `v${n}`,
    venueStatus: null,
    side: 'buy',
    purpose: 'entry',
    status: 'accepted',
    base: 'BTC',
    quote: 'USDT',
    quantity: d('1'),
    executedQuantity: d('0'),
    ...{ type: 'limit', price: d('100'), stopPrice: null },
    isFinal: false,
    unchangedMs: 60_000,
    ...more,
  }) as BookedOrder;
const seenOrder = (n: number, more: Partial<SeenOrder> = {}): SeenOrder => ({
  venueOrderId: `v${n}`,
  clientOrderId: `c${n}`,
  instrument: INSTRUMENT,
  side: 'buy',
  quantity: d('1'),
  executedQuantity: d('0'),
  price: d('100'),
  isTriggered: true,
  createdTime: OLD,
  ...more,
});
const fill = (n: number, more: Partial<SeenFill> = {}): SeenFill => ({
  venueTradeId: `t${n}`,
  venueOrderId: `v${n}`,
  instrument: INSTRUMENT,
  side: 'buy',
  price: d('100'),
  quantity: d('1'),
  fee: d('0.001'),
  feeAsset: 'BTC',
  liquiditySide: 'taker',
  eventTime: OLD,
  ...more,
});
const booked = (n: number, more: Partial<BookedFill> = {}): BookedFill => {
  const { liquiditySide: _, ...rest } = fill(n);
  return { ...rest, intentId: `i${n}`, ...more };
};
const filled = (n: number): BookedOrder => order(n, { status: 'filled', isFinal: true, executedQuantity: d('1'), venueStatus: 'filled' });

interface Given {
  readonly venue?: Partial<VenueSight>;
  readonly ledger?: Partial<LedgerSight>;
  readonly workflows?: ThreeSides['workflows'];
  readonly isFull?: boolean;
}
const sides = ({ venue = {}, ledger = {}, workflows = { owners: new Set(), running: [] }, isFull = false }: Given): ThreeSides => ({
  venue: { venueTime: NOW, openOrders: [], fillsSince: SINCE, fills: [], balances: {}, ...venue },
  ledger: {
    account: 'main',
    databaseTime: NOW,
    onboardedTime: SINCE,
    orders: [],
    fills: [],
    balances: {},
    protected: [],
    instruments: INSTRUMENTS,
    ...{ contradictions: [], bookedBeside: [] },
    ...ledger,
  },
  workflows,
  isFull,
});
const found = (given: Given, known: readonly KnownDifference[] = []): readonly Difference[] =>
  compare(sides(given), known, RECONCILE).differences;
const classes = (given: Given, known: readonly KnownDifference[] = []): readonly string[] =>
  found(given, known).map((one) => `${one.class}${one.isInFlight ? ' in flight' : ''}`);
/** Balances that are the ledger's and these besides. */
const after = (...fills: readonly SeenFill[]): Record<string, DecimalText> => {
  const sum = new Sum();
  for (const one of fills) sum.add(deltasOf(one, INSTRUMENTS));
  return { ...sum.deltas };
};
const known = (one: Difference, more: Partial<KnownDifference> = {}): KnownDifference => ({
  ...one,
  id: '1',
  status: 'open',
  decision: null,
  eventTime: one.eventTime ?? null,
  repairs: 0,
  failedRepairs: 0,
  sameMs: 0,
  seenMs: 0,
  unseenMs: 0,
  decidedMs: null,
  isBooked: false,
  ...more,
});

describe('fills', () => {
  it('agree where each is booked as the venue tells it', () => {
    expect(
      found({
        venue: { fills: [fill(1)], balances: after(fill(1)) },
        ledger: { fills: [booked(1)], orders: [filled(1)], balances: after(fill(1)) },
      }),
    ).toEqual([]);
  });
  it('that nobody booked are booked, and explain the balance', () => {
    const missed = found({ venue: { fills: [fill(1)], balances: after(fill(1)) }, ledger: { orders: [filled(1)] } });
    expect(missed).toMatchObject([{ class: 'missedFill', isInFlight: false, repair: { kind: 'bookFill', fill: { venueTradeId: 't1' } } }]);
  });
  it('are on their way while they are young', () => {
    const young = fill(1, { eventTime: NOW - 1_000 });
    expect(classes({ venue: { fills: [young], balances: after(young) }, ledger: { orders: [filled(1)] } })).toEqual([
      'missedFill in flight',
    ]);
  });
  it('P11: of an order that is not known yet are its resolver’s', () => {
    const unknown = order(1, { status: 'unknown', venueOrderId: null });
    const [missed, ...others] = found({ venue: { fills: [fill(1)], balances: after(fill(1)) }, ledger: { orders: [unknown] } });
    expect(missed).toMatchObject({ class: 'missedFill', isInFlight: true });
    expect(missed?.repair).toBeUndefined();
    expect(others).toEqual([]);
  });
  it('of nobody are told at once while an order of another instrument is not known', () => {
    const unknown = order(9, { instrument: 'ETH/USDT', base: 'ETH', status: 'unknown', venueOrderId: null });
    expect(classes({ venue: { fills: [fill(1)], balances: after(fill(1)) }, ledger: { orders: [unknown] } })).toEqual(['orphanOrder']);
  });
  it('of nobody are an orphan of their order, once for all of them', () => {
    const two = [fill(1), fill(2, { venueOrderId: 'v1' })];
    const orphan = found({ venue: { fills: two, balances: after(...two) } });
    expect(orphan).toMatchObject([{ class: 'orphanOrder', subject: 'order:BTC/USDT:v1', treatment: 'person' }]);
    expect(orphan[0]?.deltas).toEqual(after(...two));
  });
  it('from before the account was ours are in its inventory', () => {
    expect(found({ venue: { fills: [fill(1, { eventTime: SINCE - 1 })] } })).toEqual([]);
  });
  it('with another fee are a fee difference, with another price unknown', () => {
    const seen = fill(1, { fee: d('0.002') });
    const ledger = { fills: [booked(1)], orders: [filled(1)], balances: after(fill(1)) };
    expect(classes({ venue: { fills: [seen], balances: after(seen) }, ledger })).toEqual(['feeDifference']);
    const dearer = fill(1, { price: d('101') });
    expect(classes({ venue: { fills: [dearer], balances: after(dearer) }, ledger })).toEqual(['unknown']);
  });
  it('that the venue does not list are unknown, or a duplicate of one that it does', () => {
    const twin = booked(1, { venueTradeId: 't9' });
    const ledger = { orders: [filled(1)], balances: after(fill(1), fill(9)) };
    expect(classes({ venue: { fills: [fill(1)], balances: after(fill(1)) }, ledger: { ...ledger, fills: [booked(1), twin] } })).toEqual([
      'duplicate',
    ]);
    expect(classes({ venue: { balances: {} }, ledger: { ...ledger, balances: after(fill(1)), fills: [booked(1)] } })).toEqual(['unknown']);
    // What it was not asked for, it has not denied.
    const denied = { ...ledger, balances: after(fill(1)), fills: [booked(1)] };
    expect(classes({ venue: { balances: after(fill(1)), listed: new Set([INSTRUMENT]) }, ledger: denied })).toContain('unknown');
    expect(classes({ venue: { balances: after(fill(1)), listed: new Set(['ETH/USDT']) }, ledger: denied })).toEqual([]);
    const late = booked(1, { eventTime: NOW - 30_000 });
    expect(
      classes({ venue: { balances: after(fill(1)) }, ledger: { orders: [filled(1)], balances: after(fill(1)), fills: [late] } }),
    ).toEqual([]);
  });
});

describe('orders', () => {
  it('that rest on both sides agree', () => {
    expect(found({ venue: { openOrders: [seenOrder(1)] }, ledger: { orders: [order(1)] } })).toEqual([]);
  });
  it.each<OrderStatus>(['authorised', 'submitting', 'unknown'])('P11: %s are left to their resolver, at the venue or not', (status) => {
    const mine = order(1, { status, venueOrderId: null });
    expect(found({ ledger: { orders: [mine] } })).toEqual([]);
    expect(found({ venue: { openOrders: [seenOrder(1)] }, ledger: { orders: [mine] } })).toEqual([]);
  });
  it('of ours that the venue does not list are missing', () => {
    expect(found({ ledger: { orders: [order(1)] } })).toMatchObject([
      { class: 'missingOrder', repair: { kind: 'lookUp', intentId: 'i1' } },
    ]);
    expect(classes({ ledger: { orders: [order(1, { unchangedMs: 100 })] } })).toEqual(['missingOrder in flight']);
  });
  it('that have ended at the venue and wait for fills have missed one', () => {
    expect(classes({ ledger: { orders: [order(1, { venueStatus: 'filled' })] } })).toEqual(['missedFill']);
  });
  it('of the venue that nobody of ours made are orphans; those with an id of our form are told as such', () => {
    const ours = seenOrder(1, { clientOrderId: '0123456789abcdef0123456789abcdef' });
    expect(found({ venue: { openOrders: [seenOrder(2), ours] } })).toMatchObject([
      { class: 'orphanOrder', evidence: { ledger: { looksLikeOurs: false } } },
      { class: 'orphanOrder', evidence: { ledger: { looksLikeOurs: true } } },
    ]);
  });
  it('P13: of ours that had ended and live on are taken up', () => {
    const ended = order(1, { status: 'notPlaced', isFinal: true, venueOrderId: null });
    expect(found({ venue: { openOrders: [seenOrder(1)] }, ledger: { orders: [ended] } })).toMatchObject([
      { class: 'orphanOrder', treatment: 'repair', repair: { kind: 'takeEvidence', intentId: 'i1' } },
    ]);
  });
  it('that have filled further than we know have missed a fill, once', () => {
    const further = seenOrder(1, { executedQuantity: d('0.5') });
    expect(classes({ venue: { openOrders: [further] }, ledger: { orders: [order(1)] } })).toEqual(['missedFill']);
    const told = fill(1, { quantity: d('0.5') });
    expect(classes({ venue: { openOrders: [further], fills: [told], balances: after(told) }, ledger: { orders: [order(1)] } })).toEqual([
      'missedFill',
    ]);
  });
  it('twice under one name are duplicates, and of another size unknown', () => {
    const second = seenOrder(1, { venueOrderId: 'v9' });
    expect(classes({ venue: { openOrders: [seenOrder(1), second] }, ledger: { orders: [order(1)] } })).toEqual(['duplicate']);
    expect(classes({ venue: { openOrders: [seenOrder(1, { quantity: d('2') })] }, ledger: { orders: [order(1)] } })).toEqual(['unknown']);
  });
});

describe('balances', () => {
  it('to the last unit', () => {
    expect(found({ venue: { balances: { USDT: d('100.00000001') } }, ledger: { balances: { USDT: d('100') } } })).toMatchObject([
      { class: 'balanceMovement', subject: 'balance:USDT', fingerprint: '0.00000001', treatment: 'secondLook' },
    ]);
  });
  it('say nothing while an order is not known', () => {
    const ledger = { orders: [order(1, { status: 'unknown' })] };
    expect(classes({ venue: { balances: { USDT: d('-1') } }, ledger })).toEqual(['balanceMovement in flight']);
  });
  it('of what that order cannot have moved are told as ever', () => {
    const ledger = { orders: [order(1, { status: 'unknown' })], fills: [booked(2, { feeAsset: 'BNB' })] };
    const balances = { USDT: d('-1'), BTC: d('1'), BNB: d('-0.001'), ETH: d('-4') };
    const told = found({ venue: { balances, listed: new Set() }, ledger }).map(({ subject, isInFlight }) => [subject, isInFlight]);
    expect(told).toEqual([
      ['balance:BNB', true],
      ['balance:BTC', true],
      ['balance:ETH', false],
      ['balance:USDT', true],
    ]);
  });
  it('of an asset whose name every object knows are its own', () => {
    const names = ['__proto__', 'constructor', 'toString'];
    const balances = Object.fromEntries(names.map((name) => [name, d('1')]));
    expect(found({ venue: { balances }, ledger: { balances } })).toEqual([]);
    expect(found({ venue: {}, ledger: { balances } }).map(({ subject, fingerprint }) => [subject, fingerprint])).toEqual(
      names.map((name) => [`balance:${name}`, '-1']),
    );
    expect(found({ venue: { balances } })).toHaveLength(3);
  });
  it('agree also where they have thirty digits and more', () => {
    const balances = { USDT: d(`1${'0'.repeat(30)}.${'1'.repeat(36)}`) };
    expect(found({ venue: { balances }, ledger: { balances } })).toEqual([]);
  });
});

describe('a balance that has moved while the venue lists no fill yet', () => {
  it('says nothing: the order that has filled is looked up first', () => {
    const further = seenOrder(1, { executedQuantity: d('1') });
    const venue = { openOrders: [further], balances: { USDT: d('-100'), BTC: d('0.999') } };
    expect(classes({ venue, ledger: { orders: [order(1)] } })).toEqual([
      'missedFill',
      'balanceMovement in flight',
      'balanceMovement in flight',
    ]);
  });
});

describe('what a person has decided', () => {
  const venue = { fills: [fill(1)], balances: after(fill(1)) };
  const [orphan] = found({ venue });
  if (orphan === undefined) throw new Error('no orphan');
  it('to leave goes on to explain the balance, also when its fills are no longer read', () => {
    const left = known(orphan, { status: 'decided', decision: 'reject' });
    expect(classes({ venue: { ...venue, fills: [] } }, [left])).toEqual(['orphanOrder']);
    expect(classes({ venue }, [left])).toEqual(['orphanOrder']);
  });
  it('to book is in the ledger, and explains nothing more', () => {
    for (const status of ['decided', 'closed'] as const) {
      const row = known(orphan, { status, decision: 'book' });
      expect(found({ venue, ledger: { balances: after(fill(1)) } }, [row])).toEqual([]);
    }
  });
  it('to book, while the order is still open and fills further, is not told again, and what follows is', () => {
    const [first, second] = [fill(1), fill(2, { venueOrderId: 'v1' })];
    const openOrders = [seenOrder(1, { executedQuantity: d('0.5') })];
    const [begun] = found({ venue: { openOrders, fills: [first], balances: after(first) } });
    if (begun === undefined) throw new Error('no orphan');
    const rows = [known(begun, { status: 'decided', decision: 'book' })];
    // Booked, and the order still open: the order is told, without what is in the ledger.
    const still = compare(
      sides({ venue: { openOrders, fills: [first], balances: after(first) }, ledger: { balances: after(first) } }),
      rows,
      RECONCILE,
    );
    expect(still.differences).toMatchObject([{ class: 'orphanOrder', deltas: {} }]);
    expect(still.differences[0]?.evidence).toMatchObject({ venue: { fills: [] } });
    const { changes } = judge(still, rows, RECONCILE);
    expect(changes.map(({ kind }) => kind)).toEqual(['ended', 'new']);
    // Then it fills further: what was booked is remembered as it was, and only the new fill is told.
    const [closed] = rows.map((row) => ({ ...row, status: 'closed' as const }));
    const [anew] = still.differences;
    if (closed === undefined || anew === undefined) throw new Error('no rows');
    const later = found(
      { venue: { openOrders, fills: [first, second], balances: after(first, second) }, ledger: { balances: after(first) } },
      [closed, known(anew, { id: '2', status: 'open' })],
    );
    expect(later).toMatchObject([{ class: 'orphanOrder', deltas: after(second) }]);
    expect(later[0]?.evidence).toMatchObject({ venue: { fills: [second] } });
  });
  it('or has booked as the fill that it is, explains nothing more', () => {
    const ledger = { fills: [booked(1, { intentId: null })], balances: after(fill(1)) };
    expect(found({ venue, ledger }, [known(orphan)])).toEqual([]);
  });
  it('a difference about an old fill stands until somebody decides it', () => {
    const fee = found({ venue: { fills: [fill(1, { fee: d('0.002') })] }, ledger: { fills: [booked(1)], orders: [filled(1)] } })[0];
    if (fee === undefined) throw new Error('no difference');
    const row = known(fee, { eventTime: SINCE - 1 });
    expect(classes({ venue: { balances: fee.deltas } }, [row])).toEqual(['feeDifference']);
  });
});

const held = (step: ProtectionStep, more: Partial<Protected> = {}): Protected => ({
  key: KEY,
  held: d('1'),
  filled: more.held ?? d('1'),
  step,
  stops: [],
  unchangedMs: 60_000,
  ...more,
});
const OWNED = { owners: new Set([ownerWorkflowId(KEY)]), running: [] };
const WISH = {
  kind: 'placeStop',
  wish: { sequence: 1, quantity: decimal('1'), stopPrice: decimal('90'), limitPrice: decimal('89') },
} as const;
const cancel = (because: 'wrongQuantity' | 'secondStop' | 'filtersChanged'): ProtectionStep => ({ kind: 'cancel', intentId: 's', because });

describe('P24: positions and their stops', () => {
  it.each<[string, Protected, string[]]>([
    ['a stop for exactly that', held({ kind: 'rest', because: 'protected' }), []],
    ['no stop', held(WISH), ['positionWithoutStop']],
    ['a stop of another quantity', held(cancel('wrongQuantity')), ['wrongStopQuantity']],
    ['a stop and nothing held', held(cancel('wrongQuantity'), { held: d('0') }), ['stopWithoutPosition']],
    ['two stops', held(cancel('secondStop')), ['twoStops']],
    ['a stop beside a changed tick', held(cancel('filtersChanged')), []],
    ['something that just changed', held(WISH, { unchangedMs: 100 }), ['positionWithoutStop in flight']],
    ['a halt over it', held({ kind: 'rest', because: 'killed' }), []],
  ])('%s', (_, one, expected) => {
    expect(classes({ ledger: { protected: [one] }, workflows: OWNED })).toEqual(expected);
  });
  it.each<[string, Protected]>([
    ['nothing, and a stop is there', held(cancel('wrongQuantity'), { held: d('0'), filled: d('1') })],
    ['more than was bought', held(cancel('wrongQuantity'), { held: d('2'), filled: d('1') })],
    ['something, and nothing was bought', held(WISH, { filled: d('0') })],
  ])('kept as %s: a damaged row, and nothing is repaired by it', (_, one) => {
    expect(found({ ledger: { protected: [one] } })).toMatchObject([
      {
        ...{ class: 'unknown', subject: `position:momentum:${INSTRUMENT}`, treatment: 'person', isInFlight: false },
        evidence: { ledger: { kept: one.held, reckoned: one.filled } },
      },
    ]);
    expect(found({ ledger: { protected: [one] } })[0]?.repair).toBeUndefined();
  });
  it('need an owner, but for dust, and for what the kill owns', () => {
    const of = (step: ProtectionStep): readonly string[] => classes({ ledger: { protected: [held(step)] } });
    expect(of({ kind: 'rest', because: 'protected' })).toEqual(['positionWithoutOwner']);
    expect(of({ kind: 'rest', because: 'dust' })).toEqual([]);
    expect(of({ kind: 'rest', because: 'killed' })).toEqual([]);
  });
  it('are not called ownerless while Temporal does not answer, and nothing known of it is called over', () => {
    const given = sides({ ledger: { protected: [held({ kind: 'rest', because: 'protected' })] } });
    const seen = compare({ ...given, workflows: undefined }, [], RECONCILE);
    expect(seen.differences).toEqual([]);
    expect(seen.judges({ class: 'positionWithoutOwner', subject: 'x' })).toBe(false);
    expect(seen.judges({ class: 'orphanOrder', subject: 'x' })).toBe(true);
  });
});

it('workflows for which nothing is left to do are orphaned once they are old enough', () => {
  const running = [
    { workflowId: 'a', startedMs: 600_000, isNeeded: false },
    { workflowId: 'b', startedMs: 600_000, isNeeded: true },
    { workflowId: 'c', startedMs: 10_000, isNeeded: false },
  ];
  expect(found({ workflows: { owners: new Set(), running } })).toMatchObject([{ class: 'orphanedWorkflow', subject: 'a' }]);
});

describe('properties', () => {
  /** An account on which all sides agree: orders that rest, and fills that are booked. */
  const agreed = fc.record({
    resting: fc.integer({ min: 0, max: 5 }),
    done: fc.integer({ min: 1, max: 8 }),
    usdt: fc.integer({ min: 0, max: 10_000 }),
  });
  const givenOf = ({ resting, done, usdt }: { resting: number; done: number; usdt: number }): Required<Pick<Given, 'venue' | 'ledger'>> => {
    const fills = Array.from({ length: done }, (_, n) => fill(n));
    const rest = Array.from({ length: resting }, (_, n) => n + 100);
    const sum = new Sum().put('USDT', decimal(String(usdt)));
    for (const one of fills) sum.add(deltasOf(one, INSTRUMENTS));
    const balances = { ...sum.deltas };
    return {
      venue: { openOrders: rest.map((n) => seenOrder(n)), fills, balances },
      ledger: {
        orders: [...rest.map((n) => order(n)), ...fills.map((_, n) => filled(n))],
        fills: fills.map((_, n) => booked(n)),
        balances,
      },
    };
  };
  type Both = ReturnType<typeof givenOf>;
  const without = <T>(list: readonly T[] | undefined, index: number): T[] => (list ?? []).filter((_, at) => at !== index);
  const moved = (
    balances: LedgerSight['balances'] | undefined,
    more: Record<string, DecimalText>,
    times = 1,
  ): Record<string, DecimalText> => ({
    ...new Sum().add(balances ?? {}).add(more, times).deltas,
  });
  /** Each damages one side, and says what has to be found. */
  const DAMAGES: readonly [string, (both: Both, at: number) => Both | undefined][] = [
    [
      'missedFill',
      ({ venue, ledger }, at) => {
        const one = ledger.fills?.[at];
        if (one === undefined) return undefined;
        return { venue, ledger: { ...ledger, fills: without(ledger.fills, at), balances: moved(ledger.balances, after(fill(at)), -1) } };
      },
    ],
    [
      'unknown',
      ({ venue, ledger }, at) => {
        const one = venue.fills?.[at];
        if (one === undefined) return undefined;
        return { venue: { ...venue, fills: without(venue.fills, at), balances: moved(venue.balances, after(one), -1) }, ledger };
      },
    ],
    [
      'orphanOrder',
      ({ venue, ledger }, at) => ({ venue: { ...venue, openOrders: [...(venue.openOrders ?? []), seenOrder(900 + at)] }, ledger }),
    ],
    [
      'missingOrder',
      ({ venue, ledger }, at) =>
        venue.openOrders?.[at] === undefined ? undefined : { venue: { ...venue, openOrders: without(venue.openOrders, at) }, ledger },
    ],
    [
      'balanceMovement',
      ({ venue, ledger }, at) => ({ venue: { ...venue, balances: moved(venue.balances, { BNB: text(decimal(String(at + 1))) }) }, ledger }),
    ],
    [
      'feeDifference',
      ({ venue, ledger }, at) => {
        const one = venue.fills?.[at];
        if (one === undefined) return undefined;
        const dearer = { ...one, fee: d('0.003') };
        const fills = (venue.fills ?? []).map((other, index) => (index === at ? dearer : other));
        return { venue: { ...venue, fills, balances: moved(moved(venue.balances, after(one), -1), after(dearer)) }, ledger };
      },
    ],
  ];
  it('no difference, nothing reported', () => {
    fc.assert(
      fc.property(agreed, (size) => {
        expect(found(givenOf(size))).toEqual([]);
      }),
    );
  });
  it('a damage of one side is found, called by its name, and by nothing else', () => {
    fc.assert(
      fc.property(agreed, fc.constantFrom(...DAMAGES), fc.nat(7), (size, [name, damage], at) => {
        const damaged = damage(givenOf(size), at);
        fc.pre(damaged !== undefined);
        if (damaged !== undefined) expect(classes(damaged)).toEqual([name]);
      }),
    );
  });
  it('whatever moves, all that is found together explains the balances, or says how much it does not', () => {
    fc.assert(
      fc.property(agreed, fc.array(fc.tuple(fc.constantFrom(...DAMAGES), fc.nat(7)), { minLength: 2, maxLength: 3 }), (size, damages) => {
        let both: Both | undefined = givenOf(size);
        for (const [[, damage], at] of damages) both = damage(both, at) ?? both;
        const differences = found(both);
        const sum = new Sum().add(both.ledger.balances ?? {});
        for (const { deltas } of differences) sum.add(deltas);
        expect(sum.deltas).toEqual(new Sum().add(both.venue.balances ?? {}).deltas);
      }),
    );
  });
});
