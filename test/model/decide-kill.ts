import { planFlatten, type FlattenStep } from '../../core/kill/flatten.js';
import { examine, ordersToCancel, ordersToWithdraw } from '../../core/kill/verify.js';
import type { KillSight, KillView, OpenOrder } from '../../core/kill/view.js';
import { Decimal, decimalTextOf } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { decideFlatten } from '../../core/risk/kill.js';
import { remembered, riskView, unitsText } from './decide.js';
import { KEY, PRICE, RULES } from './market.js';
import { storedOf } from './rows.js';
import { slotOf, slotOfIntent, type Setup } from './setup.js';
import { balance, isOpen, shown } from './venue.js';
import type { World } from './world.js';

/** The decisions of core/kill, each asked once for each view of ledger and venue. */

/** What was there before us, of the base: as much as lets us oversell. */
const INVENTORY = 10;

export const hasSlices = (setup: Setup): boolean => slotOf(setup, 'slice', 1) >= 0;

/** Orders of ours that the kill cancels, by their slots. */
export function slotsToWithdraw(world: World, setup: Setup): readonly number[] {
  return remembered('slots to withdraw', world, setup, () =>
    ordersToWithdraw(killView(world, setup, seenByPlan(setup))).map(({ intentId }) => slotOfIntent(setup, intentId)),
  );
}

/** What the venue shows to be open and has to go, by its slots. */
export function slotsToCancel(world: World, setup: Setup): readonly number[] {
  const open = openAtVenue(world, setup);
  if (open.length === 0) return [];
  return ordersToCancel(killView(world, setup, seenByPlan(setup)), open).map(({ clientOrderId }) =>
    slotOfIntent(setup, clientOrderId.replace('-', ':')),
  );
}

/** What to sell next, and what has to be known or canceled before. The ledger's view and the venue's are both of now. */
export function flattenStep(world: World, setup: Setup): FlattenStep {
  return remembered(`flatten ${balance(world, setup)}`, world, setup, () =>
    planFlatten(killView(world, setup, seenByPlan(setup)), sightOf(world, setup)),
  );
}

/** Of a slice, by the gate; zero is a denial. */
export function sliceQuantity(
  world: World,
  setup: Setup,
  { sequence, quantity }: { readonly sequence: number; readonly quantity: number },
): number {
  return remembered(`slice ${sequence} ${quantity}`, world, setup, () => {
    const wish = { sequence, quantity: new Decimal(quantity), collarBps: 100 };
    const verdict = decideFlatten(KEY, wish, riskView(world, setup), new Decimal(PRICE));
    return verdict.kind === 'approved' ? Number(verdict.order.quantity) : 0;
  });
}

/** The first half of a look that verifies: whether the ledger has orders in scope that are not over. */
export function hasOpenRows(world: World, setup: Setup): boolean {
  return remembered('open rows', world, setup, () => {
    const view = killView(world, setup, seenByLook(setup));
    return examine(view, sightOf(world, setup), []).unverified.some(({ kind }) => kind === 'order');
  });
}

/** The second half: whether the venue shows the target to who found no open order in the ledger, and this position, before. */
export function showsTarget(world: World, setup: Setup, position: number): boolean {
  const then = { ...world, books: { ...world.books, position }, rows: world.rows.map(() => null) };
  const open = openAtVenue(world, setup);
  return remembered(`target ${balance(world, setup)} ${open.map(({ clientOrderId }) => clientOrderId).join()}`, then, setup, () => {
    const sight = { ...sightOf(world, setup), openOrders: open };
    const view = killView(then, setup, seenByLook(setup));
    return examine(view, sight, []).unverified.every(({ kind }) => kind === 'exposure' && setup.mutants.has('lookForgetsHeld'));
  });
}

type Seen = (order: StoredOrder) => boolean;

function seenByPlan({ mutants }: Setup): Seen {
  const forgetsOrders = mutants.has('planForgetsOrders') || mutants.has('slicedFromLedger');
  return ({ purpose }) => !(purpose === 'stop' ? mutants.has('planForgetsStops') : forgetsOrders);
}

function seenByLook({ mutants }: Setup): Seen {
  return ({ status }) => !(mutants.has('noWaitForRows') || (mutants.has('lookForgetsUnsent') && status === 'authorised'));
}

/** `read_kill`, before the venue is looked at. A halt that has nothing to sell with only cancels, as its policy says. */
function killView(world: World, setup: Setup, isSeen: Seen): KillView {
  const { books, rows } = world;
  const risk = riskView(world, setup);
  const orders = rows
    .flatMap((row, index) => {
      const slot = setup.slots[index];
      return row === null || slot === undefined ? [] : [{ row, order: storedOf(row, slot) }];
    })
    .sort((one, other) => one.row.born - other.row.born);
  const slices = orders.filter(({ order }) => order.purpose === 'flatten');
  const unsold = slices.filter(({ row }) => row.isFinal && row.executed < row.quantity);
  const latch = { latchId: 'l', scope: 'everything', scopeValue: '', reason: 'a test', subject: 'rik', engagedTime: 0 } as const;
  return {
    risk: { ...risk, balances: { ...risk.balances, [RULES.base]: unitsText(INVENTORY + books.position) } },
    latches: books.isLatched ? [{ ...latch, policy: hasSlices(setup) ? 'atOnce' : 'none' }] : [],
    inventory: { [RULES.base]: unitsText(INVENTORY) },
    instruments: { [RULES.instrument]: RULES },
    working: orders.filter(({ row, order }) => !row.isFinal && isSeen(order)).map(({ order }) => order),
    sold: [{ ...KEY, count: slices.length, tries: unsold.length, lastTime: 0 }],
    // Its venue shows balances at once.
    lastFills: {},
    contradicted: [],
    money: [],
  };
}

/** What the venue shows; a plan that goes by the ledger takes its word for the balance. */
function sightOf(world: World, setup: Setup): KillSight {
  const bought = setup.mutants.has('slicedFromLedger') ? world.books.position : balance(world, setup);
  return {
    balances: { [RULES.base]: unitsText(INVENTORY + bought) },
    openOrders: [],
    prices: { [RULES.instrument]: decimalTextOf(String(PRICE)) },
    shownMs: 0,
  };
}

function openAtVenue(world: World, setup: Setup): readonly OpenOrder[] {
  return world.held.flatMap((held, index) => {
    const slot = setup.slots[index];
    if (slot === undefined || !isOpen(held) || shown(world, index) === null) return [];
    return [{ instrument: RULES.instrument, clientOrderId: `${slot.purpose}-${slot.sequence}`, venueOrderId: `v${index}` }];
  });
}
