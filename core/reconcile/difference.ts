import type { DecimalText } from '../money/index.js';
import type { PositionKey } from '../protection/position-key.js';
import type { SeenFill } from './sight.js';

/** What a difference between venue, ledger and running workflows may be. `timing` is what one turns out to be that goes by itself. */
export const DIFFERENCE_CLASSES = [
  'timing',
  'missedFill',
  'missingOrder',
  'orphanOrder',
  'orphanedWorkflow',
  'duplicate',
  'feeDifference',
  'balanceMovement',
  'rounding',
  'positionWithoutOwner',
  'positionWithoutStop',
  'wrongStopQuantity',
  'twoStops',
  'stopWithoutPosition',
  'unknown',
] as const;
export type DifferenceClass = (typeof DIFFERENCE_CLASSES)[number];

/**
 * `repair`: done at once, since it only takes up evidence or wakes who knows what to do. `secondLook`: most often only two
 * clocks; a person's when it still stands on a second look. `person`: never ours to decide.
 */
export type Treatment = 'repair' | 'secondLook' | 'person';

/** What is done about a difference without asking anybody: nothing that invents anything. */
export type Repair =
  /** The venue's own fill, by the usual statement. */
  | { readonly kind: 'bookFill'; readonly fill: SeenFill }
  /** What became of an order that works. */
  | { readonly kind: 'lookUp'; readonly intentId: string }
  /** What the venue shows of an order that had ended for us (P13). */
  | { readonly kind: 'takeEvidence'; readonly intentId: string; readonly instrument: string; readonly clientOrderId: string }
  /** What the venue's rounding of fills has left in an asset. */
  | { readonly kind: 'bookRounding'; readonly asset: string; readonly amount: DecimalText }
  | { readonly kind: 'wakeOwner'; readonly key: PositionKey }
  /** An order that a person wants gone. */
  | { readonly kind: 'cancelOrder'; readonly instrument: string; readonly clientOrderId: string }
  | { readonly kind: 'cancelWorkflow'; readonly workflowId: string };

/** What a movement of assets has, that the ledger has not: venue less ledger, by asset. */
export type Deltas = Readonly<Record<string, DecimalText>>;

export interface Difference {
  readonly class: Exclude<DifferenceClass, 'timing'>;
  /** What it is about; one of a class at a time. */
  readonly subject: string;
  /** What of it must not have changed between two looks, or since a person decided. */
  readonly fingerprint: string;
  readonly treatment: Treatment;
  /** It is so young, or something is under way, that it most likely goes by itself: no second look counts yet. */
  readonly isInFlight: boolean;
  readonly deltas: Deltas;
  /** Both sides, as they were seen. */
  readonly evidence: { readonly venue: unknown; readonly ledger: unknown };
  readonly repair?: Repair;
  /** The newest fill that it is about, by the venue's clock: what is older than the window that was read still stands. */
  readonly eventTime?: number;
}

export const DECISIONS = ['adopt', 'cancel', 'book', 'rebuild', 'reject'] as const;
export type Decision = (typeof DECISIONS)[number];

/** A difference that the books know: it stands, or has been decided in a way that has to be remembered. */
export interface KnownDifference {
  readonly id: string;
  readonly class: Difference['class'];
  readonly subject: string;
  readonly fingerprint: string;
  readonly treatment: Treatment;
  /** `closed`: only remembered, since what a person has booked is still in the venue's list. */
  readonly status: 'pending' | 'open' | 'decided' | 'closed';
  readonly decision: Decision | null;
  readonly deltas: Deltas;
  readonly evidence: Difference['evidence'];
  readonly eventTime: number | null;
  readonly repairs: number;
  /** Those of them that could not be done. */
  readonly failedRepairs: number;
  /** Since it was seen first, or since its fingerprint is what it is; database's clock. */
  readonly sameMs: number;
  /** Since when each look has seen it, whatever it was; database's clock. */
  readonly seenMs: number;
  /** Since a look saw it last; database's clock. */
  readonly unseenMs: number;
  readonly decidedMs: number | null;
  /** Of a missed fill: it is in the books by now. */
  readonly isBooked: boolean;
}

/** A person has decided to leave it as it is. */
export const isRejected = ({ status, decision }: Pick<KnownDifference, 'status' | 'decision'>): boolean =>
  status === 'decided' && decision === 'reject';

/** What a look saw of a row that it changes: a person may have decided since, and then it stays as it is. */
export type Saw = Pick<KnownDifference, 'status' | 'decision'>;

export const NO_DELTAS: Deltas = {};
