import type { Model, Step } from './explore.js';
import { worldKey } from './keys.js';
import { killerSteps } from './killer.js';
import { withBooks, withHeld, withRow, writeLatch } from './ledger.js';
import { streamSteps } from './order-steps.js';
import { ownerSteps, tellOwners } from './owner.js';
import { newRow } from './rows.js';
import { slotOf, slotsOf, type Mutant, type Setup } from './setup.js';
import { tidied } from './tidied.js';
import { balance, isOpen, NOTHING, venueSteps } from './venue.js';
import { AT_REST } from './worker.js';
import type { Held, Purpose, Row, World } from './world.js';

export interface ExitBounds {
  /** What the entry has bought; none of it is booked yet. */
  readonly units: number;
  readonly counts: Readonly<Partial<Record<Purpose, number>>>;
  readonly owners: number;
  /** None runs at the beginning: it is started by what is booked, ends when it owns nothing, and is started anew. */
  readonly startsOwners?: boolean;
  readonly killers: number;
  /** Begins halted: the owner has no say. */
  readonly startsLatched?: boolean;
  readonly receiveWindow: number;
  readonly visibilityBound: number;
}

/**
 * P18 to P22, P25 and P27 to P29: an entry has filled and nothing of it is booked. An owner protects what is booked, an exit
 * may be asked for, the price may reach the stop, the halt may be called, and then the kill flattens.
 */
export function exitModel(bounds: ExitBounds, mutants: readonly Mutant[] = []): Model<World> {
  const { receiveWindow, visibilityBound, units, owners, killers, startsOwners = false } = bounds;
  const slots = slotsOf({ entry: 1, ...bounds.counts });
  const setup: Setup = { slots, receiveWindow, visibilityBound, startsOwners, mutants: new Set(mutants) };
  return {
    initial: {
      books: {
        isLatched: bounds.startsLatched === true,
        position: 0,
        exit: 'none',
        isBlocked: false,
        isTold: false,
        lease: -1,
        isVerified: false,
        isCut: false,
        crime: null,
      },
      rows: slots.map((_, slot) => (slot === 0 ? bought(units, 0) : null)),
      held: slots.map((_, slot) => (slot === 0 ? filled(units) : null)),
      actors: [
        ...Array.from({ length: owners }, () => ({
          role: 'owner' as const,
          ...AT_REST,
          ...(startsOwners ? { place: 'absent' as const } : {}),
        })),
        ...Array.from({ length: killers }, () => ({ role: 'killer' as const, ...AT_REST })),
      ],
    },
    steps: (world) => exitSteps(world, setup),
    key: worldKey,
    wrong: (world) => wrongOfExit(world, setup),
    isHome: (world) => isAtHome(world, setup),
  };
}

/** An entry of which the ledger knows nothing but that it was sent, and what the venue has of it. */
const bought = (units: number, born: number): Row => ({ ...newRow(true, units, born, -1), status: 'unknown', age: 0 });
const filled = (units: number): Held => ({ ...NOTHING, admissions: 1, status: 'filled', executed: units });

function exitSteps(world: World, setup: Setup): Step<World>[] {
  const { books } = world;
  if (books.isCut) return [];
  const steps = [...venueSteps(world, setup), ...streamSteps(world, setup)];
  world.actors.forEach((actor, index) => {
    if (actor.role === 'owner') steps.push(...ownerSteps(world, setup, index, actor));
    if (actor.role === 'killer') steps.push(...killerSteps(world, setup, index, actor));
  });
  if (books.isTold) steps.push({ label: 'the outbox tells the owner', next: tellOwners(world, setup), isOurs: true });
  const second = slotOf(setup, 'entry', 2);
  if (second >= 0 && world.rows[second] === null && world.rows[0]?.isFinal === true) {
    const born = world.rows.filter((row) => row !== null).length;
    const next = withHeld(withRow(world, second, bought(1, born)), second, filled(1));
    steps.push({ label: 'another entry has filled', next, isOurs: false });
  }
  if (books.exit === 'none' && slotOf(setup, 'exit', 1) >= 0) {
    steps.push({ label: 'a signal asks for the exit', next: withBooks(world, { exit: 'asked' }), isOurs: false });
  }
  if (!books.isLatched && world.actors.some(({ role }) => role === 'killer')) {
    steps.push({ label: 'the halt is called', next: writeLatch(world), isOurs: false });
  }
  return steps.map((step) => ({ ...step, next: tidied(step.next, setup) }));
}

function wrongOfExit(world: World, setup: Setup): string | undefined {
  const { books, held } = world;
  if (balance(world, setup) < 0) return 'oversold';
  if (held.filter((one, slot) => setup.slots[slot]?.purpose === 'stop' && isOpen(one)).length > 1) return 'two stops';
  if (held.some((one) => one !== null && one.admissions > 1)) return 'doubled';
  return books.crime ?? undefined;
}

/** Nothing is held and nothing works, or one stop rests for exactly what is held; after a halt, what was verified. */
function isAtHome(world: World, setup: Setup): boolean {
  const { books, rows, held } = world;
  if (books.isCut) return true;
  const net = balance(world, setup);
  if (books.isLatched) return books.isVerified && net === 0 && !held.some(isOpen);
  if (books.exit === 'asked' || books.position !== net) return false;
  // Nobody owns it: what happens to its stop then is nobody's to see to.
  if (net > 0 && world.actors.every(({ place }) => place === 'absent')) return false;
  const open = rows.flatMap((row, slot) => (row === null || row.isFinal ? [] : [slot]));
  const [stop, second] = open;
  if (stop === undefined) return net === 0 && !held.some(isOpen);
  const resting = held[stop];
  if (second !== undefined || setup.slots[stop]?.purpose !== 'stop' || resting === null || resting === undefined) return false;
  return resting.status === 'open' && (rows[stop]?.quantity ?? 0) - resting.executed === net;
}
