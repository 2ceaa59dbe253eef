import { positionAfter } from './decide.js';
import { EVENTS, move, newRow, sideOf, type NamedEvent } from './rows.js';
import type { Setup } from './setup.js';
import type { Actor, Books, Held, Row, World } from './world.js';

/**
 * The statements of Postgres by their contracts (db/migrations): each is one step, since it is one transaction that takes
 * its locks or changes nothing. Versions are kept only as far as they decide something: an actor's view is fresh until
 * anything is written that would make its compare-and-set fail.
 */

export const withBooks = (world: World, change: Partial<Books>): World => ({ ...world, books: { ...world.books, ...change } });

export const withRow = (world: World, slot: number, row: Row): World => ({ ...world, rows: world.rows.with(slot, row) });

export const withHeld = (world: World, slot: number, held: Held): World => ({ ...world, held: world.held.with(slot, held) });

export const withActor = (world: World, index: number, change: Partial<Actor>): World => {
  const actor = world.actors[index];
  return actor === undefined ? world : { ...world, actors: world.actors.with(index, { ...actor, ...change }) };
};

export function rowOf(world: World, slot: number): Row {
  const row = world.rows[slot];
  if (row === null || row === undefined) throw new Error('invariant: an order was authorised and must have a row');
  return row;
}

export function slotAt(setup: Setup, slot: number): Setup['slots'][number] {
  const at = setup.slots[slot];
  if (at === undefined) throw new Error('invariant: every order has a slot');
  return at;
}

/** The risk state's or the control row's version goes up. */
function bump(world: World): World {
  if (!world.actors.some((actor) => actor.isFresh)) return world;
  return { ...world, actors: world.actors.map((actor) => (actor.isFresh ? { ...actor, isFresh: false } : actor)) };
}

export type Authorised = { readonly kind: 'conflict' | 'denied' } | { readonly kind: 'stored' | 'written'; readonly world: World };

/** `authorise_order`: idempotent by intent, over the versions of the view that the verdict was made on (P4). */
export function authoriseOrder(world: World, setup: Setup, index: number, slot: number, quantity: number): Authorised {
  const actor = world.actors[index];
  if (world.rows[slot] !== null) return { kind: 'stored', world };
  const { purpose } = slotAt(setup, slot);
  const isApproved = quantity > 0;
  const isLeased = purpose === 'slice' && !setup.mutants.has('noLease');
  if (isApproved && actor?.isFresh !== true) return { kind: 'conflict' };
  if (isLeased && world.books.lease !== index) return { kind: 'conflict' };
  const hasSignal = purpose === 'entry' || purpose === 'exit';
  if (!isApproved && !hasSignal) return { kind: 'denied' };
  const born = world.rows.filter((row) => row !== null).length;
  const row = newRow(isApproved, quantity, born, isLeased ? index : -1);
  const written = withRow(world, slot, row);
  return { kind: 'written', world: isApproved ? bump(written) : written };
}

export interface Begun {
  readonly kind: 'submitting' | 'stored' | 'refused';
  readonly world: World;
}

/**
 * `begin_submit` (P5). Whether the authorisation has passed by then is not modelled by a clock: every row may be refused
 * for that at any time, which is more than what happens.
 */
export function beginSubmit(world: World, setup: Setup, slot: number): readonly Begun[] {
  const { mutants } = setup;
  const row = rowOf(world, slot);
  const begun = { ...move(row, slotAt(setup, slot), EVENTS.submit).row, age: 0 };
  if (mutants.has('noCompareAndSet') && row.status === 'submitting')
    return [{ kind: 'submitting', world: withRow(world, slot, { ...row, age: 0 }) }];
  if (row.status !== 'authorised') return [{ kind: 'stored', world }];
  const { isLatched, isBlocked, lease } = world.books;
  const refused: Begun = { kind: 'refused', world: bump(withRow(world, slot, move(row, slotAt(setup, slot), EVENTS.expireUnsent).row)) };
  const { purpose } = slotAt(setup, slot);
  const isSlice = purpose === 'slice';
  const isHalted = isSlice ? row.lease >= 0 && row.lease !== lease : isLatched && !mutants.has('noLatchInSubmit');
  if (isHalted || (isBlocked && purpose === 'entry')) return [refused];
  const submitted = withRow(world, slot, begun);
  // P25 from the other side: no order whose P5 committed after the latch's commit exists.
  const watched = isLatched && !isSlice ? withBooks(submitted, { crime: world.books.crime ?? 'submitted after the latch' }) : submitted;
  return [{ kind: 'submitting', world: watched }, refused];
}

/** `change_order`: read, decide by the lifecycle, write over the version read; a conflict reads again, so it is one step. */
export function changeOrder(world: World, setup: Setup, slot: number, event: NamedEvent, change: Partial<Row> = {}): World {
  const row = rowOf(world, slot);
  const moved = move(row, slotAt(setup, slot), event);
  if (moved.row === row) return world;
  const written = bump(withRow(world, slot, { ...moved.row, ...change }));
  return moved.isSurprise ? withBooks(written, { isBlocked: true }) : written;
}

/** `book_fill` of one unit: order, position, reservation and outbox in one statement. Only a fill that is not booked is booked (P15). */
export function bookFill(world: World, setup: Setup, slot: number): World {
  const position = positionAfter(world.books.position, sideOf(slotAt(setup, slot)));
  const booked = changeOrder(world, setup, slot, EVENTS.fill);
  const isBought = setup.startsOwners === true && slotAt(setup, slot).purpose === 'entry' && !setup.mutants.has('ownerUntold');
  return withBooks(booked, { position, ...(isBought ? { isTold: true } : {}) });
}

/** The latch, with the control row of every account in scope (P25). */
export function writeLatch(world: World): World {
  return bump(withBooks(world, { isLatched: true }));
}
