import type { CalendarView } from '../calendar/calendar.js';
import type { Latch, Mode } from '../control/mode.js';
import type { TopOfBook } from '../ledger/mid.js';
import type { DecimalText } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import type { OrderPurpose } from '../order/order-type.js';
import type { Leg } from '../signal/signal.js';
import type { VenueWeight } from '../venue/weight.js';
import type { LimitKey } from './limit-table.js';
import type { Limits } from './limits.js';
import type { LimitOverride } from './overrides.js';

/** An order that is not final: what it still reserves. */
export interface WorkingOrder {
  readonly intentId: string;
  readonly strategy: string;
  readonly instrument: string;
  readonly leg: Leg;
  readonly side: 'buy' | 'sell';
  readonly purpose: OrderPurpose;
  readonly status: string;
  /** Base that may still be sold (exits) or bought (entries). */
  readonly reservedQuantity: DecimalText;
  /** Quote that may still be spent, fees included; zero for sells. */
  readonly reservedNotional: DecimalText;
  readonly quote: string;
  /** Of a stop: its price was reached. Absent where it was not. */
  readonly isTriggered?: boolean;
}

export interface PositionView {
  readonly strategy: string;
  readonly instrument: string;
  readonly quantity: DecimalText;
  readonly cost: DecimalText;
  /** What its fills add up to, where that is not the quantity that is kept. */
  readonly filled?: DecimalText;
}

/** What passed the gate within the last minute; times are epoch ms by the database's clock. */
export interface RecentOrders {
  /** Of every order, by strategy. */
  readonly times: Readonly<Record<string, readonly number[]>>;
  /** Of each strategy's newest entry into an instrument; what replaces a signal's first order is no entry of its own. */
  readonly entries: readonly (readonly [strategy: string, instrument: string, time: number])[];
}

/** What the venue's other accounts hold and work, where a limit over all of them may be asked for. */
export interface VenueNeighbours {
  /** Goes up with every change of theirs. */
  readonly version: string;
  readonly gross: DecimalText;
  readonly net: DecimalText;
  /** What those are in: of more than one quote asset the two sums say nothing. */
  readonly quotes: readonly string[];
}

export interface WatchHeartbeat {
  /** When the account was sampled last, epoch ms. */
  readonly sampledTime: number;
  /** When a sample last knew the equity; absent: none did. */
  readonly equityTime?: number;
  /** When the last comparison of the account with its venue began that came to an end, whatever it found. */
  readonly comparedTime: number;
}

/**
 * What the ledger knows about an account at one moment, with the versions that a verdict must be written over
 * (protocol P4). All of it is read in one statement.
 */
export interface RiskView {
  readonly account: string;
  readonly venue: string;
  readonly epoch: number;
  readonly mode: Mode;
  readonly latches: readonly Latch[];
  readonly controlVersion: string;
  readonly riskVersion: string;
  /** Of the signal's strategy on its instrument. */
  readonly limits: Limits;
  /** Required limits that nobody has set. */
  readonly missingLimits: readonly LimitKey[];
  /** Every one of the account that has not been used and was not over when this was read. */
  readonly overrides: readonly LimitOverride[];
  readonly recentOrders: RecentOrders;
  /** Entries of the signal's strategy into its instrument since its last exit, or since a person enabled it. */
  readonly repeats: number;
  /** Why the signal's strategy is disabled; absent when it is not. */
  readonly disabled?: string;
  readonly neighbours: VenueNeighbours;
  /** Active version of the signal's strategy on its instrument; absent when none is. */
  readonly activeVersion?: string;
  readonly positions: readonly PositionView[];
  readonly workingOrders: readonly WorkingOrder[];
  /** What the ledger says is held, by asset. */
  readonly balances: Readonly<Record<string, DecimalText>>;
  readonly blocked?: string;
  readonly instrument?: InstrumentRules;
  /** The account watch's last sample, by the database's clock; absent: nobody has watched the account yet (P26). */
  readonly watch?: WatchHeartbeat;
  /** The economic calendar; absent: none is configured. */
  readonly calendar?: CalendarView;
  /** The database's clock, epoch ms: the one clock that every process shares. */
  readonly databaseTime: number;
}

/** What only the process that trades knows: live prices and the measured clock of the venue. Absent is unknown. */
export interface LiveView {
  /** In the venue's time, in which signals expire. */
  readonly now: number;
  /** `lateMs`: how long before it came it was so, by the venue's own time; absent where that is not told. */
  readonly price?: { readonly price: DecimalText; readonly ageMs: number; readonly lateMs?: number };
  /** Told on; and nothing is entered while it is crossed. */
  readonly book?: TopOfBook & { readonly ageMs: number };
  readonly clockSkewMs?: number;
  /** What the venue has counted against our address; absent is not known. */
  readonly venueWeight?: VenueWeight;
  /** Why nothing is known to have come from the instrument's stream since; absent while it flows. */
  readonly streamGap?: string;
  /** Why this process cannot trust its ledger; absent while it can. */
  readonly ledgerDoubt?: string;
}
