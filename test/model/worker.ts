import { nextAttempt } from '../../core/execution/next-attempt.js';
import { entryQuantity } from './decide.js';
import type { Step } from './explore.js';
import { authoriseOrder, beginSubmit, rowOf, slotAt, withActor } from './ledger.js';
import { orderSteps } from './order-steps.js';
import { storedOf } from './rows.js';
import { nameOf, slotOf, type Setup } from './setup.js';
import type { Actor, World } from './world.js';

/** Nothing is known and nothing is begun: as after a start, or after a crash. */
export const AT_REST = { place: 'idle', slot: -1, quantity: 0, isFresh: false, seen: null, aim: 'none', count: 0 } as const;

/**
 * Workflows/signal-to-order/open-position.ts: authorise, submit, record, settle, and after a proven `notPlaced` once more as
 * another intent (P14). Two of these at once are a workflow whose steps run twice, from wherever the first one stalled.
 */
export function workerSteps(world: World, setup: Setup, index: number, actor: Actor): Step<World>[] {
  const { place, slot, count } = actor;
  const to = (after: World, change: Partial<Actor>): World => withActor(after, index, change);
  const step = (what: string, next: World, isOurs = true): Step<World> => ({ label: `worker ${index}: ${what}`, next, isOurs });
  if (place === 'over') return [];
  const crash = step('crashes and starts anew', to(world, AT_REST), false);
  if (place === 'idle') {
    const attempt = count + 1;
    const mine = slotOf(setup, 'entry', attempt);
    const quantity = entryQuantity(world, setup, attempt);
    return [step(`decides on ${nameOf(setup, mine)}`, to(world, { place: 'authorise', slot: mine, quantity, isFresh: true }))];
  }
  if (place === 'authorise') {
    const written = authoriseOrder(world, setup, index, slot, actor.quantity);
    const rest = { quantity: 0, isFresh: false } as const;
    // What the gate denies is written alone.
    const isPaired = setup.isAtOnce === true && count === 0 && actor.quantity > 0;
    if (!('world' in written) && isPaired)
      return [step('may not write the verdict, with P5 behind it', to(world, { ...rest, place: 'paired' })), crash];
    if (!('world' in written))
      return [step('decides again: the versions have moved', to(world, { ...rest, place: 'idle', slot: -1 })), crash];
    const isDenied = rowOf(written.world, slot).status === 'denied';
    if (isPaired)
      return [
        step(`writes the verdict on ${nameOf(setup, slot)} (P4), with P5 behind it`, to(written.world, { ...rest, place: 'paired' })),
        crash,
      ];
    const next = to(written.world, isDenied ? { ...AT_REST, place: 'over' } : { ...rest, place: 'submit' });
    return [step(`writes the verdict on ${nameOf(setup, slot)} (P4)`, next), crash];
  }
  if (place === 'paired') {
    const pipe = world.actors.findIndex((one) => one.role === 'pipe' && one.place === 'idle');
    const crashes =
      pipe < 0
        ? [crash]
        : [crash, step('crashes, and P5 is still on its way', withActor(crash.next, pipe, { place: 'submit', slot }), false)];
    if (world.rows[slot] === null) return [step('finds nothing begun: decides again', to(world, { ...AT_REST, count })), ...crashes];
    return [...orderSteps(world, setup, index, { ...actor, place: 'submit' }, goOn), ...crashes];
  }
  return [...orderSteps(world, setup, index, actor, goOn), crash];

  function goOn(after: World): Step<World> {
    const row = rowOf(after, slot);
    if (!row.isFinal) return { label: 'asks again', next: to(after, { place: 'fence' }), isOurs: true };
    const before = count > 0 ? (['afterNotPlaced'] as const) : [];
    const hasMore = nextAttempt(storedOf(row, slotAt(setup, slot)), before, false) !== undefined;
    const next = to(after, hasMore ? { ...AT_REST, count: count + 1 } : { ...AT_REST, place: 'over' });
    return { label: hasMore ? 'makes another' : 'is done', next, isOurs: true };
  }
}

/** The connection of a process that has died: the database may still carry out what was sent, and nobody hears the answer. */
export function pipeSteps(world: World, setup: Setup, index: number, { place, slot }: Actor): Step<World>[] {
  if (place === 'idle') return [];
  const begun = world.rows[slot] === null ? [{ world }] : beginSubmit(world, setup, slot);
  return begun.map(({ world: after }) => ({
    label: `the database carries out P5 of ${nameOf(setup, slot)}, and nobody hears of it`,
    next: withActor(after, index, AT_REST),
    isOurs: true,
  }));
}

/** A guardian's poll: takes any open order one `resolve` further (P11, P16). */
export function resolverSteps(world: World, setup: Setup, index: number, actor: Actor): Step<World>[] {
  const to = (change: Partial<Actor>): World => withActor(world, index, change);
  if (actor.place === 'idle') {
    return world.rows.flatMap((row, slot) =>
      row === null || row.isFinal
        ? []
        : [{ label: `resolver ${index}: takes up ${nameOf(setup, slot)}`, next: to({ place: 'fence', slot }), isOurs: true }],
    );
  }
  return orderSteps(world, setup, index, actor, (after) => ({
    label: 'is done for now',
    next: withActor(after, index, AT_REST),
    isOurs: true,
  }));
}
