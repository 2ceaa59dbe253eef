import type { DecimalText } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import type { StoredOrder } from '../order/stored-order.js';
import type { ProtectionStep } from '../protection/plan.js';
import type { PositionKey } from '../protection/position-key.js';

/** An open order as the venue lists it. */
export interface SeenOrder {
  readonly venueOrderId: string;
  readonly clientOrderId: string;
  readonly instrument: string;
  readonly side: 'buy' | 'sell';
  readonly quantity: DecimalText;
  readonly executedQuantity: DecimalText;
  readonly price: DecimalText;
  /** What tells a stop that waits: by it a person may have one of ours looked after again. */
  readonly isTriggered: boolean;
  readonly stopPrice?: DecimalText;
  /** Epoch ms, venue's clock. */
  readonly createdTime: number;
}

/** A fill as the venue lists it. */
export interface SeenFill {
  readonly venueTradeId: string;
  readonly venueOrderId: string;
  readonly clientOrderId?: string;
  readonly instrument: string;
  readonly side: 'buy' | 'sell';
  readonly price: DecimalText;
  readonly quantity: DecimalText;
  /** In the quote asset, where the venue says it. */
  readonly amount?: DecimalText;
  readonly fee: DecimalText;
  readonly feeAsset: string;
  /** The venue's list does not say in what it was taken. */
  readonly isFeeAssumed?: true;
  readonly liquiditySide: 'maker' | 'taker' | 'unknown';
  readonly eventTime: number;
}

/** What the venue shows of an account; its clock was read first, so that nothing of it is older. */
export interface VenueSight {
  readonly venueTime: number;
  readonly openOrders: readonly SeenOrder[];
  /** Every fill since then. */
  readonly fillsSince: number;
  readonly fills: readonly SeenFill[];
  /** The instruments whose fills were listed; undefined: all. */
  readonly listed?: ReadonlySet<string>;
  /** Free and locked together, by asset. */
  readonly balances: Readonly<Record<string, DecimalText>>;
}

export interface BookedFill extends Omit<SeenFill, 'clientOrderId' | 'liquiditySide' | 'amount' | 'isFeeAssumed'> {
  /** Null or absent: price times quantity. */
  readonly amount?: DecimalText | null;
  /** Null: by another hand, and booked as such. */
  readonly intentId: string | null;
  /** Taken back by a person's decision; it says what was booked then. */
  readonly isReversed?: boolean;
}

export interface BookedOrder extends StoredOrder {
  /** Since its row was last written, by the database's clock. */
  readonly unchangedMs: number;
}

/** A position, or a stop without one, with what its owner would do next. */
export interface Protected {
  readonly key: PositionKey;
  readonly held: DecimalText;
  /** What its fills add up to. */
  readonly filled: DecimalText;
  readonly step: ProtectionStep;
  /** The quantities of the stops that rest for it, as the ledger has them. */
  readonly stops: readonly { readonly intentId: string; readonly leaves: DecimalText }[];
  /** Since position or orders of it changed. */
  readonly unchangedMs: number;
}

/** What of the books a comparison decides on, of one moment; read after the venue, so that what it shows had the time to be booked. */
export interface LedgerSight {
  readonly account: string;
  /** The database's clock, epoch ms. */
  readonly databaseTime: number;
  /** When the account became ours; what was filled before is in its inventory. */
  readonly onboardedTime: number;
  /** Orders that are not final, and those that the venue's orders and fills name. */
  readonly orders: readonly BookedOrder[];
  /** Fills since the same time as the venue's, and a little before. */
  readonly fills: readonly BookedFill[];
  /** Inventory and every entry, by asset. */
  readonly balances: Readonly<Record<string, DecimalText>>;
  readonly protected: readonly Protected[];
  readonly instruments: Readonly<
    Record<string, Pick<InstrumentRules, 'base' | 'quote'> & Partial<Pick<InstrumentRules, 'tickSize' | 'quoteUnit'>>>
  >;
  /** By asset: how much fills since the last clean look may have left there by rounding, beside what was booked of it. */
  readonly roundings?: Readonly<Record<string, Rounding>>;
  /** Where the books contradict themselves: everywhere in a full comparison, or while this is known; else in balances other than the venue's. */
  readonly contradictions: readonly { readonly subject: string; readonly kept: string; readonly reckoned: string }[];
  /** Fills of ours that a person's decision left where they are, with the opposite in the inventory, as builds before 0.6.0 did. */
  readonly bookedBeside: readonly {
    /** Of the difference that was decided. */
    readonly id: string;
    readonly class: 'duplicate' | 'feeDifference' | 'unknown';
    readonly subject: string;
    readonly deltas: Readonly<Record<string, DecimalText>>;
    readonly evidence: { readonly venue: unknown; readonly ledger: unknown };
  }[];
}

/** What is known of an asset that the venue keeps in units, when fills have moved it since the last clean look. */
export interface Rounding {
  readonly unit: DecimalText;
  readonly fills: number;
  /** One unit for each fill, less what was booked. */
  readonly left: DecimalText;
  /** What the inventory was then, so that nothing is booked twice. */
  readonly inventory: DecimalText;
}

/** A workflow that runs for the account. */
export interface RunningWorkflow {
  readonly workflowId: string;
  readonly startedMs: number;
  /** Whether anything in the books is still to be done by it. */
  readonly isNeeded: boolean;
}

/** Undefined: Temporal did not answer, and nothing is said of workflows. */
export interface WorkflowSight {
  /** Workflow ids of the owners that run, of those that were asked for. */
  readonly owners: ReadonlySet<string>;
  readonly running: readonly RunningWorkflow[];
}

/** Whether something of which nobody knows what became of it is being looked up: its resolver's business (P11). */
export function isUnresolved({ status }: Pick<StoredOrder, 'status'>): boolean {
  return status === 'initialized' || status === 'authorised' || status === 'submitting' || status === 'unknown';
}
