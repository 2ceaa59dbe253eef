import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByHand, deposit, gone, told, trade, withdrawal, type Movement } from '../../test/support/by-hand.js';
import { amountOf, amountsOf, Decimal, decimal, text, type Amounts } from '../money/index.js';
import { carriedForward } from './carried.js';

/**
 * The model. True events happen to an account, each at its time: a deposit, a withdrawal, a fill by another hand, a loss (something is taken),
 * a fill of ours, a move of the price. Readings show balances at moments, so that one nets all that has happened since the one before.
 * Each event but the price is booked later, or at once, alone or with others in one statement; a loss perhaps never, since
 * nobody knows what it was. What must hold:
 *
 * 1. Safety: when all else is booked, and has been for as long as a booking may be ahead of the venue, the loss that is counted is never less than the true one.
 * 2. Nothing phantom stays: it is not more than that either; nothing is unexplained but what nobody has booked.
 * 3. Before, a doubt is a loss: of events that readings show one by one, no sample counts less than what is truly lost by then. (What one
 *    reading nets nobody can tell apart, and what comes back within a minute was never gone.)
 */
type Event = { readonly at: number } & (
  | { readonly movement: Movement; readonly bookedAt: number | undefined }
  | { readonly ownFill: readonly [string, string]; readonly bookedAt: number }
  | { readonly price: number }
);

const SLOTS = 6;
const at = fc.integer({ min: 0, max: SLOTS });
const tens = (most: number): fc.Arbitrary<string> => fc.integer({ min: 1, max: most }).map((n) => String(n * 10));
const coins = fc.integer({ min: 1, max: 50 }).map((n) => text(decimal('0.0001').mul(n)));
/** At a price, and of that up to 40 % are lost. */
const exchanged = fc
  .record({ parts: fc.integer({ min: 1, max: 50 }), lost: fc.integer({ min: 0, max: 40 }), isBuy: fc.boolean() })
  .map(({ parts, lost, isBuy }) => {
    const [btc, paid] = [decimal('0.0001').mul(parts), decimal('0.05').mul(parts * (isBuy ? 100 + lost : 100 - lost))];
    return isBuy ? ([text(paid.neg()), text(btc)] as const) : ([text(paid), text(btc.neg())] as const);
  });
const movement: fc.Arbitrary<Movement> = fc.oneof(
  tens(50).map((amount) => deposit(amount)),
  coins.map((amount) => deposit(amount, 'BTC')),
  tens(20).map((amount) => withdrawal(amount)),
  coins.map((amount) => withdrawal(amount, 'BTC')),
  exchanged.map(([usdt, btc]) => trade(usdt, btc)),
);
const taken = fc.oneof(
  tens(20).map((amount) => trade(`-${amount}`, '0')),
  coins.map((amount) => trade('0', `-${amount}`)),
);
const booked: fc.Arbitrary<Event> = fc
  .record({ movement: fc.oneof({ weight: 5, arbitrary: movement }, { weight: 1, arbitrary: taken }), at, later: at })
  .map(({ later, ...event }) => ({ ...event, bookedAt: event.at + later }));
const lost: fc.Arbitrary<Event> = fc.record({ movement: taken, at, bookedAt: fc.constant(undefined) });
const own: fc.Arbitrary<Event> = fc
  .record({ ownFill: exchanged, at, later: fc.oneof(fc.constant(0), at) })
  .map(({ later, ...event }) => ({ ...event, bookedAt: event.at + later }));
const ownInTime: fc.Arbitrary<Event> = fc.record({ ownFill: exchanged, at }).map((event) => ({ ...event, bookedAt: event.at }));
const priced: fc.Arbitrary<Event> = fc.record({ price: fc.integer({ min: 48_000, max: 52_000 }), at });
const events = fc.record({
  events: fc.array(
    fc.oneof(
      { weight: 8, arbitrary: booked },
      { weight: 1, arbitrary: lost },
      { weight: 1, arbitrary: ownInTime },
      { weight: 1, arbitrary: priced },
    ),
    { minLength: 1, maxLength: 7 },
  ),
  gapMs: fc.constantFrom(5_000, 90_000, 600_000),
  isAtOnce: fc.boolean(),
});
/** Fills of ours at changing prices, beside money that comes and goes. */
const ownEvents = fc.record({
  events: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: own },
      { weight: 2, arbitrary: booked.filter((event) => 'movement' in event && isMoney(event.movement)) },
      { weight: 3, arbitrary: priced },
    ),
    { minLength: 2, maxLength: 8 },
  ),
  gapMs: fc.constantFrom(5_000, 90_000, 600_000),
  isAtOnce: fc.boolean(),
});
const isMoney = ({ kind, amounts }: Movement): boolean => kind !== 'traded' && amounts['BTC'] === undefined;

interface Truth {
  lost: Amounts;
  /** Of the day, by the prices of the moments. */
  pnl: number;
  /** What asset has moved when it was worth another, at the most. */
  unsure: number;
}

/** Plays events; `seen` is called with each sample and what is true then. */
function played(
  all: readonly Event[],
  { gapMs, isAtOnce }: { gapMs: number; isAtOnce: boolean },
  seen: (pnl: number, truth: Truth) => void = () => undefined,
): { account: ByHand; truth: Truth } {
  const account = new ByHand(gapMs);
  const truth: Truth = { lost: {}, pnl: 0, unsure: 0 };
  let held: Amounts = account.ledger;
  const times = new Map<Event, number>();
  const worth = (amounts: Amounts): number => Number(amountOf(amounts, 'USDT')) + Number(amountOf(amounts, 'BTC')) * Number(account.price);
  const looks = (): void => seen(Number(account.looks().figures?.dailyPnl), truth);
  const happens = (event: Event): void => {
    times.set(event, account.now + gapMs / 2);
    if ('price' in event) {
      const was = Number(account.price);
      account.price = String(event.price);
      truth.pnl += Number(amountOf(held, 'BTC')) * (event.price - was);
      return;
    }
    const amounts: Amounts = 'ownFill' in event ? trade(...event.ownFill).amounts : event.movement.amounts;
    held = carriedForward(held, amounts);
    if ('movement' in event) account.moves(event.movement);
    else if (event.bookedAt === event.at) account.fills(event.ownFill);
    else account.moves(trade(...event.ownFill));
    if ('ownFill' in event || event.movement.kind === 'traded') truth.pnl += worth(amounts);
    if ('movement' in event && event.bookedAt === undefined) truth.lost = carriedForward(truth.lost, negated(amounts));
  };
  const last = Math.max(2 * SLOTS, ...all.map((event) => ('bookedAt' in event ? (event.bookedAt ?? 0) : 0)));
  for (let slot = 0; slot <= last; slot += 1) {
    const now = all.filter((event) => event.at === slot);
    for (const event of [...now.filter((one) => 'price' in one), ...now.filter((one) => !('price' in one))]) happens(event);
    for (const event of all) {
      if ('price' in event || event.bookedAt !== slot) continue;
      if ('movement' in event) account.books(event.movement, times.get(event));
      else if (event.bookedAt > event.at) account.booksFill(event.ownFill);
      if (!isAtOnce) looks();
    }
    looks();
  }
  const prices = all.flatMap((event) => ('price' in event ? [event.price] : [])).concat(50_000);
  const moved = all.map((event) => ('movement' in event ? Math.abs(Number(amountOf(event.movement.amounts, 'BTC'))) : 0));
  truth.unsure = 2 * (Math.max(...prices) - Math.min(...prices)) * moved.reduce((sum, one) => sum + one, 0);
  return { account, truth };
}

const negated = (amounts: Amounts): Amounts =>
  Object.fromEntries(Object.keys(amounts).map((asset) => [asset, text(amountOf(amounts, asset).neg())]));
const amounts = (of: Record<string, string>): Amounts =>
  amountsOf(Object.entries(of).map(([asset, amount]) => [asset, new Decimal(amount)]));
const some = (amounts: Amounts): Amounts => Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount !== '0'));

/** Later than any booking may be ahead of the venue, and what lacked in parts has lacked for as long. */
function later(account: ByHand): ReturnType<ByHand['looks']> {
  for (let look = 0; look < 8; look += 1) {
    account.now += 600_000;
    account.looks();
  }
  return account.looks();
}

/** As the build before has left its row. */
function asOfBefore(account: ByHand): void {
  const { unexplained } = account.state;
  if (unexplained !== undefined)
    account.state = {
      ...account.state,
      unexplained: { ...unexplained, went: undefined, short: undefined, own: undefined, late: undefined },
    };
}

describe('true events, read at moments and booked later', () => {
  it('property: when all else is booked, the loss that is counted is the true one, and nothing is unexplained but what was taken', () => {
    fc.assert(
      fc.property(events, ({ events: all, ...how }) => {
        const { account, truth } = played(all, how);
        const sample = later(account);
        const off = Number(sample.figures?.dailyPnl) - truth.pnl;
        expect(Math.abs(off)).toBeLessThan(1e-6 + truth.unsure);
        if (Object.keys(some(truth.lost)).length === 0) expect(gone(sample)).toEqual({});
      }),
      { numRuns: 600, seed: 7 },
    );
  }, 120_000);

  it('property: fills of ours that are booked late, at whatever prices, are what they were', () => {
    fc.assert(
      fc.property(ownEvents, ({ events: all, ...how }) => {
        const { account, truth } = played(apart(all), how);
        const sample = later(account);
        expect(Number(sample.figures?.dailyPnl)).toBeCloseTo(truth.pnl, 6);
        expect(gone(sample)).toEqual({});
      }),
      { numRuns: 600, seed: 9 },
    );
  }, 120_000);

  it('property: before that, where each is read by itself, no sample counts less than what is lost', () => {
    const oneWay = fc.record({ plan: events, isBuy: fc.boolean() });
    fc.assert(
      fc.property(oneWay, ({ plan: { events: all, isAtOnce }, isBuy }) => {
        const oneByOne = apart(all.filter((event) => isOneWay(event, isBuy)));
        played(oneByOne, { gapMs: 90_000, isAtOnce }, (pnl, truth) => expect(pnl).toBeLessThan(truth.pnl + 1e-6));
      }),
      { numRuns: 400, seed: 8 },
    );
  }, 120_000);
});

/** Of opposite trades one that waits for its booking may be netted with one that is booked: its loss counts when it is booked, too. */
function isOneWay(event: Event, isBuy: boolean): boolean {
  if ('price' in event) return false;
  if ('ownFill' in event) return event.bookedAt === event.at || decimal(event.ownFill[1]).isPositive() === isBuy;
  const btc = amountOf(event.movement.amounts, 'BTC');
  return event.movement.kind !== 'traded' || event.bookedAt === undefined || (isBuy ? btc.gt(0) : btc.lte(0));
}

/** One after the other, and fills of ours are booked late between two of them: each is read by itself. */
const apart = (all: readonly Event[]): readonly Event[] =>
  all.map((event, index): Event => {
    const slot = 2 * index;
    if (!('bookedAt' in event) || event.bookedAt === undefined) return { ...event, at: slot };
    const isLate = event.bookedAt > event.at;
    if (!('ownFill' in event)) return { ...event, at: slot, bookedAt: slot + event.bookedAt - event.at };
    return { ...event, at: slot, bookedAt: isLate ? slot + 2 * Math.ceil((event.bookedAt - event.at) / 2) + 1 : slot };
  });

describe('a loss beside which as much came that nobody has booked', () => {
  it.each([false, true])('stays counted when trades by hand are booked, and after (in a row of the build before: %s)', (isOfBefore) => {
    const account = new ByHand();
    account.moves(deposit('600'));
    account.looks();
    account.moves(withdrawal('600'));
    expect(told(account.looks())).toMatchObject({ gone: { USDT: '600' }, pnl: '-600' });
    if (isOfBefore) asOfBefore(account);
    for (const one of [trade('-500', '0.01'), trade('500', '-0.01')]) {
      account.moves(one);
      account.looks();
      account.books(one);
      expect(told(account.looks())).toMatchObject({ gone: { USDT: '600' }, pnl: '-600' });
    }
    account.books(deposit('600'));
    expect(told(later(account))).toMatchObject({ gone: { USDT: '600' }, pnl: '-600', flows: '0' });
    account.books(withdrawal('600'));
    expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '0' });
  });

  it('counts again when that is booked, where a trade that one reading had netted has excused it', () => {
    const account = new ByHand();
    const [paid, bought] = [deposit('500'), trade('-500', '0.01')];
    account.moves(paid, bought);
    account.looks();
    account.moves(deposit('300'));
    account.looks();
    account.moves(withdrawal('300'));
    expect(told(account.looks())).toMatchObject({ gone: { USDT: '300' } });
    account.books(bought);
    account.books(paid);
    account.looks();
    account.books(deposit('300'));
    expect(told(later(account))).toMatchObject({ gone: { USDT: '300' }, pnl: '-300' });
  });
});

describe('opposite trades by hand', () => {
  type Booking = readonly [movement: Movement, movedAt: number, bookedAt: number];
  it.each<[string, readonly Booking[], number]>([
    [
      'of which one is booked after a withdrawal beside it',
      [
        [trade('-276', '0.0048'), 4, 10],
        [deposit('380'), 4, 4],
        [trade('182.75', '-0.0043'), 5, 6],
        [withdrawal('100'), 5, 10],
      ],
      -68.25,
    ],
    [
      'that one statement books, as a sum',
      [
        [withdrawal('60'), 1, 6],
        [trade('-83.4', '0.0012'), 3, 4],
        [withdrawal('100'), 0, 4],
        [trade('85.1', '-0.0023'), 1, 4],
        [withdrawal('190'), 5, 7],
        [withdrawal('100'), 1, 5],
      ],
      -53.3,
    ],
  ])('%s leave no loss but their own', (_, bookings, pnl) => {
    for (const isAtOnce of [false, true]) {
      for (const gapMs of [5_000, 90_000, 600_000]) {
        const all = bookings.map(([one, movedAt, bookedAt]): Event => ({ movement: one, at: movedAt, bookedAt }));
        const { account } = played(all, { gapMs, isAtOnce });
        const sample = account.looks();
        expect(gone(sample)).toEqual({});
        expect(Number(sample.figures?.dailyPnl)).toBeCloseTo(pnl, 6);
      }
    }
  });
});

describe('what is booked ahead of the venue', () => {
  it('is no loss where it comes soon, is one where it does not for a quarter of an hour, and none when it has come', () => {
    const account = new ByHand(60_000);
    account.books(deposit('600'));
    for (let minute = 0; minute < 15; minute += 1) expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '0' });
    expect(told(account.looks())).toMatchObject({ gone: { USDT: '600' }, pnl: '-600' });
    account.moves(deposit('600'));
    expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '0', flows: '600' });
  });

  it('is no loss where nobody has looked for longer than that and it has come meanwhile', () => {
    const account = new ByHand(1_000);
    account.books(deposit('5000'));
    account.looks();
    account.sleeps(1_200_000);
    account.moves(deposit('5000'));
    for (let second = 0; second < 4; second += 1) expect(told(account.looks(true))).toMatchObject({ gone: {}, pnl: '0' });
    expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '0', flows: '5000' });
  });

  it('is a loss where it has lacked since somebody looks again, in a sample that a reading stands for', () => {
    const account = new ByHand(60_000);
    account.books(deposit('600'));
    account.looks();
    account.sleeps(1_200_000);
    for (let minute = 0; minute <= 14; minute += 1) expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '0' });
    account.moves(deposit('10', 'ETH'));
    expect(told(account.looks(true))).toMatchObject({ gone: {}, pnl: '0' });
    expect(told(account.looks())).toMatchObject({ gone: { USDT: '600' }, pnl: '-600' });
  });

  it('leaves nothing unexplained where two corrections that add up to nothing are booked before either is shown', () => {
    const account = new ByHand();
    const [away, back] = [trade('-500', '0'), trade('500', '0')];
    for (const one of [away, back]) account.books(one);
    account.looks();
    account.moves(away);
    expect(told(account.looks())).toMatchObject({ gone: { USDT: '500' }, pnl: '-500' });
    account.moves(back);
    expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '0' });
  });
});

describe('a fill of ours that is booked after readings have shown it', () => {
  type Late = readonly [held: Record<string, string>, fill: readonly [string, string], price: string, pnl: string];
  it.each<[string, Late]>([
    ['a purchase, when the price has fallen', [{ USDT: '100000' }, ['-50000', '1'], '48500', '-1500']],
    ['a purchase, when the price has risen', [{ USDT: '100000' }, ['-50000', '1'], '51500', '1500']],
    ['a stop that has sold, when the price has risen', [{ USDT: '50000', BTC: '1' }, ['50000', '-1'], '51500', '0']],
    ['a stop that has sold, when the price has fallen', [{ USDT: '50000', BTC: '1' }, ['50000', '-1'], '48500', '0']],
  ])('moves no figure: %s', (_, [held, fill, price, pnl]) => {
    for (const isOfBefore of [false, true]) {
      const account = new ByHand(5_000);
      account.ledger = amounts(held);
      account.looks();
      account.moves(trade(...fill));
      expect(told(account.looks())).toMatchObject({ pnl: '0' });
      if (isOfBefore) asOfBefore(account);
      account.price = price;
      account.looks();
      account.booksFill(fill);
      expect(told(account.looks())).toMatchObject({ gone: {}, pnl, flows: '0' });
      expect(account.state.unexplained).toMatchObject({ exchanged: {} });
      expect(told(later(account))).toMatchObject({ gone: {}, pnl, flows: '0' });
    }
  });

  it('leaves nothing behind in a row whose build has taken it for two exchanges', () => {
    const account = new ByHand(5_000);
    account.moves(trade('-50000', '1'));
    account.looks();
    account.price = '48500';
    account.booksFill(['-50000', '1']);
    const { state } = account;
    const { unexplained, performance } = state;
    if (unexplained === undefined || performance === undefined) throw new Error('it has looked');
    const went = unexplained.went && { ...unexplained.went, seen: amounts({ USDT: '50000', BTC: '1' }) };
    account.state = {
      ...{ ...state, external: {}, performance: { ...performance, equity: text(decimal('98500')), dayFlows: text(decimal('1500')) } },
      unexplained: { ...unexplained, went, exchanged: amounts({ USDT: '-1500' }), own: undefined, late: undefined },
    };
    expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '-1500', flows: '0' });
    expect(told(later(account))).toMatchObject({ gone: {}, pnl: '-1500', flows: '0' });
  });

  it.each([
    ['sells what was bought', trade('40000', '-1'), { gone: {}, pnl: '-10000' }],
    ['takes what was bought', trade('0', '-1'), { gone: { BTC: '1' }, pnl: '-50000' }],
  ])('is not what another hand does that %s between two readings', (_, taken, loss) => {
    const account = new ByHand(5_000);
    account.looks();
    account.fills(['-50000', '1']);
    account.moves(taken);
    expect(told(account.looks())).toMatchObject(loss);
    expect(account.state.unexplained).toMatchObject({ late: { moved: {} } });
    expect(told(later(account))).toMatchObject(loss);
    account.books(taken);
    expect(told(later(account))).toMatchObject({ gone: {}, pnl: loss.pnl });
  });

  it('adds up to nothing with others like it', () => {
    const account = new ByHand(5_000);
    for (let entry = 0; entry < 4; entry += 1) {
      account.moves(trade('-30000', '0.6'));
      account.looks();
      account.price = '48750';
      account.looks();
      account.booksFill(['-30000', '0.6']);
      account.looks();
      account.price = '50000';
      account.looks();
      account.fills(['30000', '-0.6']);
      expect(told(account.looks())).toMatchObject({ gone: {}, pnl: '0', flows: '0' });
    }
  });
});
