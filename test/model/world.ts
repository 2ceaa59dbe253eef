import type { OrderStatus, VenueEnd } from '../../core/order/lifecycle.js';

/**
 * One account, one strategy, one instrument. Quantities are whole units, time is whole ticks, and of both only as much is
 * kept as can still make a difference.
 */
export interface World {
  readonly books: Books;
  /** The ledger's rows by slot; null is no row. */
  readonly rows: readonly (Row | null)[];
  /** What network and venue hold of the order in the same slot. */
  readonly held: readonly (Held | null)[];
  readonly actors: readonly Actor[];
}

/** A slice is what the kill sells: `flatten` in the ledger. */
export type Purpose = 'entry' | 'exit' | 'stop' | 'escape' | 'slice';

/** A slot is one intent: the `sequence`-th order of its purpose. */
export interface Slot {
  readonly purpose: Purpose;
  readonly sequence: number;
}

export interface Books {
  /** The halt: a latch over everything. */
  readonly isLatched: boolean;
  /** By the fills that are booked. */
  readonly position: number;
  readonly exit: 'none' | 'asked' | 'done';
  /** An order surprised us, and its instrument is blocked (P13). */
  readonly isBlocked: boolean;
  /** A row of the outbox waits that starts the owner, or makes it look again (P20). */
  readonly isTold: boolean;
  /** Which actor holds the lease of flattening; -1 is none. */
  readonly lease: number;
  readonly isVerified: boolean;
  /** A limit of the model was met: what would follow is left out. */
  readonly isCut: boolean;
  /** What an order did that none may; it stays on record. */
  readonly crime: string | null;
}

export interface Row {
  readonly status: OrderStatus;
  readonly quantity: number;
  readonly executed: number;
  readonly reserved: number;
  readonly isFinal: boolean;
  readonly isKnown: boolean;
  readonly isTriggered: boolean;
  readonly venueEnd: VenueEnd | null;
  readonly venueExecuted: number | null;
  /** Refused because the price of the stop was reached already. */
  readonly wasReached: boolean;
  /** Ticks since its signed timestamp; -1 where that no longer matters. */
  readonly age: number;
  /** The actor whose lease it was authorised under; -1 for orders that need none. */
  readonly lease: number;
  /** Which row was made before which. */
  readonly born: number;
}

export type VenueStatus = 'none' | 'open' | 'triggered' | VenueEnd;

export interface Held {
  /** Requests on the wire: ticks since the timestamp that each carries. */
  readonly flying: readonly number[];
  readonly admissions: number;
  /** Ticks that look-ups have not shown it; -1 when they do. */
  readonly hidden: number;
  readonly status: VenueStatus;
  readonly executed: number;
  /** The venue's answer on its way to whoever still waits for it. */
  readonly answer: 'none' | 'accepted' | 'rejected' | 'reached';
}

/** What a look-up or an answer showed, while it is being taken into the books. */
export interface Seen {
  readonly status: VenueStatus;
  readonly executed: number;
}

/**
 * Where somebody is in the steps of an activity or a workflow. Nothing here survives a crash: who starts anew has the rows
 * alone. That is more than what may happen with Temporal, which resumes a workflow where it was.
 */
export type Place =
  /** Decides what to do next. */
  | 'idle'
  /** Knows what it wants, and asks the gate next. */
  | 'ask'
  /** P4: holds a view of the ledger and is about to write the verdict. */
  | 'authorise'
  | 'submit'
  /** Has sent P4 and P5 one behind the other: P4 is done, and P5 comes whatever it said, and whether or not anybody still waits for it. */
  | 'paired'
  /** After P5, before the socket: may sleep here for as long as it likes. */
  | 'socket'
  | 'reply'
  | 'fence'
  | 'look'
  | 'lookAgain'
  | 'prove'
  | 'adopt'
  | 'cancel'
  | 'lookAfterCancel'
  /** A step has come back with the row; where it goes from there is decided in the same step. */
  | 'resolved'
  | 'wishCancel'
  | 'balance'
  /** Has nothing to sell, and is about to read the ledger once more. */
  | 'verify'
  /** Has found no open order in the ledger, and is about to look at the venue. */
  | 'target'
  /** An owner that does not run: not started yet, or ended. */
  | 'absent'
  /** An owner that has found nothing to own, and is about to end. */
  | 'leaving'
  | 'over';

export interface Actor {
  /** A pipe is a connection: it may hold what its process sent before it died. */
  readonly role: 'worker' | 'resolver' | 'owner' | 'killer' | 'pipe';
  readonly place: Place;
  /** The order that it works on; -1 is none. */
  readonly slot: number;
  /** Of the verdict that it is about to write: zero is a denial. */
  readonly quantity: number;
  /** Whether the versions of its view are still the ledger's. */
  readonly isFresh: boolean;
  readonly seen: Seen | null;
  /** What it does all this for. */
  readonly aim: Aim;
  readonly count: number;
}

/** `settle`: until it is known how the order stands; `end`: until it is final; `away`: until it is final, canceling it. */
export type Aim = 'none' | 'settle' | 'end' | 'away';
