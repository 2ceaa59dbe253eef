import { flattenStep, hasOpenRows, hasSlices, showsTarget, sliceQuantity, slotsToCancel, slotsToWithdraw } from './decide-kill.js';
import type { Step } from './explore.js';
import { authoriseOrder, changeOrder, rowOf, withActor, withBooks } from './ledger.js';
import { orderSteps } from './order-steps.js';
import { EVENTS } from './rows.js';
import { nameOf, slotOf, slotOfIntent, type Setup } from './setup.js';
import { cancelAtVenue } from './venue.js';
import { AT_REST } from './worker.js';
import type { Actor, World } from './world.js';

/**
 * What ends a halt (P25 to P29), as activities/kill does it; what to cancel, what to sell and when it is over is what core/kill
 * says:
 *
 * 1. end every open order in scope but the stops, and wait until each is final;
 * 2. read the ledger with its versions, take the lease (P27), and only then read the venue's balance;
 * 3. as the plan says: settle an order, take a stop away, or sell: P4 for a slice over those versions and the lease, P5 with the
 *    same lease, send, settle, and look again;
 * 4. when nothing is left to sell, or the venue did not answer: read the ledger, and then the venue. Twice the target is verified (P28).
 *
 * Whoever plans on a ledger that has changed since only repeats what another may have done, or fails to write (P4): so it reads again.
 * Where there are no slots for slices the halt sells nothing, and only verifies.
 */
export function killerSteps(world: World, setup: Setup, index: number, actor: Actor): Step<World>[] {
  const { books } = world;
  const { mutants } = setup;
  const { place, slot, aim, count } = actor;
  const to = (after: World, change: Partial<Actor>): World => withActor(after, index, change);
  const step = (what: string, next: World, isOurs = true): Step<World> => ({ label: `kill ${index}: ${what}`, next, isOurs });
  /** Begins the next round; what was seen before counts on. */
  const again = (after: World): World => to(after, { ...AT_REST, count });
  if (!books.isLatched || books.isVerified) return [];
  if (place === 'idle') return [begin()];
  const crash = step('crashes and starts anew', to(world, AT_REST), false);
  switch (place) {
    case 'balance': {
      // Beside another kill it would add to the worlds, and to nothing that either may do.
      const isAlone = world.actors.filter(({ role }) => role === 'killer').length === 1;
      const gone = step('is told nothing by the venue, and sells nothing', to(world, { place: 'verify', isFresh: false }), false);
      return isAlone ? [weigh(), gone, crash] : [weigh(), crash];
    }
    case 'ask':
      return [approve(world, actor.quantity), crash];
    case 'authorise': {
      const written = authoriseOrder(world, setup, index, slot, actor.quantity);
      if (!('world' in written) || written.kind === 'stored') return [step('looks again: it was overtaken', again(world)), crash];
      const next = to(written.world, { place: 'submit', quantity: 0, isFresh: false });
      return [step(`writes ${nameOf(setup, slot)} of ${actor.quantity} (P4)`, next), crash];
    }
    case 'wishCancel': {
      const wished = changeOrder(world, setup, slot, EVENTS.requestCancel);
      return [step(`wishes the cancel of ${nameOf(setup, slot)}`, to(wished, { place: 'fence' })), crash];
    }
    case 'verify':
      return [lookAtLedger(), crash];
    case 'target':
      return [lookAtVenue(), crash];
    default:
      return [...orderSteps(world, setup, index, actor, goOn), crash];
  }

  function goOn(after: World): Step<World> {
    if (rowOf(after, slot).isFinal) return { label: 'looks again', next: again(after), isOurs: true };
    return { label: 'goes on', next: to(after, { place: aim === 'away' ? 'wishCancel' : 'fence' }), isOurs: true };
  }

  function begin(): Step<World> {
    if (!hasSlices(setup)) return lookAtLedger();
    const open = slotsToCancel(world, setup);
    if (open.length > 0) return step('cancels at the venue what is open', open.reduce(cancelAtVenue, world));
    const [mine] = slotsToWithdraw(world, setup);
    if (mine !== undefined) return step(`takes up ${nameOf(setup, mine)}`, to(world, { place: 'wishCancel', slot: mine, aim: 'away' }));
    return step('reads the ledger', to(world, { place: 'balance', isFresh: true }));
  }

  function weigh(): Step<World> {
    if (!mutants.has('noLease') && books.lease !== index) return step('takes the lease', withBooks(world, { lease: index }));
    const isBlind = mutants.has('balanceFirst');
    if (!actor.isFresh && !isBlind) return step('reads the ledger again: it has changed', to(world, { isFresh: true }));
    const next = flattenStep(world, setup);
    switch (next.kind) {
      case 'settle':
      case 'cancelStop': {
        const mine = slotOfIntent(setup, next.intentId);
        const what = next.kind === 'settle' ? 'settle' : 'take away';
        const wish = next.kind === 'settle' ? ({ place: 'fence', aim: 'end' } as const) : ({ place: 'wishCancel', aim: 'away' } as const);
        return step(`plans to ${what} ${nameOf(setup, mine)}`, to(world, { ...wish, slot: mine, isFresh: false }));
      }
      case 'sell': {
        const quantity = next.quantity.toNumber();
        if (isBlind) return step(`sees ${quantity} to sell`, to(world, { place: 'ask', quantity, isFresh: false }));
        return approve(world, quantity);
      }
      case 'done':
        return step('finds nothing to sell', to(world, { place: 'verify', isFresh: false }));
    }
  }

  /** The gate's word on a slice, over the versions that are read now or were a moment ago. */
  function approve(at: World, wished: number): Step<World> {
    const made = world.rows.filter((row, one) => row !== null && setup.slots[one]?.purpose === 'slice').length;
    const mine = slotOf(setup, 'slice', made + 1);
    if (mine < 0) return step('needs more slices than the model has', withBooks(at, { isCut: true }));
    const quantity = sliceQuantity(world, setup, { sequence: made + 1, quantity: wished });
    if (quantity === 0) return step(`may not sell ${wished}`, again(at));
    return step(`decides to sell ${quantity}`, to(at, { place: 'authorise', slot: mine, quantity, isFresh: true, aim: 'end' }));
  }

  function lookAtLedger(): Step<World> {
    if (hasOpenRows(world, setup)) return step('finds orders that are not over', to(world, AT_REST));
    const position = hasSlices(setup) ? Math.max(0, books.position) : 0;
    return step('finds no order that is not over', to(world, { ...AT_REST, place: 'target', quantity: position, count }));
  }

  function lookAtVenue(): Step<World> {
    if (!showsTarget(world, setup, actor.quantity)) return step('does not find the target yet', to(world, AT_REST));
    if (count > 0) return step('finds the target a second time: verified', to(withBooks(world, { isVerified: true }), AT_REST));
    return step('finds the target', to(world, { ...AT_REST, count: 1 }));
  }
}
