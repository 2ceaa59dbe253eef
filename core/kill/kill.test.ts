import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { d, latch, order, position, POSITION, sight, view } from '../../test/support/kill-view.js';
import { KEY, LEDGER, RULES } from '../../test/support/risk-view.js';
import { Decimal, ZERO, decimal, text, type DecimalText } from '../money/index.js';
import type { StoredOrder } from '../order/stored-order.js';
import { bareKeys, isNothing, planFlatten, whyKept } from './flatten.js';
import { decideFlatten } from '../risk/kill.js';
import { examine, isNothingToCancel, ordersToCancel, unverifiedText } from './verify.js';
import { policyOfWhole, policyOver, type KillSight, type KillView } from './view.js';

describe('P27: what a kill sells', () => {
  it('is what our books say and the venue shows beyond what was there before us', () => {
    expect(planFlatten(view(), sight())).toMatchObject({ kind: 'sell', quantity: decimal('1'), sequence: 1, collarBps: 50 });
    expect(planFlatten(view(), sight({ balances: { BTC: d('2.4') } }))).toMatchObject({ quantity: decimal('0.4') });
    // More is there than we bought: what is not ours is not sold (P29).
    expect(planFlatten(view(), sight({ balances: { BTC: d('9') } }))).toMatchObject({ quantity: decimal('1') });
    expect(planFlatten(view(), sight({ balances: { BTC: d('2') } }))).toEqual({ kind: 'done' });
    // More was withdrawn than there was beside the position: only what is still there is sold.
    const withdrawn = view({ inventory: { BTC: d('-0.6') } });
    expect(planFlatten(withdrawn, sight({ balances: { BTC: d('0.4') } }))).toMatchObject({ quantity: decimal('0.4') });
  });

  it('what nobody has bought keeps the stop that it was given back for ten seconds, and is offered again then; other stops go at once (P22)', () => {
    const offered = { ...KEY, count: 4, tries: 4, lastTime: LEDGER.databaseTime - 10_500 };
    const stop = (ageMs: number, triggeredTime: number | null = null) =>
      view({ sold: [offered], working: [order({ createdTime: LEDGER.databaseTime - ageMs, triggeredTime })] });
    const gone = { kind: 'cancelStop', ...POSITION, intentId: 'o' };
    expect(planFlatten(stop(9_999), sight())).toEqual({ kind: 'done' });
    expect(planFlatten(stop(10_000), sight())).toEqual(gone);
    // It was there before anything was offered.
    expect(planFlatten(stop(10_501), sight())).toEqual(gone);
    // It has woken: nothing is gained by waiting.
    expect(planFlatten(stop(1_000, LEDGER.databaseTime - 100), sight())).toEqual(gone);
    // Nothing was offered yet.
    expect(planFlatten(view({ working: [order({ createdTime: LEDGER.databaseTime, triggeredTime: null })] }), sight())).toEqual(gone);
    // Nothing is left of what it protects.
    expect(planFlatten(stop(1), sight({ balances: { BTC: d('2') } }))).toEqual(gone);
  });

  it('widens its collar with each try, up to 4 %', () => {
    const collars = [0, 1, 2, 3, 4, 9].map((tries) => {
      const step = planFlatten(view({ sold: [{ ...KEY, count: 12, tries, lastTime: 0 }] }), sight());
      return step.kind === 'sell' ? [step.sequence, step.collarBps] : step;
    });
    expect(collars).toEqual([50, 100, 200, 400, 400, 400].map((bps) => [13, bps]));
  });

  it('waits for what is not known, and takes the stop away only when it can sell', () => {
    const unknown = order({ intentId: 'x', purpose: 'exit', status: 'unknown' });
    expect(planFlatten(view({ working: [unknown, order({})] }), sight())).toEqual({ kind: 'settle', ...POSITION, intentId: 'x' });
    expect(planFlatten(view({ working: [order({})] }), sight())).toEqual({ kind: 'cancelStop', ...POSITION, intentId: 'o' });
    const halted = view({ working: [order({})], instruments: { [RULES.instrument]: { ...RULES, trading: false } } });
    expect(planFlatten(halted, sight())).toEqual({ kind: 'done' });
    expect(whyKept(POSITION, decimal('1'), halted, sight())).toBe('halted');
    // It takes no entries, and sales as the kill's are.
    for (const sales of ['limit', 'all'] as const) {
      const reducing = view({ instruments: { [RULES.instrument]: { ...RULES, trading: false, sales } } });
      expect(planFlatten(reducing, sight())).toMatchObject({ kind: 'sell', quantity: decimal('1') });
      expect(whyKept(POSITION, decimal('1'), reducing, sight())).toBeUndefined();
    }
    expect(planFlatten(view({ working: [order({})] }), sight({ prices: {} }))).toEqual({ kind: 'done' });
    // A stop without a position goes.
    expect(planFlatten(view({ working: [order({})] }, []), sight())).toEqual({ kind: 'cancelStop', ...POSITION, intentId: 'o' });
  });

  it('property: never takes a stop away before a sale that the gate would refuse', () => {
    const seenSteps = { cancelStop: 0, done: 0 };
    const seenFills = { more: 0, less: 0 };
    const whole = (min: number, max: number) => fc.integer({ min, max }).map((value) => new Decimal(value));
    fc.assert(
      fc.property(
        fc.record({
          held: whole(1, 300),
          // What its fills add up to: of a damaged row more or less.
          beside: fc.oneof(fc.constant(ZERO), whole(-300, 300)),
          ticks: whole(1, 60),
          tick: fc.constantFrom('0.01', '0.5', '1', '3'),
          minNotional: whole(0, 40),
          most: fc.constantFrom('7', '100'),
          tries: fc.integer({ min: 0, max: 5 }),
          offTick: fc.constantFrom('0', '0.004'),
        }),
        ({ held, beside, ticks, tick, minNotional, most, tries, offTick }) => {
          const rules = {
            ...RULES,
            tickSize: d(tick),
            stepSize: d('1'),
            minQuantity: d('1'),
            maxQuantity: d(most),
            minNotional: text(minNotional),
          };
          const price = text(ticks.mul(tick).plus(offTick));
          const stop = order({ quantity: text(held), reservedQuantity: text(held), createdTime: LEDGER.databaseTime, triggeredTime: null });
          const filled = Decimal.max(0, held.plus(beside));
          const isDamaged = !filled.eq(held);
          const contradicted = isDamaged ? [{ ...POSITION, held: text(held), filled: text(filled) }] : [];
          const row = position(text(held), isDamaged ? { filled: text(filled) } : {});
          const base = view({ inventory: {}, instruments: { [RULES.instrument]: rules }, contradicted }, [row]);
          const now: KillView = {
            ...base,
            risk: { ...base.risk, latches: [{ scope: 'account', scopeValue: 'main' }] },
            sold: [{ ...KEY, count: tries, tries, lastTime: 0 }],
            working: [stop],
          };
          const seen = sight({ balances: { BTC: text(held) }, prices: { [RULES.instrument]: price } });
          const step = planFlatten(now, seen);
          if (isNothing(held, KEY, seen, rules)) return;
          const next = planFlatten({ ...now, working: [] }, seen);
          if (isNothing(Decimal.min(held, filled), KEY, seen, rules)) {
            expect([step.kind, next.kind]).toEqual(['done', 'done']);
            return;
          }
          if (next.kind !== 'sell') throw new Error(`nothing is sold: ${next.kind}`);
          const verdict = decideFlatten(KEY, next, { ...now.risk, instrument: rules }, decimal(price));
          if (isDamaged) seenFills[filled.gt(held) ? 'more' : 'less'] += 1;
          // The gate never refuses what is wished for the position’s sake, and a stop of more than is sold stays (P28).
          expect(verdict.kind === 'denied' ? verdict.failures.map(({ code }) => code) : []).not.toContain('RISK_NO_POSITION');
          expect(step.kind).toBe(verdict.kind === 'approved' && filled.gte(held) ? 'cancelStop' : 'done');
          seenSteps[step.kind === 'cancelStop' ? 'cancelStop' : 'done'] += 1;
        },
      ),
      { numRuns: 1_000 },
    );
    // Neither is a rare case.
    expect(Math.min(seenSteps.cancelStop, seenSteps.done, seenFills.more, seenFills.less)).toBeGreaterThan(10);
  });

  it('leaves the stop where a tick under the last price is less than the venue takes', () => {
    const rules = { ...RULES, tickSize: d('1'), stepSize: d('1') };
    const working = [order({ createdTime: 0, triggeredTime: null })];
    const sold = [{ ...KEY, count: 4, tries: 4, lastTime: 0 }];
    const seen = (price: string, minNotional: string): readonly [KillView, KillSight] => {
      const instruments = { [RULES.instrument]: { ...rules, minNotional: d(minNotional) } };
      return [view({ instruments, working, sold }), sight({ prices: { [RULES.instrument]: d(price) } })];
    };
    const next = (...at: [string, string]): string => planFlatten(...seen(...at)).kind;
    // At its widest the collar of six ends at 5.76, which the tick makes five.
    expect([next('6', '5'), next('6', '5.5'), next('7', '5.5')]).toEqual(['cancelStop', 'done', 'cancelStop']);
    // People are told why it stays, and nothing where it is only not sold yet.
    const told = (...at: [string, string]) => {
      const left = examine(...seen(...at), []).unverified.filter((one) => one.kind === 'exposure');
      return left.map((one) => [one.because, unverifiedText(one)]);
    };
    const held = '1 of BTC/USDT (momentum) is still held';
    expect(told('6', '5.5')).toEqual([
      ['refused', `${held}: the venue’s filters let no sale through at its price, so a stop that rests stays`],
    ]);
    expect(told('7', '5.5')).toEqual([[undefined, held]]);
  });

  it('is only what a latch says has to go: the strictest one over it', () => {
    const none = latch({ policy: 'none' });
    const one = latch({ scope: 'instrument', scopeValue: RULES.instrument });
    expect(planFlatten(view({ latches: [none] }), sight())).toEqual({ kind: 'done' });
    expect(planFlatten(view({ latches: [none, one] }), sight())).toMatchObject({ kind: 'sell' });
    expect(policyOver(view({ latches: [none, one] }), KEY)).toBe('atOnce');
    expect(policyOver(view({ latches: [one] }), { ...KEY, instrument: 'ETH/USDT' })).toBeUndefined();
    expect([policyOfWhole(view({ latches: [one] })), policyOfWhole(view({ latches: [none, one] }))]).toEqual([undefined, 'none']);
  });

  it('goes on with the others where nothing can be done with one', () => {
    const both = [position('1'), position('0.5', { strategy: 'other' })];
    const all = sight({ balances: { BTC: d('3.5') } });
    const unknown = order({ intentId: 'x', purpose: 'flatten', status: 'unknown' });
    const now = view({ working: [unknown] }, both);
    expect(planFlatten(now, all)).toMatchObject({ kind: 'settle', intentId: 'x' });
    // What the unknown one may still sell is not theirs.
    expect(planFlatten(now, all, new Set(['momentum BTC/USDT']))).toMatchObject({
      kind: 'sell',
      strategy: 'other',
      quantity: decimal('0.5'),
    });
    expect(planFlatten(now, all, new Set(['momentum BTC/USDT', 'other BTC/USDT']))).toEqual({ kind: 'done' });
  });

  it('what is left and has no order at the venue is without protection: dust, what stays, and what is offered are not (P22)', () => {
    expect(bareKeys(view(), sight())).toEqual([POSITION]);
    expect(bareKeys(view(), sight({ prices: {} }))).toEqual([POSITION]);
    expect(bareKeys(view(), undefined)).toEqual([POSITION]);
    expect(bareKeys(view({ working: [order({})] }), sight())).toEqual([]);
    expect(bareKeys(view({ working: [order({ purpose: 'flatten', status: 'unknown' })] }), undefined)).toEqual([]);
    expect(bareKeys(view(), sight({ balances: { BTC: d('2') } }))).toEqual([]);
    expect(bareKeys(view({ latches: [latch({ policy: 'none' })] }), sight())).toEqual([]);
  });

  it('leaves to another strategy what that one holds of the same asset', () => {
    const latches = [latch({ scope: 'strategy', scopeValue: 'momentum' })];
    const both = [position('1'), position('0.5', { strategy: 'other' })];
    expect(planFlatten(view({ latches }, both), sight({ balances: { BTC: d('3.2') } }))).toMatchObject({ quantity: decimal('0.7') });
  });

  it('property: never more than the venue shows beyond what was there before us and what stays, and nothing else remains', () => {
    const quantity = fc.integer({ min: 0, max: 5_000 }).map((thousandths) => new Decimal(thousandths).div(1_000));
    fc.assert(
      fc.property(
        fc.record({
          held: quantity,
          other: quantity,
          inventory: quantity,
          drift: fc.integer({ min: -500, max: 500 }),
          isOtherKept: fc.boolean(),
        }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        ({ held, other, inventory, drift, isOtherKept }, fills) => {
          const positions = new Map([
            ['momentum', held],
            ['other', other],
          ]);
          const kept = isOtherKept ? other : ZERO;
          let balance = Decimal.max(0, inventory.plus(held).plus(other).plus(new Decimal(drift).div(1_000)));
          const latches = isOtherKept ? [latch({ scope: 'strategy', scopeValue: 'momentum' })] : [latch()];
          const floor = Decimal.min(balance, inventory.plus(kept));
          let tries = 0;
          for (let step = 0; step < 200; step += 1) {
            const ledger = [...positions].map(([strategy, amount]) => position(text(amount), { strategy }));
            const now = view({ latches, inventory: { BTC: text(inventory) }, sold: [{ ...KEY, count: step, tries, lastTime: 0 }] }, ledger);
            const seen = sight({ balances: { BTC: text(balance) } });
            const next = planFlatten(now, seen);
            if (next.kind === 'done') {
              // What is left of what has to go is under the venue's minimum, or was never there.
              const left = examine(now, seen, []).unverified.filter((one) => one.kind === 'exposure');
              expect(left.filter(({ because }) => because !== 'together')).toEqual([]);
              return;
            }
            if (next.kind !== 'sell') throw new Error(`nothing works: ${next.kind}`);
            const sold = next.quantity.mul(fills.next().value).toDecimalPlaces(3, Decimal.ROUND_DOWN);
            const done = tries > 5 ? next.quantity : sold;
            tries += 1;
            balance = balance.minus(done);
            positions.set(next.strategy, (positions.get(next.strategy) ?? ZERO).minus(done));
            expect(balance.gte(floor)).toBe(true);
            expect([...positions.values()].every((amount) => amount.gte(0))).toBe(true);
          }
          throw new Error('it does not end');
        },
      ),
    );
  });
});

describe('P28, P29: what is verified', () => {
  const found = (now: KillView, seen: KillSight = sight()): string[] => examine(now, seen, []).unverified.map(unverifiedText);
  const flat = (more: Partial<KillView> = {}): KillView =>
    view({ risk: { ...LEDGER, positions: [], balances: { BTC: d('2') } }, ...more }, []);

  it('is what shows the target: no open order, and what was there before us', () => {
    expect(examine(flat(), sight({ balances: { BTC: d('2') } }), [])).toEqual({ unverified: [], dust: [], kept: [] });
    expect(found(view())).toEqual(['1 of BTC/USDT (momentum) is still held']);
    expect(found(view(), sight({ prices: {} }))).toEqual(['1 of BTC/USDT (momentum) is still held: there is no price']);
    expect(
      found(flat({ working: [order({ purpose: 'entry', status: 'unknown', side: 'buy' })] }), sight({ balances: { BTC: d('2') } })),
    ).toEqual(['order o in BTC/USDT is unknown']);
  });

  it('lists dust, at the widest collar: what the venue would not take', () => {
    const dust = examine(view({}, [position('0.0519')]), sight({ balances: { BTC: d('2.0519') } }), []);
    expect(dust).toEqual({ unverified: [], dust: [{ strategy: 'momentum', instrument: 'BTC/USDT', quantity: '0.0519' }], kept: [] });
    // 0.053 at 96 is 5.088, over the minimum of 5.
    expect(planFlatten(view({}, [position('0.053')]), sight())).toMatchObject({ kind: 'sell' });
    expect(planFlatten(view({}, [position('0.052')]), sight())).toEqual({ kind: 'done' });
  });

  it('P29: what each strategy holds is dust, and all of it is not: that is left until somebody sells it, and our orders sell none of it (P27)', () => {
    const of = (quantities: readonly string[], held: string, more: Partial<KillView> = {}) => {
      const now = view(
        more,
        quantities.map((quantity, index) => position(quantity, { strategy: `s${index}` })),
      );
      const seen = sight({ balances: { BTC: d(held) } });
      const { unverified, dust } = examine(now, seen, []);
      expect(planFlatten(now, seen)).toEqual({ kind: 'done' });
      expect(unverified.every((one) => one.kind === 'exposure' && one.because === 'together')).toBe(true);
      return [unverified.length, dust.length];
    };
    // 0.053 at 96 is over the minimum of 5, 0.052 is not.
    expect(of(['0.027', '0.026'], '2.053')).toEqual([2, 0]);
    expect(of(['0.026', '0.026'], '2.052')).toEqual([0, 2]);
    // What each has under the step is sold with the others' as well.
    expect(of(['0.0265', '0.0265'], '2.053')).toEqual([2, 0]);
    // Only what is there counts, and once: what was there before us is nobody's.
    expect(of(['0.03', '0.03'], '2.05')).toEqual([0, 2]);
    expect(of(['0.03', '0.03'], '2')).toEqual([0, 0]);
    // A position that stays is not sold with them.
    const narrow = { latches: [latch({ scope: 'strategy', scopeValue: 's0' })] };
    expect(of(['0.03', '0.03'], '2.06', narrow)).toEqual([0, 1]);
    expect(found(view({}, [position('0.03'), position('0.03', { strategy: 'other' })]), sight({ balances: { BTC: d('2.06') } }))).toEqual([
      '0.03 of BTC/USDT (momentum) is still held: it is under the venue’s minimum, but not together with what others hold; sell it by hand at the venue',
      expect.stringContaining('0.03 of BTC/USDT (other) is still held'),
    ]);
  });

  it('names what is there and is nobody’s that our books know, and does not sell it', () => {
    expect(found(flat(), sight({ balances: { BTC: d('2.5') } }))).toEqual([
      '0.5 BTC more is at the venue than our books explain: not ours to sell, a person has to look',
    ]);
    expect(
      found(flat({ latches: [latch({ scope: 'strategy', scopeValue: 'momentum' })] }), sight({ balances: { BTC: d('2.5') } })),
    ).toEqual([]);
  });

  it('P29: … also of what is not traded now, to the last unit; what is only paid with is not held', () => {
    const eth = { ...RULES, instrument: 'ETH/USDT', base: 'ETH' };
    const books = { BTC: d('2'), ETH: d('1'), USDT: d('100'), BNB: d('1'), USDC: d('1') };
    const now = flat({
      risk: { ...LEDGER, positions: [], balances: books },
      instruments: { 'ETH/USDT': eth },
      money: ['BNB', 'USDC', 'USDT'],
    });
    const seen = (more: Record<string, DecimalText>) =>
      examine(now, sight({ balances: { ...books, ...more } }), []).unverified.map((one) =>
        one.kind === 'surplus' ? `${one.quantity} ${one.asset}` : one.kind,
      );
    expect(seen({})).toEqual([]);
    expect(seen({ BTC: d('3'), SOL: d('0.00000001') })).toEqual(['1 BTC', '0.00000001 SOL']);
    expect(seen({ BTC: d('1'), ETH: d('1.0009'), USDT: d('1000'), BNB: d('5'), USDC: d('9') })).toEqual([]);
    expect(seen({ ETH: d('1.001') })).toEqual(['0.001 ETH']);
    const narrow = { ...now, latches: [latch({ scope: 'instrument', scopeValue: 'ETH/USDT' })] };
    expect(examine(narrow, sight({ balances: { ...books, BTC: d('3') } }), []).unverified).toEqual([]);
  });

  it('waits where our books and the venue differ so soon after a fill that it may still show balances of before', () => {
    const old = sight({ balances: { BTC: d('2') } });
    const filled = (agoMs: number, more: Partial<KillView> = {}) => view({ lastFills: { BTC: LEDGER.databaseTime - agoMs }, ...more });
    const late = (what: string) =>
      `the venue’s balances are ${what} BTC off our books right after a fill: it may show them late, and is looked at again`;
    expect([found(filled(2_999), old), found(filled(3_000), old), found(view(), old)]).toEqual([[late('1')], [], []]);
    // What is shown is sold meanwhile, and what is not is not taken for gone: its stop stays.
    expect(found(filled(0), sight({ balances: { BTC: d('2.4') } }))).toEqual(['0.4 of BTC/USDT (momentum) is still held', late('0.6')]);
    expect(planFlatten(filled(0), sight({ balances: { BTC: d('2.4') } }))).toMatchObject({ kind: 'sell', quantity: decimal('0.4') });
    const stop = { working: [order({ createdTime: 0, triggeredTime: null })] };
    expect([planFlatten(filled(2_999, stop), old).kind, planFlatten(filled(3_000, stop), old).kind]).toEqual(['done', 'cancelStop']);
    // Of another asset, or by less than the venue takes: that is no reason.
    expect(found(view({ lastFills: { ETH: LEDGER.databaseTime } }), old)).toEqual([]);
    expect(found(filled(0), sight({ balances: { BTC: d('2.9999') } }))).toEqual(['0.9999 of BTC/USDT (momentum) is still held']);
    // What was sold is still shown.
    const sold = flat({ lastFills: { BTC: LEDGER.databaseTime } });
    expect(found(sold, sight())).toEqual([late('1')]);
    expect(examine(sold, sight({ balances: { BTC: d('2') } }), []).unverified).toEqual([]);
  });

  it('P29: foreign orders go only where the whole account is halted, stops only with what they protect', () => {
    const foreign = { instrument: 'ETH/USDT', clientOrderId: 'theirs', venueOrderId: '7' };
    const entry = { instrument: 'BTC/USDT', clientOrderId: 'e', venueOrderId: '8' };
    const stop = { instrument: 'BTC/USDT', clientOrderId: 'c', venueOrderId: 'v' };
    const working = [order({ intentId: 'e', clientOrderId: 'e', purpose: 'entry', side: 'buy' }), order({})];
    const all = [foreign, entry, stop];
    expect(ordersToCancel(view({ working }), all)).toEqual([foreign, entry]);
    const narrow = view({ working, latches: [latch({ scope: 'instrument', scopeValue: 'BTC/USDT' })] });
    expect(ordersToCancel(narrow, all)).toEqual([entry]);
    expect(ordersToCancel(view({ working, latches: [latch({ scope: 'instrument', scopeValue: 'ETH/USDT' })] }), all)).toEqual([]);
    expect(found(flat(), sight({ balances: { BTC: d('2') }, openOrders: [foreign] }))).toEqual([
      'a foreign order 7 in ETH/USDT is open at the venue',
    ]);
  });

  it('P31: a stop of ours whose row is lost stays where nothing is sold, and is no proof against a halt; anything else goes', () => {
    const lost = {
      instrument: 'BTC/USDT',
      clientOrderId: '0123456789abcdef0123456789abcdef',
      venueOrderId: '9',
      side: 'sell',
      isTriggered: false,
    } as const;
    const others = [
      { ...lost, clientOrderId: 'theirs' },
      { ...lost, isTriggered: true },
      { ...lost, side: 'buy' as const },
      { instrument: lost.instrument, clientOrderId: lost.clientOrderId, venueOrderId: '10' },
    ];
    const stays = flat({ latches: [latch({ scope: 'everything', scopeValue: '', policy: 'none' })] });
    const seen = (of: KillView, openOrders: KillSight['openOrders']) =>
      examine(of, sight({ balances: { BTC: d('2') }, openOrders }), []).unverified;
    expect(ordersToCancel(stays, [lost, ...others])).toEqual(others);
    expect(seen(stays, [lost])).toEqual([]);
    expect(seen(stays, others)).toHaveLength(others.length);
    const sold = flat({ latches: [latch({ policy: 'atOnce' })] });
    expect(ordersToCancel(sold, [lost])).toEqual([lost]);
    expect(seen(sold, [lost])).toHaveLength(1);
  });

  it('P11, P12: an order is a person’s to decide when it is unknown long after every look-up would have told of it', () => {
    const unknown = (more: Partial<StoredOrder> = {}) =>
      flat({ working: [order({ purpose: 'exit', status: 'unknown', signedTimestamp: 10_000, receiveWindowMs: 2_000, ...more })] });
    const at = (venueTime: number | undefined): KillSight =>
      sight({ balances: { BTC: d('2') }, ...(venueTime === undefined ? {} : { venueTime }) });
    const because = (venueTime: number | undefined, more: Partial<StoredOrder> = {}) =>
      examine(unknown(more), at(venueTime), []).unverified.map((one) => [one.kind, 'because' in one]);
    // Its window, until it would be shown, and half a minute.
    expect([because(45_000), because(45_001)]).toEqual([[['order', false]], [['order', true]]]);
    expect(because(undefined)).toEqual([['order', false]]);
    for (const more of [{ status: 'accepted' }, { status: 'submitting' }, { signedTimestamp: null }] as const)
      expect(because(90_000, more)).toEqual([['order', false]]);
    expect(examine(unknown(), at(90_000), []).unverified.map(unverifiedText)).toEqual([
      'order o in BTC/USDT is unknown: the venue does not tell what became of it, a person has to decide',
    ]);
  });

  it('a list of what is open has nothing to cancel where all of it is ours, known, and stays', () => {
    const stop = { instrument: 'BTC/USDT', clientOrderId: 'c', venueOrderId: 'v' };
    const now = view({ working: [order({})] });
    expect([isNothingToCancel(now, []), isNothingToCancel(now, [stop])]).toEqual([true, true]);
    expect(isNothingToCancel(view({ working: [order({ purpose: 'entry' })] }), [stop])).toBe(false);
    // Of others: it goes, or is evidence of something that our books have closed (P13).
    expect(isNothingToCancel(view(), [stop])).toBe(false);
    expect(isNothingToCancel(view({ latches: [latch({ scope: 'strategy', scopeValue: 'momentum' })] }), [stop])).toBe(false);
  });

  it('keeps stops where nothing is sold, and says which are missing', () => {
    const kept = view({ latches: [latch({ policy: 'none' })], working: [order({})] });
    const stop = { instrument: 'BTC/USDT', clientOrderId: 'c', venueOrderId: 'v' };
    expect(examine(kept, sight({ openOrders: [stop] }), [])).toEqual({ unverified: [], dust: [], kept: ['o'] });
    const missing = { kind: 'stop', strategy: 'momentum', instrument: 'BTC/USDT', because: 'refused' } as const;
    expect(examine(kept, sight({ openOrders: [stop] }), [missing]).unverified).toEqual([missing]);
    // What our books call resting protects nobody as long as the venue shows nothing of it.
    expect(examine(kept, sight(), [])).toMatchObject({
      unverified: [
        {
          kind: 'stop',
          strategy: 'momentum',
          instrument: 'BTC/USDT',
          because: expect.stringMatching(/^the venue does not show /) as string,
        },
      ],
    });
  });
});
