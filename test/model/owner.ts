import { Decimal } from '../../core/money/index.js';
import { stopPricesOf } from '../../core/protection/stop-price.js';
import type { StopWish } from '../../core/risk/protective.js';
import { escapeQuantity, exitDecision, planOf, stopQuantity } from './decide.js';
import type { Step } from './explore.js';
import { authoriseOrder, changeOrder, rowOf, slotAt, withActor, withBooks } from './ledger.js';
import { LIMITS, PRICE, RULES } from './market.js';
import { orderSteps } from './order-steps.js';
import { EVENTS } from './rows.js';
import { nameOf, slotOf, slotOfIntent, type Setup } from './setup.js';
import { AT_REST } from './worker.js';
import type { Actor, World } from './world.js';

const { stopPrice, limitPrice } = stopPricesOf({ averagePrice: String(PRICE), stopDistanceRatio: 0.05 }, RULES);
const wishOf = (sequence: number, quantity: number): StopWish => ({ sequence, quantity: new Decimal(quantity), stopPrice, limitPrice });

/**
 * Workflows/protect-position: exits first, then one step of the plan after the other. A crash loses everything but the rows.
 * Two of these at once are an owner whose steps run twice, from wherever the first one stalled.
 */
export function ownerSteps(world: World, setup: Setup, index: number, actor: Actor): Step<World>[] {
  const { place, slot, count, aim } = actor;
  const to = (after: World, change: Partial<Actor>): World => withActor(after, index, change);
  const step = (what: string, next: World, isOurs = true): Step<World> => ({ label: `owner ${index}: ${what}`, next, isOurs });
  if (place === 'over') return [];
  const isAsked = world.books.exit === 'asked';
  if (place === 'idle') return isAsked ? [exit()] : plan();
  if (place === 'absent') return isAsked ? [step('is started by the exit', to(world, AT_REST))] : [];
  if (place === 'leaving')
    return [isAsked ? step('is asked, and stays', to(world, AT_REST)) : step('ends', to(world, { place: 'absent' }))];
  const isForgotten = setup.mutants.has('ownerForgotten');
  const crash = step('crashes and starts anew', to(world, isForgotten ? { ...AT_REST, place: 'over' } : AT_REST), false);
  const name = nameOf(setup, slot);
  switch (place) {
    case 'ask': {
      const { purpose, sequence } = slotAt(setup, slot);
      const collarBps = LIMITS.collarBps;
      const quantity =
        purpose === 'stop'
          ? stopQuantity(world, setup, wishOf(sequence, actor.quantity))
          : escapeQuantity(world, setup, { sequence, collarBps });
      return [step(`decides on ${name}: ${quantity}`, to(world, { place: 'authorise', quantity, isFresh: true })), crash];
    }
    case 'authorise':
      return [authorise(), crash];
    case 'wishCancel':
      return [step(`wishes the cancel of ${name}`, to(changeOrder(world, setup, slot, EVENTS.requestCancel), { place: 'fence' })), crash];
    default:
      return [...orderSteps(world, setup, index, actor, goOn), crash];
  }

  function exit(): Step<World> {
    const decision = exitDecision(world, setup, count + 1);
    if ('stops' in decision) {
      const [first] = decision.stops;
      if (first === undefined) throw new Error('invariant: some stop stands in the way');
      return step(`must take ${nameOf(setup, first)} away before it sells`, to(world, { place: 'wishCancel', slot: first, aim: 'away' }));
    }
    const mine = slotOf(setup, 'exit', count + 1);
    const { quantity } = decision;
    return step(
      `decides on ${nameOf(setup, mine)}: ${quantity}`,
      to(world, { place: 'authorise', slot: mine, quantity, isFresh: true, aim: 'end' }),
    );
  }

  function plan(): Step<World>[] {
    const next = planOf(world, setup);
    switch (next.kind) {
      case 'settle':
        return [
          step(
            `plans to settle an order`,
            to(world, { place: 'fence', slot: slotOfIntent(setup, next.intentId), aim: 'settle', count: 0 }),
          ),
        ];
      case 'cancel':
        return [
          step(
            `plans a cancel: ${next.because}`,
            to(world, { place: 'wishCancel', slot: slotOfIntent(setup, next.intentId), aim: 'away', count: 0 }),
          ),
        ];
      case 'placeStop':
        return [begin('stop', next.wish.sequence, next.wish.quantity.toNumber())];
      case 'escape':
        return [begin('escape', next.sequence, 0)];
      case 'rest':
        return [];
      case 'done':
        return setup.startsOwners === true ? [step('finds nothing to own', to(world, { place: 'leaving' }))] : [];
    }
  }

  function begin(purpose: 'stop' | 'escape', sequence: number, quantity: number): Step<World> {
    const mine = slotOf(setup, purpose, sequence);
    if (mine < 0) return step(`needs more of ${purpose} than the model has`, withBooks(world, { isCut: true }));
    const next = { place: 'ask', slot: mine, quantity, aim: purpose === 'stop' ? 'none' : 'end', count: 0 } as const;
    return step(`plans ${nameOf(setup, mine)}`, to(world, next));
  }

  function authorise(): Step<World> {
    const written = authoriseOrder(world, setup, index, slot, actor.quantity);
    const isExit = slotAt(setup, slot).purpose === 'exit';
    const again = isExit ? { ...AT_REST, count } : AT_REST;
    if (!('world' in written)) return step(`does not write ${name}: ${written.kind}`, to(world, again));
    const isDenied = rowOf(written.world, slot).status === 'denied';
    if (isDenied) {
      return step(`writes that ${name} is denied`, to(isExit ? withBooks(written.world, { exit: 'done' }) : written.world, AT_REST));
    }
    return step(`writes ${name} (P4)`, to(written.world, { place: 'submit', quantity: 0, isFresh: false }));
  }

  /** After a send or a look-up: on with what it is all for. */
  function goOn(after: World): Step<World> {
    const row = rowOf(after, slot);
    const { purpose } = slotAt(setup, slot);
    const then = (what: string, next: World): Step<World> => ({ label: what, next, isOurs: true });
    if (purpose === 'exit' && row.isFinal && aim === 'end') return afterExit(after, then);
    const isSettled = row.isFinal || (purpose === 'stop' && (row.status === 'accepted' || row.status === 'partiallyFilled'));
    if (row.isFinal || aim === 'none' || (aim === 'settle' && isSettled)) {
      return then('is done with it', to(after, after.books.exit === 'asked' ? { ...AT_REST, count } : AT_REST));
    }
    return then('goes on', to(after, { place: aim === 'away' && isSettled ? 'wishCancel' : 'fence' }));
  }

  function afterExit(after: World, then: (what: string, next: World) => Step<World>): Step<World> {
    const row = rowOf(after, slot);
    const isUnsent = row.status === 'notPlaced' || (row.status === 'expired' && !row.isKnown);
    if (isUnsent && slotOf(setup, 'exit', count + 2) >= 0) return then('makes the exit anew', to(after, { ...AT_REST, count: count + 1 }));
    return then('the exit is done', to(withBooks(after, { exit: 'done' }), AT_REST));
  }
}

/** A row of the outbox is done: an owner that does not run is started, and one that is about to end looks once more. */
export function tellOwners(world: World, { mutants }: Setup): World {
  const hears = ({ role, place }: Actor): boolean =>
    role === 'owner' && (place === 'absent' || (place === 'leaving' && !mutants.has('ownerDeaf')));
  const actors = world.actors.map((actor) => (hears(actor) ? { ...actor, ...AT_REST } : actor));
  return withBooks({ ...world, actors }, { isTold: false });
}
