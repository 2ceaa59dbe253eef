import type { DecimalText } from '../../core/money/index.js';
import type { VenueFill } from './venue.js';

/** Who books, and why. */
export interface BookingCause {
  /** A person, or the part of ours that read it at the venue (`reconciliation`). */
  readonly subject: string;
  /** The key under which a person books; null for a part of ours, which needs the venue's own reference. */
  readonly underKey: string | null;
  readonly reason: string;
  /** The open incident that it explains; corrections and fills without an intent of ours need one. */
  readonly incidentId: string | null;
  /** Of the work that books, where it is durable: after a restore it books nothing any more (P31). */
  readonly epoch?: number;
}

/** What moves an account's assets without a fill of ours. */
export interface Movement extends BookingCause {
  /** A uuid; the same one is booked once. */
  readonly movementId: string;
  readonly account: string;
  readonly asset: string;
  /** Signed: a deposit is positive, a withdrawal negative; so is a transfer, which is written from the side that it leaves. */
  readonly amount: DecimalText;
  readonly kind: 'deposit' | 'withdrawal' | 'transfer' | 'correction';
  /** Of a transfer: our other account. */
  readonly counterAccount?: string;
  /** When it happened, by the venue. */
  readonly eventTime: number;
  /** What the venue calls it: unique in its account. */
  readonly venueReference: string | null;
  /** Of a transfer: what the other account's venue calls it. */
  readonly counterReference?: string;
  /** A deposit or withdrawal is not booked where one of the same amount is, within a day of it, and of not both the venue's reference is known. */
  readonly unlessAlike?: boolean;
}

/** A fill that no order of ours explains: by hand, or by another client of the account. */
export interface ForeignFill extends BookingCause {
  readonly movementId: string;
  readonly account: string;
  readonly incidentId: string;
  readonly underKey: string;
  readonly fill: VenueFill;
}

/**
 * `known`: booked before, under this id or under this reference of the venue. `refused`: nothing is booked; `why` names what is
 * wrong: a field, `person` (no valid key of an operator, risk officer or admin, and no reference of the venue), `incident` (none that is open),
 * `ours` (an order of ours has executed this fill), `referenceUsed` or `otherMovement` (the same name for something else), `held` or
 * `unshown` (positions hold the asset: the books would have less than they do, or more than a comparison has seen), or `alike` (it may be that one).
 */
export type Booking =
  | { readonly kind: 'booked'; readonly movementId: string; readonly balance?: DecimalText }
  | { readonly kind: 'known'; readonly movementId: string | null }
  | { readonly kind: 'refused'; readonly why: string; readonly alike?: { readonly movementId: string; readonly eventTime: number } };

/**
 * Books what no order of ours did: movement, balanced entries, balance and audit in one statement.
 * @throws KeelsonError INFRA_DATABASE from every method.
 */
export interface LedgerStore {
  bookMovement(movement: Movement): Promise<Booking>;
  bookForeignFill(fill: ForeignFill): Promise<Booking>;
}
