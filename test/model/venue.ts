import type { Step } from './explore.js';
import { rowOf, slotAt, withBooks, withHeld } from './ledger.js';
import { sideOf } from './rows.js';
import { nameOf, provenAfter, type Setup } from './setup.js';
import type { Held, Seen, World } from './world.js';

/**
 * Network and venue. Requests are late or lost, never doubled; the venue admits what its clock finds in the window, shows it
 * within its bound, and holds a client order id unique among open orders only. It owns enough of everything to let us
 * oversell: what is sold beyond what was bought is somebody else's.
 */

export const NOTHING: Held = { flying: [], admissions: 0, hidden: -1, status: 'none', executed: 0, answer: 'none' };

export const heldOf = (world: World, slot: number): Held => world.held[slot] ?? NOTHING;

/** What a look-up finds, or null. */
export function shown(world: World, slot: number): Seen | null {
  const { admissions, hidden, status, executed } = heldOf(world, slot);
  return admissions > 0 && hidden < 0 ? { status, executed } : null;
}

export const isOpen = (held: Held | null): boolean => held !== null && (held.status === 'open' || held.status === 'triggered');

/** What the venue has bought for us less what it has sold, seen or not. */
export function balance(world: World, setup: Setup): number {
  return world.held.reduce((sum, held, slot) => {
    const executed = held?.executed ?? 0;
    return sum + (executed === 0 ? 0 : sideOf(slotAt(setup, slot)) === 'buy' ? executed : -executed);
  }, 0);
}

export function putOnWire(world: World, setup: Setup, slot: number): World {
  const held = heldOf(world, slot);
  const age = setup.mutants.has('signedAtSending') ? 0 : rowAge(world, setup, slot);
  return withHeld(world, slot, { ...held, answer: 'none', flying: [...held.flying, age].sort((one, other) => one - other) });
}

/** The age of the timestamp that was stored in P5; a row that has moved on no longer keeps it, and is past everything. */
function rowAge(world: World, setup: Setup, slot: number): number {
  const { age } = rowOf(world, slot);
  return age < 0 ? provenAfter(setup) + 1 : age;
}

/** A cancel ends what is open; on what is not there, or over, it does nothing. */
export function cancelAtVenue(world: World, slot: number): World {
  const held = heldOf(world, slot);
  return isOpen(held) ? withHeld(world, slot, { ...held, status: 'canceled' }) : world;
}

export function venueSteps(world: World, setup: Setup): Step<World>[] {
  const steps: Step<World>[] = [];
  world.held.forEach((held, slot) => {
    if (held === null) return;
    const name = nameOf(setup, slot);
    held.flying.forEach((age, index) => {
      if (index > 0 && held.flying[index - 1] === age) return;
      const landed: Held = { ...held, flying: held.flying.toSpliced(index, 1) };
      steps.push({ label: `the request of ${name} is lost`, next: withHeld(world, slot, landed), isOurs: false });
      steps.push(...arrivals(world, setup, slot, landed, age));
    });
    if (held.hidden >= 0) {
      steps.push({ label: `the venue shows ${name}`, next: withHeld(world, slot, { ...held, hidden: -1 }), isOurs: true });
    }
    if (isOpen(held)) steps.push(...marketSteps(world, slot, held, name));
  });
  const later = tick(world, setup);
  if (later !== undefined) steps.push({ label: 'time passes', next: later, isOurs: true });
  return steps;
}

function arrivals(world: World, setup: Setup, slot: number, held: Held, age: number): Step<World>[] {
  const name = nameOf(setup, slot);
  const step = (what: string, change: Partial<Held>, isOurs: boolean): Step<World> => {
    const next = withHeld(world, slot, { ...held, ...change });
    const isLate = (change.admissions ?? 0) > 0 && world.books.isVerified;
    return {
      label: `the venue ${what} ${name}`,
      next: isLate ? withBooks(next, { crime: 'admitted after the verified halt' }) : next,
      isOurs,
    };
  };
  if (age > setup.receiveWindow) return [step('refuses, since it comes too late,', { answer: 'rejected' }, true)];
  // The id is unique among open orders alone.
  if (isOpen(held)) return [step('answers that it has already', { answer: 'none' }, true)];
  const { purpose } = slotAt(setup, slot);
  const { quantity } = rowOf(world, slot);
  const admitted = { admissions: held.admissions + 1, hidden: 0, answer: 'accepted' } as const;
  if (purpose === 'stop') {
    return [
      step('takes', { ...admitted, status: 'open' }, true),
      step('refuses, since its price is reached,', { answer: 'reached' }, false),
    ];
  }
  const fills: Step<World>[] = [];
  for (let executed = quantity; executed >= 0; executed -= 1) {
    const total = held.executed + executed;
    const isWhole = executed === quantity;
    fills.push(step(`executes ${executed} of`, { ...admitted, status: isWhole ? 'filled' : 'expired', executed: total }, isWhole));
  }
  return [...fills, step('refuses', { answer: 'rejected' }, false)];
}

/** What the market does to a stop, which may fill in parts, or wake and find nobody. */
function marketSteps(world: World, slot: number, held: Held, name: string): Step<World>[] {
  const step = (label: string, change: Partial<Held>): Step<World> => ({
    label,
    next: withHeld(world, slot, { ...held, ...change }),
    isOurs: false,
  });
  if (held.status === 'open') return [step(`the price reaches ${name}`, { status: 'triggered' })];
  const executed = held.executed + 1;
  const isWhole = executed === rowOf(world, slot).quantity;
  return [
    step(`the venue executes one of ${name}`, { executed, status: isWhole ? 'filled' : 'triggered' }),
    step(`the venue lets ${name} expire`, { status: 'expired' }),
  ];
}

/** Time waits for what the venue owes by then. Ages stop where a larger one means the same. */
function tick(world: World, setup: Setup): World | undefined {
  const { visibilityBound, mutants } = setup;
  const oldest = provenAfter(setup) + 1;
  const isOwed = world.held.some((held) => held !== null && held.hidden >= visibilityBound);
  if (isOwed && !mutants.has('slowVenue')) return undefined;
  const older = (age: number, limit: number): number => (age < 0 ? age : Math.min(age + 1, limit));
  const rows = world.rows.map((row) => (row === null || row.age < 0 || row.age === oldest ? row : { ...row, age: row.age + 1 }));
  const held = world.held.map((one) => {
    if (one === null) return null;
    const hidden = older(one.hidden, visibilityBound);
    const flying = one.flying.map((age) => older(age, setup.receiveWindow + 1));
    return hidden === one.hidden && flying.every((age, index) => age === one.flying[index]) ? one : { ...one, hidden, flying };
  });
  const isSame = rows.every((row, slot) => row === world.rows[slot]) && held.every((one, slot) => one === world.held[slot]);
  return isSame ? undefined : { ...world, rows, held };
}
