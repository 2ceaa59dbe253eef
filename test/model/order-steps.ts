import type { Step } from './explore.js';
import { beginSubmit, bookFill, changeOrder, rowOf, slotAt, withActor } from './ledger.js';
import { EVENTS, evidenceOf, type NamedEvent } from './rows.js';
import { nameOf, provenAfter, type Setup } from './setup.js';
import { cancelAtVenue, heldOf, putOnWire, shown } from './venue.js';
import type { Actor, Row, Seen, World } from './world.js';

/**
 * The activities of one order as step machines: activities/order/submit.ts and record.ts, then resolve.ts. Between any two
 * of an actor's steps everybody else may do anything, so that it may stall or wake late wherever it is.
 * @param goOn what the actor does with the row that its step came back with: no step of its own.
 */
export function orderSteps(world: World, setup: Setup, index: number, actor: Actor, goOn: (resolved: World) => Step<World>): Step<World>[] {
  return stepsOf(world, setup, index, actor).map((one) => {
    if (one.next.actors[index]?.place !== 'resolved') return one;
    const then = goOn(one.next);
    return { label: `${one.label}; ${then.label}`, next: then.next, isOurs: one.isOurs };
  });
}

function stepsOf(world: World, setup: Setup, index: number, actor: Actor): Step<World>[] {
  const { place, slot } = actor;
  const to = (after: World, change: Partial<Actor>): World => withActor(after, index, change);
  const step = (what: string, next: World, isOurs = true): Step<World> => ({
    label: `${actor.role === 'killer' ? 'kill' : actor.role} ${index}: ${what}`,
    next,
    isOurs,
  });
  const name = nameOf(setup, slot);
  switch (place) {
    case 'submit':
      return beginSubmit(world, setup, slot).map(({ kind, world: after }, choice) => {
        if (kind === 'submitting') return step(`begins to send ${name} (P5)`, to(after, { place: 'socket' }));
        if (kind === 'refused') return step(`may not send ${name} (P5)`, to(after, { place: 'resolved' }), choice === 0);
        const isBegun = rowOf(after, slot).status === 'submitting';
        return isBegun
          ? record('finds begun, and records as unknown,', EVENTS.loseReply)
          : step(`finds ${name} decided`, to(after, { place: 'resolved' }));
      });
    case 'socket':
      return [step(`sends ${name}`, to(putOnWire(world, setup, slot), { place: 'reply' }))];
    case 'reply': {
      const { answer } = heldOf(world, slot);
      const unknown = record('hears nothing, and records as unknown,', EVENTS.loseReply);
      if (answer === 'none') return [unknown];
      if (answer === 'accepted') {
        return [step(`hears that ${name} is taken`, to(world, { place: 'adopt', seen: answered(world, setup, slot) })), unknown];
      }
      const wasReached = answer === 'reached';
      return [record('hears, and records, the refusal of', EVENTS.reject, wasReached ? { wasReached } : {}), unknown];
    }
    case 'fence': {
      const row = rowOf(world, slot);
      if (row.isFinal) return [step(`finds ${name} over`, to(world, { place: 'resolved' }))];
      if (row.status === 'authorised') {
        return [step(`fences ${name}: unsent`, to(changeOrder(world, setup, slot, EVENTS.expireUnsent), { place: 'resolved' }))];
      }
      const fenced = row.isKnown ? world : changeOrder(world, setup, slot, EVENTS.loseReply);
      return fenced === world ? [look(world)] : [step(`fences ${name}: unknown`, to(fenced, { place: 'look' }))];
    }
    case 'look':
      return [look(world)];
    case 'lookAgain': {
      const seen = shown(world, slot);
      return [step(`looks again for ${name}`, to(world, seen === null ? { place: 'prove' } : { place: 'adopt', seen }))];
    }
    case 'prove':
      return [step(`calls ${name} not placed`, to(changeOrder(world, setup, slot, EVENTS.proveAbsent), { place: 'resolved' }))];
    case 'adopt':
      return adopt(actor.seen ?? { status: 'none', executed: 0 });
    case 'cancel': {
      const after = { place: 'lookAfterCancel' } as const;
      return [
        step(`cancels ${name}`, to(cancelAtVenue(world, slot), after)),
        step(`cancels ${name}, and the request is lost`, to(world, after), false),
      ];
    }
    case 'lookAfterCancel': {
      const seen = shown(world, slot);
      return [step(`looks for ${name} after the cancel`, to(world, seen === null ? { place: 'resolved' } : { place: 'adopt', seen }))];
    }
    default:
      return [];
  }

  /** What was heard is nobody else's to see until it is written: hearing and writing are one step. */
  function record(what: string, event: NamedEvent, change: Partial<Row> = {}): Step<World> {
    return step(`${what} ${name}`, to(changeOrder(world, setup, slot, event, change), { place: 'resolved' }));
  }

  function look(at: World): Step<World> {
    const seen = shown(at, slot);
    if (seen !== null) return step(`finds ${name}`, to(at, { place: 'adopt', seen }));
    const row = rowOf(at, slot);
    const { mutants, receiveWindow } = setup;
    if (row.status === 'unknown' && mutants.has('noWindow')) return step(`does not find ${name}`, to(at, { place: 'prove' }));
    const windowEnd = mutants.has('noVisibilityBound') ? receiveWindow : provenAfter(setup);
    const isOver = row.status === 'unknown' && row.age > windowEnd;
    return step(`does not find ${name}`, to(at, { place: isOver ? 'lookAgain' : 'resolved' }));
  }

  /** Books what was seen, fill by fill, then the state; the fills may come to the eye later than the state does. */
  function adopt(seen: Seen): Step<World>[] {
    const row = rowOf(world, slot);
    const told = changeOrder(world, setup, slot, evidenceOf(seen));
    const after = rowOf(told, slot);
    const isCancelDue = after.status === 'pendingCancel' && after.venueEnd === null;
    const isBooked = row.executed >= seen.executed;
    const tell = step(`adopts ${name} as ${seen.status}`, to(told, { seen: null, place: isCancelDue ? 'cancel' : 'resolved' }), isBooked);
    return isBooked ? [tell] : [step(`books a fill of ${name}`, bookFill(world, setup, slot)), tell];
  }
}

/** The venue's answer shows the order as it was admitted: a stop rests, all else has ended. */
function answered(world: World, setup: Setup, slot: number): Seen {
  const { status, executed } = heldOf(world, slot);
  return slotAt(setup, slot).purpose === 'stop' ? { status: 'open', executed: 0 } : { status, executed };
}

/** What every guardian does all the time: books what the account's stream tells, and watches what was not placed (P13, P16). */
export function streamSteps(world: World, setup: Setup): Step<World>[] {
  return world.held.flatMap((held, slot) => {
    const row = world.rows[slot];
    if (held === null || held.admissions === 0 || row === null || row === undefined) return [];
    if (row.status === 'notPlaced' && setup.mutants.has('evidenceDropped')) return [];
    const name = nameOf(setup, slot);
    const steps: Step<World>[] = [];
    const isAgain = setup.mutants.has('fillsBookedTwice') && row.executed === held.executed && held.executed > 0;
    if (row.executed < held.executed || isAgain) {
      steps.push({ label: `a stream books a fill of ${name}`, next: bookFill(world, setup, slot), isOurs: true });
    }
    const told = changeOrder(world, setup, slot, evidenceOf(held));
    if (told !== world) steps.push({ label: `a stream tells that ${name} is ${held.status}`, next: told, isOurs: true });
    return steps;
  });
}
