import { reservedSells } from './decide.js';
import type { Step } from './explore.js';
import { authoriseOrder, changeOrder, rowOf, withActor, withBooks } from './ledger.js';
import { orderSteps } from './order-steps.js';
import { EVENTS } from './rows.js';
import { nameOf, provenAfter, slotOf, type Setup } from './setup.js';
import { balance, isOpen, shown } from './venue.js';
import { AT_REST } from './worker.js';
import type { Actor, World } from './world.js';

/**
 * What ends a halt (P25 to P29), as activities/kill does it, in the protocol's words where it has some, and where the words
 * leave a choice, in the order that the exploration found safe:
 *
 * 1. take the lease (P27);
 * 2. end every open order in scope, the stops too, and wait until each is final;
 * 3. read the risk state with its versions, and only then the venue's balance;
 * 4. P4 for a slice of what the balance shows less what open sells may still take (P18), over those versions and the lease;
 * 5. P5 with the same lease, then send, settle, and look again from 1.
 *
 * Where there are no slots for slices it only verifies, and the position is left out.
 */
export function killerSteps(world: World, setup: Setup, index: number, actor: Actor): Step<World>[] {
  const { books } = world;
  const { mutants } = setup;
  const { place, slot, aim } = actor;
  const to = (after: World, change: Partial<Actor>): World => withActor(after, index, change);
  const step = (what: string, next: World, isOurs = true): Step<World> => ({ label: `kill ${index}: ${what}`, next, isOurs });
  if (!books.isLatched || books.isVerified) return [];
  const isFlattening = slotOf(setup, 'slice', 1) >= 0;
  const crash = place === 'idle' ? [] : [step('crashes and starts anew', to(world, AT_REST), false)];
  if (place === 'idle') return isFlattening ? flatten() : [verify(0)];
  if (place === 'balance') return [weigh(), ...crash];
  if (place === 'ask') {
    if (nextSlice() < 0) return [step('needs more slices than the model has', withBooks(world, { isCut: true }))];
    const quantity = Math.max(0, actor.quantity - reservedSells(world, setup));
    return [step('reads the risk state', to(world, { place: 'authorise', slot: nextSlice(), quantity, isFresh: true })), ...crash];
  }
  if (place === 'authorise') {
    const written = authoriseOrder(world, setup, index, slot, actor.quantity);
    if (!('world' in written) || written.kind === 'stored') return [step('looks again: it was overtaken', to(world, AT_REST)), ...crash];
    const next = to(written.world, { place: 'submit', quantity: 0, isFresh: false });
    return [step(`writes ${nameOf(setup, slot)} of ${actor.quantity} (P4)`, next), ...crash];
  }
  if (place === 'wishCancel') {
    const wished = changeOrder(world, setup, slot, EVENTS.requestCancel);
    return [step(`wishes the cancel of ${nameOf(setup, slot)}`, to(wished, { place: 'fence' })), ...crash];
  }
  return [...orderSteps(world, setup, index, actor, goOn), ...crash];

  function goOn(after: World): Step<World> {
    const isOver = rowOf(after, slot).isFinal;
    const next = isOver ? AT_REST : { place: aim === 'away' ? ('wishCancel' as const) : ('fence' as const) };
    return { label: isOver ? 'looks again' : 'goes on', next: to(after, next), isOurs: true };
  }

  function flatten(): Step<World>[] {
    if (!mutants.has('noLease') && books.lease !== index) {
      return [step('takes the lease', to(withBooks(world, { lease: index }), { count: 0 }))];
    }
    const open = mutants.has('slicedFromLedger') ? -1 : world.rows.findIndex((row) => row !== null && !row.isFinal);
    if (open >= 0) {
      return [step(`takes up ${nameOf(setup, open)}`, to(world, { place: 'wishCancel', slot: open, aim: 'away', count: 0 }))];
    }
    return [step('reads the risk state', to(world, { place: 'balance', isFresh: true }))];
  }

  function nextSlice(): number {
    const made = world.rows.filter((row, at) => row !== null && setup.slots[at]?.purpose === 'slice').length;
    return slotOf(setup, 'slice', made + 1);
  }

  function weigh(): Step<World> {
    const free = mutants.has('slicedFromLedger') ? books.position : balance(world, setup) - reservedSells(world, setup);
    if (free <= 0) return verify(actor.count);
    const next = nextSlice();
    if (next < 0) return step('needs more slices than the model has', withBooks(world, { isCut: true }));
    const wish = { slot: next, quantity: free, count: 0, aim: 'away' } as const;
    const then = mutants.has('balanceFirst') ? ({ place: 'ask', isFresh: false } as const) : ({ place: 'authorise' } as const);
    return step(`sees ${free} to sell`, to(world, { ...wish, ...then }));
  }

  /** P28: every row that may still be admitted is past its window, and the venue shows the target, twice. */
  function verify(before: number): Step<World> {
    const seen = isFlattening ? before : actor.count;
    const mayStillCome = world.rows.some(
      (row) => row !== null && (row.status === 'submitting' || row.status === 'unknown') && row.age <= provenAfter(setup),
    );
    const isClear =
      (!mayStillCome || mutants.has('noWaitForRows')) &&
      world.held.every((held, at) => !isOpen(held) || shown(world, at) === null) &&
      (!isFlattening || balance(world, setup) <= 0);
    if (!isClear) return step('does not find the target yet', to(world, AT_REST));
    if (seen > 0) return step('finds the target a second time: verified', to(withBooks(world, { isVerified: true }), AT_REST));
    return step('finds the target', to(world, { ...AT_REST, count: 1 }));
  }
}
