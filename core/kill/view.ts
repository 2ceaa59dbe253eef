import { isInScope, type FlattenPolicy, type Latch } from '../control/mode.js';
import type { DecimalText } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import type { StoredOrder } from '../order/stored-order.js';
import type { RiskView } from '../risk/view.js';

/** A latch that stands, with what a kill does under it. */
export interface KillLatch extends Latch {
  readonly latchId: string;
  readonly policy: FlattenPolicy;
  readonly reason: string;
  readonly subject: string;
  /** Epoch ms, database's clock. */
  readonly engagedTime: number;
}

/** What of the ledger a kill decides on, of one moment; read before the venue is (docs/concepts/explored.md). */
export interface KillView {
  /** Of the whole account: what is particular to a strategy or an instrument is not in it. */
  readonly risk: RiskView;
  /** Every standing latch that touches the account, oldest first. */
  readonly latches: readonly KillLatch[];
  /** What was there before us, by asset: never sold (P29). */
  readonly inventory: Readonly<Record<string, DecimalText>>;
  readonly instruments: Readonly<Record<string, InstrumentRules>>;
  /** Orders of the account that are not final, oldest first. */
  readonly working: readonly StoredOrder[];
  /**
   * How many orders the kills of the account have made for a position, how many under these latches did not sell all, and when the newest
   * under these latches was made, by the database's clock; 0: none was.
   */
  readonly sold: readonly {
    readonly strategy: string;
    readonly instrument: string;
    readonly count: number;
    readonly tries: number;
    readonly lastTime: number;
  }[];
  /** When a fill was booked last, by the asset that it is of, by the database's clock; only of the last minutes. */
  readonly lastFills: Readonly<Record<string, number>>;
  /** What was only paid with by fills of ours, be it for a price or a fee. */
  readonly money: readonly string[];
  /** Positions whose row is not what their fills add up to: how much of them is held nobody knows until a person has decided it. */
  readonly contradicted: readonly (Held & { readonly held: DecimalText; readonly filled: DecimalText })[];
}

/** An order that rests at the venue, whosoever it is. */
export interface OpenOrder {
  readonly instrument: string;
  readonly clientOrderId: string;
  readonly venueOrderId: string;
  readonly side?: 'buy' | 'sell';
  /** False for a stop that waits for its price. */
  readonly isTriggered?: boolean;
}

/** What the venue shows, read after the ledger. */
export interface KillSight {
  /** Free and locked together, by asset. */
  readonly balances: Readonly<Record<string, DecimalText>>;
  readonly openOrders: readonly OpenOrder[];
  /** Last prices by instrument, where one is known. */
  readonly prices: Readonly<Record<string, DecimalText>>;
  /** For how long after a fill its balances may still be those of before, ms. */
  readonly shownMs: number;
  /** The venue's clock, read after all of it; where nothing is told of that, absent. */
  readonly venueTime?: number;
}

interface Held {
  readonly strategy: string;
  readonly instrument: string;
}

/** What becomes of a position or an order: the strictest of the latches over it; undefined where none is. */
export function policyOver({ risk, latches }: KillView, { strategy, instrument }: Held): FlattenPolicy | undefined {
  const over = latches.filter((latch) => isInScope(latch, { account: risk.account, venue: risk.venue, strategy, instrument }));
  if (over.length === 0) return undefined;
  return over.some((latch) => latch.policy === 'atOnce') ? 'atOnce' : 'none';
}

/** The policy over all that is in the account, orders of others too; undefined where only parts of it are halted (P29). */
export function policyOfWhole({ latches }: KillView): FlattenPolicy | undefined {
  const wide = latches.filter(({ scope }) => scope === 'account' || scope === 'venue' || scope === 'everything');
  if (wide.length === 0) return undefined;
  return wide.some((latch) => latch.policy === 'atOnce') ? 'atOnce' : 'none';
}
