import { Decimal, ZERO, decimal, decimalTextOf, text } from '../../core/money/index.js';
import { applyFill } from '../../core/ledger/position.js';
import { planProtection, VIEW_FORM, type ProtectionStep, type ProtectionView } from '../../core/protection/plan.js';
import { termsOf } from '../../core/risk/draft.js';
import { decideOrder } from '../../core/risk/gate.js';
import { decideEscape, decideStop, type StopWish } from '../../core/risk/protective.js';
import type { RiskView } from '../../core/risk/view.js';
import { NOTHING_COUNTED } from '../support/risk-view.js';
import { rowKey } from './keys.js';
import { KEY, LIMITS, LIVE, PRICE, RULES, SIGNALS } from './market.js';
import { sideOf, storedOf } from './rows.js';
import { slotOfIntent, type Setup } from './setup.js';
import type { Purpose, Row, World } from './world.js';

/** The decisions of core/, each asked once for each view of the ledger. Quantities in units; zero is a denial. */

/** Sizes an entry to one unit: at the edge of the collar it costs a little more than the price. */
const SIZING = { kind: 'fixedNotional', notional: decimalTextOf('150') } as const;
const UNSIZED = { kind: 'fixedNotional', notional: decimalTextOf('0') } as const;

const answers = new WeakMap<Setup, Map<string, unknown>>();

export function remembered<T>(name: string, world: World, setup: Setup, work: () => T): T {
  const { isLatched, position, isBlocked } = world.books;
  const mine = answers.get(setup) ?? new Map<string, unknown>();
  answers.set(setup, mine);
  const key = `${name} ${isLatched} ${isBlocked} ${position} ${world.rows.map(rowKey).join()}`;
  const known = mine.get(key);
  if (known !== undefined) return known as T;
  const answer = work();
  mine.set(key, answer);
  return answer;
}

export function entryQuantity(world: World, setup: Setup, attempt: number): number {
  return remembered(`entry ${attempt}`, world, setup, () => {
    const verdict = decideOrder(SIGNALS.open, termsOf(SIZING, { attempt }), riskView(world, setup), LIVE);
    return verdict.kind === 'approved' ? Number(verdict.order.quantity) : 0;
  });
}

/** As `authoriseExit` decides: the stops that have to go first, or a quantity. */
export function exitDecision(
  world: World,
  setup: Setup,
  attempt: number,
): { readonly stops: readonly number[] } | { readonly quantity: number } {
  return remembered(`exit ${attempt}`, world, setup, () => {
    const view = riskView(world, setup);
    const terms = termsOf(UNSIZED, { attempt, withoutStops: true });
    const without = decideOrder(SIGNALS.close, terms, view, LIVE);
    if (without.kind === 'denied') return { quantity: 0 };
    if (setup.mutants.has('exitBeforeCancel')) return { quantity: Number(without.order.quantity) };
    const stops = view.workingOrders.flatMap(({ purpose, intentId }) =>
      purpose === 'stop' || purpose === 'escape' ? [slotOfIntent(setup, intentId)] : [],
    );
    if (stops.length > 0) return { stops };
    return { quantity: exitQuantity(view, attempt) };
  });
}

/** Of what is free when the verdict is written. */
function exitQuantity(view: RiskView, attempt: number): number {
  const verdict = decideOrder(SIGNALS.close, termsOf(UNSIZED, { attempt }), view, LIVE);
  return verdict.kind === 'approved' ? Number(verdict.order.quantity) : 0;
}

export function stopQuantity(world: World, setup: Setup, wish: StopWish): number {
  return remembered(`stop ${wish.sequence} ${wish.quantity.toFixed()}`, world, setup, () => {
    const verdict = decideStop(KEY, wish, riskView(world, setup));
    return verdict.kind === 'approved' ? Number(verdict.order.quantity) : 0;
  });
}

export function escapeQuantity(world: World, setup: Setup, wish: { readonly sequence: number; readonly collarBps: number }): number {
  return remembered(`escape ${wish.sequence} ${wish.collarBps}`, world, setup, () => {
    const verdict = decideEscape(KEY, wish, riskView(world, setup), new Decimal(PRICE));
    return verdict.kind === 'approved' ? Number(verdict.order.quantity) : 0;
  });
}

export function planOf(world: World, setup: Setup): ProtectionStep {
  return remembered('plan', world, setup, () => planProtection(KEY, protectionView(world, setup)));
}

const positions = new Map<string, number>();

/** The position after one unit more is booked. */
export function positionAfter(position: number, side: 'buy' | 'sell'): number {
  const key = `${side} ${position}`;
  const known = positions.get(key);
  if (known !== undefined) return known;
  const held = { quantity: new Decimal(position), cost: new Decimal(position * PRICE), realizedPnl: ZERO };
  const fill = { side, price: new Decimal(PRICE), quantity: new Decimal(1), fee: ZERO, feeAsset: 'USDT', base: 'BTC', quote: 'USDT' };
  const after = applyFill(held, fill).quantity.toNumber();
  positions.set(key, after);
  return after;
}

/** `read_risk`. */
export function riskView(world: World, setup: Setup): RiskView {
  const { books, rows } = world;
  const { mutants, slots } = setup;
  const isSeen = (row: Row): boolean => !row.isFinal && !(mutants.has('unknownIsAbsent') && row.status === 'unknown');
  return {
    account: KEY.account,
    venue: 'paper',
    epoch: 1,
    mode: 'normal',
    latches: books.isLatched ? [{ scope: 'everything', scopeValue: '' }] : [],
    controlVersion: '1',
    riskVersion: '1',
    limits: LIMITS,
    ...NOTHING_COUNTED,
    activeVersion: SIGNALS.open.strategyVersion,
    positions: books.position === 0 ? [] : [{ ...KEY, quantity: unitsText(books.position), cost: unitsText(books.position * PRICE) }],
    workingOrders: mutants.has('noReservations')
      ? []
      : slots.flatMap((slot, index) => {
          const row = rows[index];
          if (row === null || row === undefined || !isSeen(row)) return [];
          const { intentId, leg, purpose, status, reservedQuantity, reservedNotional, quote } = storedOf(row, slot);
          return [{ ...KEY, intentId, leg, side: sideOf(slot), purpose, status, reservedQuantity, reservedNotional, quote }];
        }),
    balances: { USDT: decimalTextOf('1000000'), BTC: unitsText(books.position) },
    ...(books.isBlocked ? { blocked: 'an order surprised us' } : {}),
    instrument: RULES,
    // Long after every row: no wait is left, since a wait is a step that is not taken.
    databaseTime: 10_000_000,
    watch: { sampledTime: 10_000_000, equityTime: 10_000_000, comparedTime: 10_000_000 },
  };
}

/** `read_protection`. */
function protectionView(world: World, setup: Setup): ProtectionView {
  const orders = world.rows
    .flatMap((row, index) => {
      const slot = setup.slots[index];
      return row === null || slot === undefined || slot.purpose === 'slice' ? [] : [{ row, slot, order: storedOf(row, slot) }];
    })
    .sort((one, other) => one.row.born - other.row.born);
  const isBlind = setup.mutants.has('unknownIsAbsent') || setup.mutants.has('unknownIsAbsentToOwner');
  const working = orders.filter(({ row, slot }) => !row.isFinal && !(isBlind && slot.purpose === 'stop' && row.status === 'unknown'));
  const of = (purpose: Purpose): typeof orders => orders.filter(({ slot }) => slot.purpose === purpose);
  const entry = of('entry').findLast(({ row }) => row.executed > 0);
  return {
    risk: riskView(world, setup),
    working: working.map(({ order }) => order),
    adopted: [],
    oversold: null,
    form: VIEW_FORM,
    filled: unitsText(world.books.position),
    // Of the position that the newest entry made.
    recent: orders
      .filter(({ slot, row }) => (slot.purpose === 'stop' || slot.purpose === 'escape') && row.born > (entry?.row.born ?? -1))
      .map(({ order }) => order)
      .reverse(),
    stops: of('stop').length,
    escapes: of('escape').length,
    basis:
      entry === undefined
        ? null
        : {
            averagePrice: decimal(String(PRICE)).toFixed(),
            stopDistanceRatio: 0.05,
            strategyVersion: '1',
            createdTime: entry.order.createdTime,
          },
  };
}

export const unitsText = (count: number): ReturnType<typeof text> => text(new Decimal(count));
