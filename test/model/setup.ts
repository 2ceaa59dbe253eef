import type { Purpose, Slot } from './world.js';

/** A rule that is taken away. Each must be missed: the exploration without it finds the damage. */
export type Mutant =
  /** P5's compare-and-set: whoever comes to an authorised or submitting row sends it. */
  | 'noCompareAndSet'
  /** Latch and control version are not looked at in P5. */
  | 'noLatchInSubmit'
  /** P6: signed at the moment of sending. */
  | 'signedAtSending'
  /** P11: absent once is not placed. */
  | 'noWindow'
  /** P11: the window without the visibility bound. */
  | 'noVisibilityBound'
  /** The venue shows an order later than its bound. */
  | 'slowVenue'
  /** P13: what the venue shows of an order that was called not placed is dropped. */
  | 'evidenceDropped'
  /** P28: verified by what the venue shows alone. */
  | 'noWaitForRows'
  /** P28: an order that is authorised, and not sent yet, keeps nothing from being verified. */
  | 'lookForgetsUnsent'
  /** P28: what is still held keeps nothing from being verified. */
  | 'lookForgetsHeld'
  /** P15: a fill is booked as often as it is seen. */
  | 'fillsBookedTwice'
  /** P18: what other sells reserve is not taken off. */
  | 'noReservations'
  /** P20: the exit does not wait until the stop's cancel is final. */
  | 'exitBeforeCancel'
  /** P21: the owner takes an unknown stop for none; the gate still counts it. */
  | 'unknownIsAbsentToOwner'
  /** P21 and P18: neither the owner nor the gate counts an unknown stop. */
  | 'unknownIsAbsent'
  /** P20: nobody starts an owner anew whose process has died. */
  | 'ownerForgotten'
  /** P20: the statement that books what was bought tells nobody. */
  | 'ownerUntold'
  /** P20: an owner that is about to end does not hear that it is wanted. */
  | 'ownerDeaf'
  /** P27: whoever flattens may sell. */
  | 'noLease'
  /** P4 for a slice: its versions are read after the balance that it is sized from. */
  | 'balanceFirst'
  /** P27: a slice is what the ledger shows, whatever is still being sold. */
  | 'slicedFromLedger'
  /** P27: what other orders may still sell is neither waited for nor taken off. */
  | 'planForgetsOrders'
  /** P28: the stop stays where it is while its units are sold. */
  | 'planForgetsStops';

export interface Setup {
  readonly slots: readonly Slot[];
  /** In ticks: how long a request is admitted after its timestamp, and how long an order may stay unseen. */
  readonly receiveWindow: number;
  readonly visibilityBound: number;
  /** Whether an owner is there only while the outbox or an exit has started it, and it has not ended. */
  readonly startsOwners?: boolean;
  /** Whether a signal's first order has P4 and P5 sent one behind the other (docs/adr/0019). */
  readonly isAtOnce?: boolean;
  readonly mutants: ReadonlySet<Mutant>;
}

/** Slots for so many orders of each purpose. */
export function slotsOf(counts: Readonly<Partial<Record<Purpose, number>>>): Slot[] {
  return Object.entries(counts).flatMap(([purpose, count]) =>
    Array.from({ length: count }, (_, index) => ({ purpose: purpose as Purpose, sequence: index + 1 })),
  );
}

export function slotOf(setup: Setup, purpose: Purpose, sequence: number): number {
  return setup.slots.findIndex((slot) => slot.purpose === purpose && slot.sequence === sequence);
}

/** The slot of an intent that core/ names. */
export function slotOfIntent(setup: Setup, intentId: string): number {
  const [purpose, sequence] = intentId.split(':');
  return setup.slots.findIndex((slot) => slot.purpose === purpose && slot.sequence === Number(sequence));
}

export function nameOf(setup: Setup, slot: number): string {
  const at = setup.slots[slot];
  return at === undefined ? 'no order' : `${at.purpose} ${at.sequence}`;
}

/** From this age on an order that was not seen cannot have been placed. */
export function provenAfter({ receiveWindow, visibilityBound }: Setup): number {
  return receiveWindow + visibilityBound;
}
