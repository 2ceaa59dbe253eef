import type { Model, Step } from './explore.js';
import { worldKey } from './keys.js';
import { killerSteps } from './killer.js';
import { writeLatch } from './ledger.js';
import { streamSteps } from './order-steps.js';
import { slotsOf, type Mutant, type Setup } from './setup.js';
import { venueSteps } from './venue.js';
import { AT_REST, pipeSteps, resolverSteps, workerSteps } from './worker.js';
import { tidied } from './tidied.js';
import type { World } from './world.js';

export interface EntryBounds {
  readonly receiveWindow: number;
  readonly visibilityBound: number;
  /** Two are one whose steps run twice. */
  readonly workers: number;
  /** Whether a guardian polls beside them. */
  readonly hasResolver: boolean;
  /** P4 and P5 of the first order are sent one behind the other. */
  readonly isAtOnce?: boolean;
}

/**
 * P4 to P14, P25 and P28: two workers on one opening signal, both taking every step of its story; a guardian that polls, a
 * stream, a halt at any moment and its verification. One new intent after *not placed*.
 */
export function entryModel(bounds: EntryBounds, mutants: readonly Mutant[] = []): Model<World> {
  const { receiveWindow, visibilityBound, isAtOnce = false } = bounds;
  const setup: Setup = { slots: slotsOf({ entry: 2 }), receiveWindow, visibilityBound, isAtOnce, mutants: new Set(mutants) };
  return {
    initial: {
      books: {
        isLatched: false,
        position: 0,
        isTold: false,
        exit: 'none',
        isBlocked: false,
        lease: -1,
        isVerified: false,
        isCut: false,
        crime: null,
      },
      rows: setup.slots.map(() => null),
      held: setup.slots.map(() => null),
      actors: [
        ...Array.from({ length: bounds.workers }, () => ({ role: 'worker' as const, ...AT_REST })),
        ...(bounds.hasResolver ? [{ role: 'resolver' as const, ...AT_REST }] : []),
        ...(isAtOnce ? [{ role: 'pipe' as const, ...AT_REST }] : []),
        { role: 'killer', ...AT_REST },
      ],
    },
    steps: (world) => entrySteps(world, setup),
    key: worldKey,
    wrong: wrongOfEntry,
    isHome: ({ actors, rows, held }) =>
      actors.every(({ role, place }) => role !== 'worker' || place === 'over') &&
      rows.every((row, slot) => row === null || (row.isFinal && row.executed === (held[slot]?.executed ?? 0))),
  };
}

function entrySteps(world: World, setup: Setup): Step<World>[] {
  const steps = [...venueSteps(world, setup), ...streamSteps(world, setup)];
  world.actors.forEach((actor, index) => {
    if (actor.role === 'worker') steps.push(...workerSteps(world, setup, index, actor));
    if (actor.role === 'resolver') steps.push(...resolverSteps(world, setup, index, actor));
    if (actor.role === 'pipe') steps.push(...pipeSteps(world, setup, index, actor));
    if (actor.role === 'killer') steps.push(...killerSteps(world, setup, index, actor));
  });
  if (!world.books.isLatched) steps.push({ label: 'the halt is called', next: writeLatch(world), isOurs: false });
  return steps.map((step) => ({ ...step, next: tidied(step.next, setup) }));
}

function wrongOfEntry({ books, rows, held }: World): string | undefined {
  const admissions = held.reduce((sum, one) => sum + (one?.admissions ?? 0), 0);
  if (admissions > 1) return 'doubled';
  const isRefused = rows.some((row, slot) => row !== null && row.isFinal && !row.isKnown && (held[slot]?.admissions ?? 0) > 0);
  if (isRefused) return 'placed, but called not placed';
  return books.crime ?? undefined;
}
