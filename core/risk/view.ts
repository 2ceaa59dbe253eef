import type { Latch, Mode } from '../control/mode.js';
import type { DecimalText } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import type { OrderPurpose } from '../order/order-type.js';
import type { Leg } from '../signal/signal.js';
import type { Limits } from './limits.js';

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
}

export interface PositionView {
  readonly strategy: string;
  readonly instrument: string;
  readonly quantity: DecimalText;
  readonly cost: DecimalText;
}

export interface WatchHeartbeat {
  /** When the account was sampled last, epoch ms. */
  readonly sampledTime: number;
  /** When a sample last knew the equity; absent: none did. */
  readonly equityTime?: number;
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
  readonly limits: Limits;
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
  /** The database's clock, epoch ms: the one clock that every process shares. */
  readonly databaseTime: number;
}

/** What only the process that trades knows: live prices and the measured clock of the venue. Absent is unknown. */
export interface LiveView {
  /** In the venue's time, in which signals expire. */
  readonly now: number;
  readonly price?: { readonly price: DecimalText; readonly ageMs: number };
  readonly clockSkewMs?: number;
}
