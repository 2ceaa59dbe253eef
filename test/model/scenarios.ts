import { entryModel } from './entry.js';
import { exitModel, type ExitBounds } from './exit-and-stop.js';
import { STRANDED, type Model } from './explore.js';
import type { Mutant } from './setup.js';
import type { World } from './world.js';

export interface Scenario {
  readonly name: string;
  readonly model: (mutants?: readonly Mutant[]) => Model<World>;
}

const TIMES = { receiveWindow: 1, visibilityBound: 1 } as const;
const OWNER_ALONE = { units: 1, owners: 1, killers: 0, ...TIMES } as const;
/** Nobody is left to own the position: two processes flatten at once. */
const TWO_KILLS: ExitBounds = { units: 1, owners: 0, killers: 2, startsLatched: true, counts: { slice: 2 }, ...TIMES };

const entry = (name: string, bounds: Parameters<typeof entryModel>[0]): Scenario => ({
  name,
  model: (mutants) => entryModel(bounds, mutants),
});
const exit = (name: string, bounds: ExitBounds): Scenario => ({ name, model: (mutants) => exitModel(bounds, mutants) });

export const ENTRY = entry('an entry, two workers and a halt', { ...TIMES, hasResolver: false, workers: 2 });
const GUARDED = entry('an entry, two workers, a polling guardian and a halt', { ...TIMES, hasResolver: true, workers: 2 });
const AT_ONCE = entry('an entry whose verdict and begin are sent at once, two workers and a halt', {
  ...TIMES,
  hasResolver: false,
  workers: 2,
  isAtOnce: true,
});
/** A worker that starts anew knows only the last order that its signal needs: another one is the guardian's to settle. */
const POLLED = entry('an entry, one worker, a polling guardian and a halt', { ...TIMES, hasResolver: true, workers: 1 });
/** What is bought starts the owner, which ends when all is sold: what is bought later starts another. */
const TWO_ENTRIES = { ...OWNER_ALONE, startsOwners: true } as const;
const STARTED = exit('two entries, and owners that come and go', { ...TWO_ENTRIES, counts: { entry: 2, stop: 1 } });
export const STOP = exit('a position and its stop', { ...OWNER_ALONE, counts: { stop: 2 } });
export const EXIT = exit('a stop and an exit', { ...OWNER_ALONE, counts: { stop: 1, exit: 1 } });
const STOP_AND_HALT = exit('a stop, a halt and its flattening', { ...OWNER_ALONE, killers: 1, counts: { stop: 1, slice: 1 } });
export const FLATTEN = exit('two kills flatten', TWO_KILLS);

/** What every run of the tests visits to the end. */
export const SCENARIOS: readonly Scenario[] = [
  ENTRY,
  AT_ONCE,
  POLLED,
  GUARDED,
  exit('a stop that wakes, and an escape', { ...OWNER_ALONE, counts: { stop: 1, escape: 1 } }),
  exit('two units that come one by one', { ...OWNER_ALONE, units: 2, counts: { stop: 2 } }),
  STARTED,
  exit('a stop, an exit, and the stop anew, of an owner that comes and goes', {
    ...OWNER_ALONE,
    startsOwners: true,
    counts: { stop: 2, exit: 1 },
  }),
  STOP_AND_HALT,
  FLATTEN,
];

/** What only the soak visits. */
export const DEEP: readonly Scenario[] = [
  exit('two entries, two stops, and owners that come and go', { ...TWO_ENTRIES, counts: { entry: 2, stop: 2 } }),
  entry('an entry with a longer window and a longer bound', { receiveWindow: 2, visibilityBound: 2, hasResolver: false, workers: 2 }),
  exit('two owners at once, a stop and an exit', { ...OWNER_ALONE, owners: 2, counts: { stop: 1, exit: 1 } }),
  exit('two units, two stops, an exit and an escape', { ...OWNER_ALONE, units: 2, counts: { stop: 2, exit: 1, escape: 1 } }),
  exit('a stop, an exit, a halt and its flattening in one slice', { ...OWNER_ALONE, killers: 1, counts: { stop: 1, exit: 1, slice: 1 } }),
  exit('a stop, an exit, a halt and its flattening', { ...OWNER_ALONE, killers: 1, counts: { stop: 1, exit: 1, slice: 2 } }),
  exit('two kills flatten two units', { ...TWO_KILLS, units: 2 }),
];

export interface Loss {
  readonly rule: string;
  readonly mutants: readonly Mutant[];
  readonly scenario: Scenario;
  /** What the exploration without the rule must find; absent where another rule still holds. */
  readonly damage?: string;
  /** Looked for where another rule holds; absent is anything. */
  readonly asked?: string;
}

/** Every rule that is taken away, alone or together with the one that would still hold. */
export const LOSSES: readonly Loss[] = [
  { rule: 'P5: the compare-and-set', mutants: ['noCompareAndSet'], scenario: ENTRY, damage: 'doubled' },
  { rule: 'P5: the compare-and-set, sent with P4', mutants: ['noCompareAndSet'], scenario: AT_ONCE, damage: 'doubled' },
  {
    rule: 'P25: no P5 after the latch, sent with P4',
    mutants: ['noLatchInSubmit'],
    scenario: AT_ONCE,
    damage: 'submitted after the latch',
  },
  {
    rule: 'P28: waiting for open rows, where P5 was sent with P4',
    mutants: ['noWaitForRows'],
    scenario: AT_ONCE,
    damage: 'admitted after the verified halt',
  },
  { rule: 'P25: no P5 after the latch', mutants: ['noLatchInSubmit'], scenario: ENTRY, damage: 'submitted after the latch' },
  {
    rule: 'P5 and P28: the latch inside it, and waiting for what is not sent',
    mutants: ['noLatchInSubmit', 'lookForgetsUnsent'],
    scenario: ENTRY,
    damage: 'admitted after the verified halt',
  },
  { rule: 'P6: the time stamp of before', mutants: ['signedAtSending'], scenario: ENTRY, damage: 'admitted after the verified halt' },
  { rule: 'P11: the window', mutants: ['noWindow'], scenario: ENTRY, damage: 'placed, but called not placed' },
  { rule: 'P11: its visibility bound', mutants: ['noVisibilityBound'], scenario: ENTRY, damage: 'placed, but called not placed' },
  { rule: 'P11: a venue within its bound', mutants: ['slowVenue'], scenario: ENTRY, damage: 'placed, but called not placed' },
  { rule: 'P13: evidence of what was not placed', mutants: ['slowVenue', 'evidenceDropped'], scenario: ENTRY, damage: STRANDED },
  { rule: 'P28: waiting for open rows', mutants: ['noWaitForRows'], scenario: ENTRY, damage: 'admitted after the verified halt' },
  { rule: 'P15: a fill is booked once', mutants: ['fillsBookedTwice'], scenario: STOP, damage: 'oversold' },
  { rule: 'P18: reservations', mutants: ['noReservations'], scenario: EXIT, damage: 'oversold' },
  { rule: 'P20: the exit waits for the cancel', mutants: ['exitBeforeCancel'], scenario: EXIT, damage: 'oversold' },
  { rule: 'P20: the owner lives again', mutants: ['ownerForgotten'], scenario: STOP, damage: STRANDED },
  { rule: 'P20: what is bought starts an owner', mutants: ['ownerUntold'], scenario: STARTED, damage: STRANDED },
  { rule: 'P20: who is about to end hears that it is wanted', mutants: ['ownerDeaf'], scenario: STARTED, damage: STRANDED },
  { rule: 'P21: an unknown stop is a stop', mutants: ['unknownIsAbsent'], scenario: STOP, damage: 'two stops' },
  { rule: 'P21: an unknown stop is settled', mutants: ['unknownIsAbsentToOwner'], scenario: STOP, damage: STRANDED },
  {
    rule: 'P18 and P27: reservations, and slices of what the venue shows',
    mutants: ['noReservations', 'slicedFromLedger'],
    scenario: FLATTEN,
    damage: 'oversold',
  },
  {
    rule: 'P18 and P27: reservations, and a plan that waits for other orders',
    mutants: ['noReservations', 'planForgetsOrders'],
    scenario: FLATTEN,
    damage: 'oversold',
  },
  {
    rule: 'P18 and P28: reservations, and a stop that goes before its units are sold',
    mutants: ['noReservations', 'planForgetsStops'],
    scenario: STOP_AND_HALT,
    damage: 'oversold',
  },
  { rule: 'P27: the lease, while P4 holds', mutants: ['noLease'], scenario: FLATTEN },
  {
    rule: 'P4, P18 and P27: lease, versions and reservations',
    mutants: ['noLease', 'balanceFirst', 'noReservations'],
    scenario: FLATTEN,
    damage: 'oversold',
  },
];

/** What takes too long for every run. */
export const DEEP_LOSSES: readonly Loss[] = [
  { rule: 'P28: a look at what is held', mutants: ['lookForgetsHeld'], scenario: STOP_AND_HALT, damage: STRANDED },
  { rule: 'P11: a venue within its bound, while P13 holds', mutants: ['slowVenue'], scenario: POLLED, asked: STRANDED },
  { rule: 'P4: the versions of a slice, while the lease holds', mutants: ['balanceFirst'], scenario: FLATTEN },
  { rule: 'P4 and P27: versions and lease, while P18 holds', mutants: ['balanceFirst', 'noLease'], scenario: FLATTEN },
  { rule: 'P4 and P18: versions and reservations, while the lease holds', mutants: ['balanceFirst', 'noReservations'], scenario: FLATTEN },
  { rule: 'P18 and P27: reservations and lease, while P4 holds', mutants: ['noLease', 'noReservations'], scenario: FLATTEN },
  { rule: 'P27: a plan that waits for other orders', mutants: ['planForgetsOrders'], scenario: FLATTEN, damage: STRANDED },
  { rule: 'P28: a stop that goes first', mutants: ['planForgetsStops'], scenario: STOP_AND_HALT, damage: STRANDED },
  { rule: 'P28: waiting for what is not sent, while P5 holds', mutants: ['lookForgetsUnsent'], scenario: ENTRY },
];
