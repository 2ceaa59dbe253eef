import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, text, type DecimalText } from '../money/index.js';
import type { OrderStatus } from '../order/lifecycle.js';
import { isAdoptedSale, type StoredOrder } from '../order/stored-order.js';
import { KEY, LEDGER, NOW, RULES as LISTED } from '../../test/support/risk-view.js';
import type { RiskView } from '../risk/view.js';
import { isUncovered, oversoldOf, planProtection, uncoveredOf, VIEW_FORM, type ProtectionView } from './plan.js';

const d = (value: string): DecimalText => value as DecimalText;
const RULES = { ...LISTED, tickSize: d('0.1') };
const RISK: RiskView = { ...LEDGER, positions: [{ ...KEY, quantity: d('1.0005'), cost: d('100') }], instrument: RULES };
const VIEW: ProtectionView = {
  risk: RISK,
  working: [],
  adopted: [],
  recent: [],
  stops: 3,
  escapes: 1,
  basis: { averagePrice: '100', stopDistanceRatio: 0.02, strategyVersion: '1', createdTime: NOW - 60_000 },
};
const STOP: StoredOrder = {
  ...KEY,
  intentId: 'stop:3',
  clientOrderId: 'c',
  signalId: null,
  strategyVersion: '1',
  base: 'BTC',
  quote: 'USDT',
  leg: 'close',
  side: 'sell',
  purpose: 'stop',
  sequence: 3,
  status: 'accepted',
  type: 'stopLimit',
  postOnly: false,
  timeInForce: 'GTC',
  quantity: d('1'),
  price: d('97.5'),
  stopPrice: d('98'),
  reservedQuantity: d('1'),
  reservedNotional: d('0'),
  executedQuantity: d('0'),
  executedNotional: d('0'),
  venueOrderId: 'v',
  venueStatus: null,
  venueExecutedQuantity: null,
  signedTimestamp: NOW,
  receiveWindowMs: 500,
  workingUntil: null,
  triggeredTime: null,
  missingTime: null,
  failures: [],
  version: 1,
  createdTime: NOW - 10_000,
  updatedTime: NOW - 10_000,
  isFinal: false,
};
const gone = (more: Partial<StoredOrder>): StoredOrder => ({ ...STOP, isFinal: true, status: 'canceled', ...more });
const plan = (more: Partial<ProtectionView> = {}, risk: Partial<RiskView> = {}) =>
  planProtection(KEY, { ...VIEW, ...more, risk: { ...RISK, ...risk } });

describe('the plan of an owner', () => {
  it('P21: places a stop for what was received, floored to the step, under what the entry cost', () => {
    const step = plan();
    expect(step).toMatchObject({ kind: 'placeStop', wish: { sequence: 4 } });
    if (step.kind !== 'placeStop') return;
    expect([step.wish.quantity, step.wish.stopPrice, step.wish.limitPrice].map(text)).toEqual(['1', '98', '97.5']);
  });

  const adopted: StoredOrder = {
    ...STOP,
    intentId: 'adopted',
    purpose: 'exit',
    stopPrice: null,
    quantity: d('0.6'),
    reservedQuantity: d('0.6'),
  };

  it('P21: waits for no sale that a person had taken over, and protects what that leaves', () => {
    const taken = { working: [adopted], adopted: [adopted.intentId] };
    const step = plan(taken);
    expect(step.kind === 'placeStop' && text(step.wish.quantity)).toBe('0.4');
    const stop = { ...STOP, quantity: d('0.4') };
    expect(plan({ ...taken, working: [adopted, stop] })).toEqual({ kind: 'rest', because: 'protected' });
    expect(plan({ ...taken, working: [adopted, STOP] })).toMatchObject({ kind: 'cancel', because: 'wrongQuantity' });
    const whole = { ...adopted, reservedQuantity: d('1') };
    expect(plan({ ...taken, working: [whole] })).toEqual({ kind: 'rest', because: 'adoptedWorks' });
    // A view of a build that waited for it is decided as it was.
    expect(plan({ working: [adopted] })).toEqual({ kind: 'settle', intentId: 'adopted' });
  });

  it('P18: cancels the newest of adopted sales that sell more than is held; a build that let it rest is replayed as it was', () => {
    const newer = { ...adopted, intentId: 'newer' };
    expect(oversoldOf(d('1.2'), [adopted, newer])).toBe(null);
    expect(oversoldOf(d('1.1999'), [adopted, newer])).toBe('newer');
    expect(oversoldOf(d('0'), [adopted])).toBe('adopted');
    expect(oversoldOf(d('0'), [])).toBe(null);
    const gone = { working: [adopted], adopted: [adopted.intentId] };
    expect(plan({ ...gone, oversold: 'adopted' }, { positions: [] })).toEqual({ kind: 'cancel', intentId: 'adopted', because: 'oversold' });
    expect(plan(gone, { positions: [] })).toEqual({ kind: 'rest', because: 'adoptedWorks' });
  });

  it.each<readonly [string, Partial<StoredOrder>, boolean]>([
    ['rests', {}, true],
    ['has sold a part', { status: 'partiallyFilled' }, true],
    ['is being canceled', { status: 'pendingCancel' }, false],
    ['is unknown', { status: 'unknown' }, false],
    ['is an exit of ours', { timeInForce: 'IOC' }, false],
    ['is a stop', { purpose: 'stop' }, false],
  ])('a sale that %s was taken over and works: %s', (_, more, expected) => {
    expect(isAdoptedSale({ ...adopted, ...more })).toBe(expected);
  });

  it('leaves a right stop alone', () => {
    expect(plan({ working: [STOP] })).toEqual({ kind: 'rest', because: 'protected' });
  });

  it.each<OrderStatus>(['authorised', 'submitting', 'unknown', 'pendingCancel'])('P21: sends no second stop while one is %s', (status) => {
    expect(plan({ working: [{ ...STOP, status }] })).toEqual({ kind: 'settle', intentId: STOP.intentId });
  });

  it('waits for an exit or an escape that works before anything else', () => {
    const exit = { ...STOP, intentId: 'exit', purpose: 'exit' as const, stopPrice: null };
    expect(plan({ working: [STOP, exit] })).toEqual({ kind: 'settle', intentId: 'exit' });
  });

  it.each([
    ['more is held than it sells', { quantity: d('0.5') }, 'wrongQuantity'],
    ['part of it has sold', { executedQuantity: d('0.4') }, 'wrongQuantity'],
    ['the venue has changed the tick', { stopPrice: d('98.05') }, 'filtersChanged'],
    ['it has woken and sells nothing for two seconds', { triggeredTime: NOW - 2_000 }, 'unfilledAfterTrigger'],
  ])('takes a stop away when %s', (_, stop, because) => {
    expect(plan({ working: [{ ...STOP, ...stop }] })).toEqual({ kind: 'cancel', intentId: STOP.intentId, because });
  });

  it('gives a stop that has just woken its two seconds', () => {
    expect(plan({ working: [{ ...STOP, triggeredTime: NOW - 500 }] })).toEqual({ kind: 'rest', because: 'triggered', waitMs: 1_500 });
  });

  it('P18, P21: places nothing beside a woken stop, however much was bought beside it; then all of it leaves', () => {
    const risk = { positions: [{ ...KEY, quantity: d('2'), cost: d('200') }] };
    const woken = { ...STOP, triggeredTime: NOW - 1_999 };
    const at = (databaseTime: number) => plan({ working: [woken], recent: [woken] }, { ...risk, databaseTime });
    expect(at(NOW)).toMatchObject({ kind: 'rest', because: 'triggered' });
    expect(at(NOW + 1)).toMatchObject({ kind: 'cancel', because: 'unfilledAfterTrigger' });
    const settling = { ...woken, status: 'pendingCancel' } as const;
    expect(plan({ working: [settling], recent: [settling] }, risk)).toMatchObject({ kind: 'settle', intentId: STOP.intentId });
    expect(plan({ recent: [gone({ triggeredTime: NOW })] }, risk)).toMatchObject({ kind: 'escape' });
  });

  it('P24: takes the second of two stops away', () => {
    expect(plan({ working: [STOP, { ...STOP, intentId: 'two' }] })).toMatchObject({
      kind: 'cancel',
      intentId: 'two',
      because: 'secondStop',
    });
  });

  it('takes a stop away when nothing is held any more', () => {
    expect(plan({ working: [STOP] }, { positions: [] })).toMatchObject({ kind: 'cancel', because: 'wrongQuantity' });
  });

  it.each([
    ['nothing', [], '1.0005'],
    ['less', [{ ...KEY, quantity: d('0.4'), cost: d('40') }], '1.0005'],
    ['more', [{ ...KEY, quantity: d('2'), cost: d('200') }], '1.0005'],
    ['something, and nothing was bought', RISK.positions, '0'],
  ])('P20: a row that says %s than its fills add up to: what rests stays, and nothing is placed', (_, positions, filled) => {
    const rest = { kind: 'rest', because: 'contradicted' };
    const wrong = { ...STOP, quantity: d('0.7') };
    const woken = { ...STOP, triggeredTime: NOW - 5_000 };
    for (const working of [[], [STOP], [wrong], [woken], [STOP, { ...STOP, intentId: 'two' }]]) {
      expect(plan({ working, filled: d(filled) }, { positions })).toEqual(rest);
    }
    const sold = { working: [{ ...adopted, reservedQuantity: d('3') }], adopted: [adopted.intentId], oversold: adopted.intentId };
    expect(plan({ ...sold, filled: d(filled) }, { positions })).toEqual(rest);
    // Whether a stop exists is known before; a halt's owner is the kill.
    expect(plan({ working: [{ ...STOP, status: 'unknown' }], filled: d(filled) }, { positions })).toMatchObject({ kind: 'settle' });
    const latches = [{ scope: 'everything' as const, scopeValue: '' }];
    expect(plan({ filled: d(filled) }, { positions, latches })).toEqual({ kind: 'rest', because: 'killed' });
  });

  it('P20: a row that says what its fills add up to is gone by, however that is written', () => {
    expect(plan({ working: [STOP], filled: d('1.00050') })).toEqual({ kind: 'rest', because: 'protected' });
    expect(plan({ filled: d('0') }, { positions: [] })).toEqual({ kind: 'done' });
  });

  it('is done when nothing is held and nothing works, and waits for an entry that works', () => {
    expect(plan({}, { positions: [] })).toEqual({ kind: 'done' });
    const entry = { ...STOP, side: 'buy' as const, purpose: 'entry' as const, intentId: 'entry' };
    expect(plan({ working: [entry] }, { positions: [] })).toEqual({ kind: 'rest', because: 'entryWorking' });
  });

  it('P21: less than the venue takes is dust', () => {
    const tiny = { ...KEY, quantity: d('0.0004'), cost: d('0.04') };
    expect(plan({}, { positions: [tiny] })).toEqual({ kind: 'done' });
    expect(plan({}, { positions: [{ ...tiny, quantity: d('0.04') }] })).toEqual({ kind: 'rest', because: 'dust' });
  });

  it('P21: a position larger than the venue takes in one order has a stop for as much as it takes, and leaves in parts', () => {
    const instrument = { ...RULES, maxQuantity: d('100.0005') };
    const large = { instrument, positions: [{ ...KEY, quantity: d('150.5'), cost: d('15050') }] };
    const step = plan({}, large);
    expect(step.kind === 'placeStop' && text(step.wish.quantity)).toBe('100');
    expect(plan({ working: [{ ...STOP, quantity: d('100') }] }, large)).toEqual({ kind: 'rest', because: 'protected' });
    expect(text(uncoveredOf(KEY, { ...VIEW, risk: { ...RISK, ...large } }))).toBe('50.5');
    const stop = gone({ triggeredTime: NOW - 3_000 });
    const part = gone({ purpose: 'escape', stopPrice: null, status: 'filled', executedQuantity: d('100') });
    const sold = { recent: [...Array<StoredOrder>(6).fill(part), stop] };
    expect(plan(sold, large)).toEqual({ kind: 'escape', sequence: 2, collarBps: 50, stuck: false });
  });

  it('P21: what no stop can be for is for people to know in a rest, also where what is there is dust; less than the venue takes is not', () => {
    const told = (more: Partial<ProtectionView>, balance: string, held = '1.0005') => {
      const risk = { ...RISK, balances: { BTC: d(balance) }, positions: [{ ...KEY, quantity: d(held), cost: d('100') }] };
      const view = { ...VIEW, form: VIEW_FORM, ...more, risk };
      const step = planProtection(KEY, view);
      return [step.kind === 'rest' ? step.because : step.kind, isUncovered(step, KEY, view)];
    };
    expect(told({}, '0.5')).toEqual(['placeStop', false]);
    const half = { ...STOP, quantity: d('0.5') };
    expect(told({ working: [half] }, '0.5')).toEqual(['protected', true]);
    expect(told({ working: [STOP] }, '1')).toEqual(['protected', false]);
    expect(told({}, '0')).toEqual(['short', true]);
    expect(told({}, '0.001')).toEqual(['dust', true]);
    expect(told({}, '0', '0.04')).toEqual(['dust', false]);
    const taken = { working: [adopted], adopted: [adopted.intentId] };
    expect(told(taken, '0.6')).toEqual(['adoptedWorks', true]);
    // Up to 0.4 nobody was told of these.
    const { form: _none, ...older } = { ...VIEW, risk: { ...RISK, balances: { BTC: d('0.001') } }, form: VIEW_FORM };
    expect(isUncovered(planProtection(KEY, older), KEY, older)).toBe(false);
    expect(told(taken, '0', '0.6')).toEqual(['adoptedWorks', false]);
  });

  it('P22: an instrument that takes sales alone has its stops and escapes; up to form 4 it was waited for until it trades', () => {
    for (const sales of ['limit', 'all'] as const) {
      const instrument = { ...RISK.instrument!, trading: false, sales };
      const woken = gone({ triggeredTime: NOW - 3_000 });
      expect(plan({ form: VIEW_FORM }, { instrument })).toMatchObject({ kind: 'placeStop' });
      expect(plan({ form: VIEW_FORM, recent: [woken] }, { instrument })).toMatchObject({ kind: 'escape' });
      const short = { ...RISK, instrument, balances: { BTC: d('0.4') } };
      expect(uncoveredOf(KEY, { ...VIEW, form: VIEW_FORM, risk: short }).gt(0)).toBe(true);
      expect(plan({ form: 4 }, { instrument })).toEqual({ kind: 'rest', because: 'halted' });
      expect(uncoveredOf(KEY, { ...VIEW, form: 4, risk: short }).isZero()).toBe(true);
    }
    expect(plan({ form: VIEW_FORM }, { instrument: { ...RISK.instrument!, trading: false } })).toEqual({ kind: 'rest', because: 'halted' });
  });

  it('P22: does nothing under a kill latch, and everything in every mode', () => {
    expect(plan({}, { latches: [{ scope: 'everything', scopeValue: '' }] })).toEqual({ kind: 'rest', because: 'killed' });
    for (const mode of ['observation', 'reduceOnly', 'paused'] as const) expect(plan({}, { mode })).toMatchObject({ kind: 'placeStop' });
  });

  it('covers all fills of an immediate entry by one stop', () => {
    const entry = { ...STOP, side: 'buy', purpose: 'entry', timeInForce: 'IOC', createdTime: NOW - 10 } as StoredOrder;
    expect(plan({ working: [entry] })).toMatchObject({ kind: 'rest', because: 'entryWorking' });
    expect(plan({ working: [{ ...entry, createdTime: NOW - 5_000 }] })).toMatchObject({ kind: 'placeStop' });
  });

  it('P21: what a woken stop did not sell leaves within a collar that widens, and then pages', () => {
    const stop = gone({ triggeredTime: NOW - 3_000 });
    const escape = gone({ purpose: 'escape', stopPrice: null, intentId: 'e' });
    const collars = [0, 1, 2, 3, 4].map((tries) => plan({ recent: [...Array<StoredOrder>(tries).fill(escape), stop] }));
    expect(collars).toEqual(
      [50, 100, 200, 400, 400].map((collarBps) => ({ kind: 'escape', sequence: 2, collarBps, stuck: collarBps === 400 })),
    );
  });

  it('P32: of what a build up to 0.3 has read, an escape that sold all of its own counts as a try, as it did there', () => {
    const { adopted: _, ...read } = VIEW;
    const stop = gone({ triggeredTime: NOW - 3_000 });
    const sold = gone({ purpose: 'escape', stopPrice: null, status: 'filled', updatedTime: NOW - 1_000 });
    const after = (tries: number) => planProtection(KEY, { ...read, recent: [...Array<StoredOrder>(tries).fill(sold), stop] });
    expect([0, 1, 3].map(after)).toEqual(
      [50, 100, 400].map((collarBps) => ({ kind: 'escape', sequence: 2, collarBps, stuck: collarBps === 400 })),
    );
    expect(after(5)).toEqual({ kind: 'rest', because: 'refused', waitMs: 4_000 });
    expect(plan({ recent: [...Array<StoredOrder>(5).fill(sold), stop] })).toMatchObject({ kind: 'escape', collarBps: 50 });
  });

  it('an escape is over with the position it belongs to', () => {
    const before = gone({ triggeredTime: NOW - 100_000, createdTime: NOW - 100_000 });
    expect(plan({ recent: [before] })).toMatchObject({ kind: 'placeStop' });
    // Since form 4 nothing of an earlier position is among them.
    expect(plan({ recent: [before], form: 3 })).toMatchObject({ kind: 'placeStop' });
    expect(plan({ recent: [before], form: VIEW_FORM })).toMatchObject({ kind: 'escape' });
  });

  it.each<readonly [string, Partial<ProtectionView>, object]>([
    ['a stop that has woken', { working: [{ ...STOP, triggeredTime: NOW }] }, { kind: 'cancel', because: 'unfilledAfterTrigger' }],
    [
      'an entry that fills at once',
      { working: [{ ...STOP, side: 'buy', purpose: 'entry', timeInForce: 'IOC', createdTime: NOW }] },
      { kind: 'placeStop' },
    ],
    ['a stop that was refused', { recent: [gone({ status: 'rejected', createdTime: NOW, updatedTime: NOW })] }, { kind: 'placeStop' }],
    [
      'what does not leave',
      {
        recent: [
          ...Array<StoredOrder>(5).fill(gone({ purpose: 'escape', createdTime: NOW, updatedTime: NOW })),
          gone({ triggeredTime: NOW, createdTime: NOW, updatedTime: NOW }),
        ],
      },
      { kind: 'escape', stuck: true },
    ],
  ])('%s is waited for no longer where the clock was set back since, and as it was in what builds up to 0.5 have read', (_, seen, next) => {
    const back = { databaseTime: NOW - 3_600_000 };
    expect(plan({ ...seen, form: VIEW_FORM }, back)).toMatchObject(next);
    const before = plan({ ...seen, form: 3 }, back);
    expect(before).toMatchObject({ kind: 'rest' });
    expect(before.kind === 'rest' && before.waitMs).toBeGreaterThan(0);
  });

  it('what was refused since the clock was set back is waited for, though the position was entered before by it', () => {
    const back = { databaseTime: NOW - 3_600_000 };
    const refused = gone({ status: 'rejected', createdTime: NOW - 3_600_000, updatedTime: NOW - 3_600_000 });
    expect(plan({ recent: [refused, refused], form: VIEW_FORM }, back)).toEqual({ kind: 'rest', because: 'refused', waitMs: 2_000 });
  });

  it('a stop that the venue refused because its price was reached sells at once; another refusal waits longer each time', () => {
    const values = { reason: 'stopWouldTrigger' };
    const failures = [{ code: 'VENUE_REJECTED', message: '', values }] as unknown as StoredOrder['failures'];
    expect(plan({ recent: [gone({ status: 'rejected', failures })] })).toMatchObject({ kind: 'escape', collarBps: 50 });
    const refused = gone({ status: 'rejected', updatedTime: NOW });
    expect(plan({ recent: [refused] })).toEqual({ kind: 'rest', because: 'refused', waitMs: 1_000 });
    expect(plan({ recent: [refused, refused, refused] })).toEqual({ kind: 'rest', because: 'refused', waitMs: 4_000 });
    expect(plan({ recent: [{ ...refused, updatedTime: NOW - 1_000 }] })).toMatchObject({ kind: 'placeStop' });
  });

  it('answers no storm with a storm', () => {
    const taken = Array.from({ length: 9 }, () => gone({ createdTime: NOW - 5_000, updatedTime: NOW - 100 }));
    expect(plan({ recent: taken })).toEqual({ kind: 'rest', because: 'refused', waitMs: 900 });
  });

  it('a position without an entry of ours is protected from what it cost', () => {
    const step = plan({ basis: null });
    expect(step.kind === 'placeStop' && step.wish.stopPrice.toNumber()).toBeCloseTo(94.9, 0);
  });
});

describe('whatever is held and works', () => {
  const statuses = fc.constantFrom<OrderStatus>('authorised', 'submitting', 'unknown', 'accepted', 'partiallyFilled', 'pendingCancel');
  const sells = fc.array(
    fc.record({
      status: statuses,
      purpose: fc.constantFrom('stop' as const, 'exit' as const, 'escape' as const),
      timeInForce: fc.constantFrom('GTC' as const, 'IOC' as const),
      quantity: fc.integer({ min: 1, max: 3_000 }),
    }),
    { maxLength: 3 },
  );

  it('a stop is placed only where no sell works but adopted ones, and never for more than those leave of what is held', () => {
    fc.assert(
      fc.property(sells, fc.integer({ min: 0, max: 3_000_000 }), (orders, held) => {
        const working = orders.map(({ quantity: thousandths, ...one }, index): StoredOrder => ({
          ...STOP,
          intentId: `o${index}`,
          ...one,
          quantity: text(decimal(String(thousandths)).div(1_000)),
          reservedQuantity: text(decimal(String(thousandths)).div(1_000)),
        }));
        const taken = working.filter(isAdoptedSale);
        const adopted = taken.map(({ intentId }) => intentId);
        const spoken = taken.reduce((sum, order) => sum.plus(decimal(order.reservedQuantity)), decimal('0'));
        const quantity = text(decimal(String(held)).div(1_000_000));
        const step = plan({ working, adopted }, { positions: [{ ...KEY, quantity, cost: d('100') }] });
        if (step.kind === 'placeStop') {
          expect(working).toEqual(taken);
          expect(step.wish.quantity.plus(spoken).lte(decimal(quantity))).toBe(true);
        }
        if (step.kind === 'done') expect(working).toEqual([]);
        if (step.kind === 'escape') expect(working.filter((order) => order.side === 'sell')).toEqual(taken);
      }),
    );
  });

  it('while row and fills differ, nothing is placed, canceled or ended', () => {
    const thousandths = fc.integer({ min: 0, max: 3_000 });
    fc.assert(
      fc.property(sells, thousandths, thousandths, fc.boolean(), (orders, kept, filled, isWoken) => {
        const working = orders.map(({ quantity, ...one }, index): StoredOrder => {
          const all = text(decimal(String(quantity)).div(1_000));
          const triggeredTime = isWoken ? NOW - 5_000 : null;
          return { ...STOP, intentId: `o${index}`, ...one, quantity: all, reservedQuantity: all, triggeredTime };
        });
        const adopted = working.filter(isAdoptedSale).map(({ intentId }) => intentId);
        const quantity = text(decimal(String(kept)).div(1_000));
        const more = { working, adopted, oversold: adopted.at(-1) ?? null, filled: text(decimal(String(filled)).div(1_000)) };
        const step = plan(more, { positions: kept === 0 ? [] : [{ ...KEY, quantity, cost: d('100') }] });
        if (kept === filled) expect(step).not.toMatchObject({ because: 'contradicted' });
        else if (step.kind !== 'settle') expect(step).toEqual({ kind: 'rest', because: 'contradicted' });
      }),
    );
  });
});
