import type { Bar } from '../../core/bars/bar.js';
import type { Mode } from '../../core/control/mode.js';
import type { Failure } from '../../core/errors.js';
import type { LedgerEntry, PositionState } from '../../core/ledger/position.js';
import type { DecimalText } from '../../core/money/index.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import type { OrderChange, StoredOrder } from '../../core/order/stored-order.js';
import type { UnusableState } from '../../core/people/approvals.js';
import type { ProtectionView } from '../../core/protection/plan.js';
import type { PositionKey } from '../../core/protection/position-key.js';
import type { GateVerdict } from '../../core/risk/approved-order.js';
import type { ConfigurationPlan } from '../../core/risk/configured-limits.js';
import type { ConfiguredLimits } from '../../core/risk/limits.js';
import type { RiskView } from '../../core/risk/view.js';
import type { OrderPurpose } from '../../core/order/order-type.js';
import type { Leg, TradeSignal } from '../../core/signal/signal.js';
import type { VenueFill } from './venue.js';

/** Written with the change it tells of, in the same statement (design, 4.6). */
export interface Events {
  readonly audit?: readonly { readonly kind: string; readonly account: string; readonly subject?: string; readonly data: object }[];
  readonly outbox?: readonly { readonly kind: string; readonly data: object }[];
  /** `key` makes the same cause open one incident only. */
  readonly incidents?: readonly { readonly key: string; readonly account: string; readonly kind: string; readonly data: object }[];
  readonly blocks?: readonly { readonly account: string; readonly instrument: string; readonly reason: string }[];
  /**
   * With a denial: strategies that have entered so often in an instrument, and do not any more until a person enables them; but where a person
   * has just done so.
   */
  readonly repeated?: readonly {
    readonly account: string;
    readonly strategy: string;
    readonly instrument: string;
    readonly count: number;
    readonly reason: string;
  }[];
}

/** `conflict`: decided on a version that has passed, so read and decide again. */
export type Written = { readonly kind: 'written' | 'stored'; readonly order: StoredOrder } | { readonly kind: 'conflict' };

/**
 * `notTraded`: the signal is on record as not traded, for these reasons, and so it stays. `denied`: an intent without a
 * signal was refused; it is audited, and no row is kept.
 */
export type Authorised = Written | { readonly kind: 'notTraded' | 'denied'; readonly failures: readonly Failure[] };

/** What somebody wants to do: the gate decides on it, and its id is unique for ever. */
export interface Intent extends PositionKey {
  readonly intentId: string;
  readonly strategyVersion: string;
  readonly leg: Leg;
  readonly purpose: OrderPurpose;
  readonly sequence: number;
}

export interface AuthoriseInput {
  readonly intent: Intent;
  /** The signal that wanted it; null for stops and escapes. */
  readonly signal: TradeSignal | null;
  readonly clientOrderId: string;
  readonly epoch: number;
  /** The version that a denial was decided on, for the record. */
  readonly controlVersion: string;
  readonly verdict: GateVerdict;
  /** How long the order may still begin to be sent, by the database's clock. */
  readonly authorisedForMs: number;
}

/** What a request to the venue will be signed with. */
export interface BeginTerms {
  readonly signedTimestamp: number;
  /** By how much the clock may be off that this is by, ms; absent: nobody has measured. */
  readonly clockErrorMs?: number;
  readonly receiveWindowMs: number;
}

export interface BeginInput extends BeginTerms {
  readonly intentId: string;
  readonly epoch: number;
}

/** `stored`: the order was not there to be begun; it is returned as it stands. */
export interface Begun {
  readonly kind: 'submitting' | 'refused' | 'stored';
  readonly order: StoredOrder;
}

export interface PositionChange extends PositionState {
  readonly strategy: string;
  /** Version that was read; 0 for a position that did not exist. */
  readonly version: number;
}

/**
 * An order with its ages by the database's own clock, in which its times are: no process may compare its clock with them, since
 * one that is some seconds ahead would expire what was authorised a moment ago.
 */
export interface WatchedOrder extends StoredOrder {
  readonly ageMs: number;
  /** Since its row was last written. */
  readonly unchangedMs: number;
  /** Why it may work no more, of an entry that still does. */
  readonly whyWithdrawn: string | null;
}

/** What lasts, as somebody sees it now: people are told when it begins, by an incident, and once when it is over. */
export interface EpisodeSight {
  readonly account: string;
  readonly kind: string;
  /** What lasts, each with what the incident is to tell of it if it has just begun. */
  readonly seen: readonly { readonly subject: string; readonly data: object }[];
  /** All that begins at once is one incident, whose data have it under this name; left out: each is one of its own. */
  readonly listedAs?: string;
  /** What is over. */
  readonly over?: readonly string[];
  /** Also over is every other of its kind but these. */
  readonly allOverBut?: readonly string[];
  /** It is over only when nobody has seen it last for so long. */
  readonly quietMs: number;
}

/**
 * The ledger. Every method is one statement in autocommit, but for one that says so. All throw KeelsonError INFRA_DATABASE when the database does
 * not answer, and RISK_EPOCH when the work was begun before a restore.
 */
export interface OrderStore {
  /** Everything the gate needs about an account, read in one statement. */
  readRisk(key: { account: string; strategy: string; instrument: string }): Promise<RiskView>;
  authorise(input: AuthoriseInput, events: Events): Promise<Authorised>;
  /** Stores a signal that made no order, with its reasons. True when this call stored it. */
  recordUntraded(signal: TradeSignal, failures: readonly Failure[], epoch: number, events: Events): Promise<boolean>;
  beginSubmit(input: BeginInput): Promise<Begun>;
  /**
   * Both of them, sent one behind the other on one connection: the second does not wait until this process has read the answer to the
   * first. Each is decided as if it came alone; `begun` is undefined where the second found no order, or lost against another statement.
   */
  authoriseAndBegin(
    input: AuthoriseInput,
    events: Events,
    begin: BeginTerms,
  ): Promise<{ readonly authorised: Authorised; readonly begun: Begun | undefined }>;
  order(intentId: string): Promise<StoredOrder | undefined>;
  orderByVenueIds(key: {
    readonly account: string;
    readonly instrument: string;
    readonly clientOrderId?: string;
    readonly venueOrderId?: string;
  }): Promise<StoredOrder | undefined>;
  changeOrder(change: OrderChange, epoch: number, events: Events): Promise<Written>;
  /** What entries into the same position have bought that were written after this order; zero where there is no such order. */
  boughtSince(intentId: string): Promise<DecimalText>;
  /** For what changes an order at the venue and nothing here. @throws KeelsonError RISK_EPOCH */
  checkEpoch(epoch: number): Promise<void>;
  position(key: { account: string; strategy: string; instrument: string }): Promise<PositionChange>;
  bookFill(input: {
    readonly fill: VenueFill;
    readonly order: OrderChange;
    readonly position: PositionChange;
    readonly entries: readonly LedgerEntry[];
    readonly epoch: number;
    readonly events: Events;
  }): Promise<{ readonly kind: 'applied' | 'duplicate' | 'conflict' }>;
  isBooked(account: string, fill: VenueFill): Promise<boolean>;
  /** Why an entry may work no more, which still does: nothing of its kind is allowed where it rests. A halt is no such reason, since it cancels itself. */
  whyWithdrawn(intentId: string): Promise<string | undefined>;
  /** Orders of an account that are not final, and those not placed in the last 24 h, which stay on watch (P13). */
  watchedOrders(account: string): Promise<readonly WatchedOrder[]>;
  /** Records something that people must look at, once for each key, and blocks entries of the instrument if asked to. */
  openIncident(events: Events): Promise<void>;
  tellEpisodes(sight: EpisodeSight): Promise<void>;
}

/** What the owners of positions read. Throws as OrderStore does. */
export interface ProtectionStore {
  readProtection(key: PositionKey): Promise<ProtectionView>;
  /** The close of the instrument's newest stored bar at the account's venue. */
  lastMark(key: PositionKey): Promise<DecimalText | undefined>;
  /** Everything that the strategies of an account hold. */
  held(account: string): Promise<readonly PositionKey[]>;
  /** Positions of an account that have not exactly one right stop: their owners are woken (P24). */
  unprotected(account: string): Promise<readonly PositionKey[]>;
  /** Tells people of stops that another hand had taken away again and again where that is over. */
  endTakenStops(account: string): Promise<void>;
}

/** Bars by their open times, from the first to the last. */
export interface BarRange {
  readonly from: number;
  readonly to: number;
}

/** Bars, instruments and what the watch samples. */
export interface MarketStore {
  saveBars(venue: string, bars: readonly Bar[], source: 'stream' | 'rest'): Promise<void>;
  /** The last `count` bars, oldest first. */
  lastBars(venue: string, instrument: string, intervalMs: number, count: number): Promise<readonly Bar[]>;
  /**
   * The newest hole between stored bars from `since` on that begins before `before`, as far as it lies before it, with the further ones that lie
   * within `span` bars with it, the newest first: open times of first and last bars. What the venue does not have is no hole, until it is to be
   * asked for again: after `againMs`, `times` times in all. `isNew`: some of it was not asked for yet.
   */
  newestHoles(of: {
    readonly venue: string;
    readonly instrument: string;
    readonly intervalMs: number;
    readonly since: number;
    readonly before: number;
    readonly span: number;
    readonly againMs: number;
    readonly times: number;
  }): Promise<{ readonly isNew: boolean; readonly holes: readonly BarRange[] } | undefined>;
  /** These bars the venue did not have when it was asked, each range from its first to its last. Audited, all in one. */
  noteAbsent(absent: {
    readonly account: string;
    readonly venue: string;
    readonly instrument: string;
    readonly intervalMs: number;
    readonly ranges: readonly BarRange[];
  }): Promise<void>;
  /**
   * @param unlisted what its venue lists no more: known to trade no more from now on. Of others, which were not asked for, nothing is said.
   * @returns the instruments that were known before and have other rules now.
   */
  saveInstruments(venue: string, rules: readonly InstrumentRules[], unlisted?: readonly string[]): Promise<readonly string[]>;
  saveSnapshot(snapshot: {
    readonly account: string;
    readonly equity: DecimalText;
    readonly quote: string;
    readonly balances: Readonly<Record<string, DecimalText>>;
    readonly marks: Readonly<Record<string, DecimalText>>;
  }): Promise<void>;
}

/** Mode and what configuration says of an account. */
export interface ControlStore {
  epoch(): Promise<{ readonly instanceId: string; readonly epoch: number }>;
  /** `changed`: the database is another than at the last start, and everything was halted for it (P31). */
  checkIdentity(): Promise<'recorded' | 'same' | 'changed'>;
  /**
   * Changes the mode because the row of that command says so; `noCommand` when there is none for this account and kind.
   * What two people have to decide uses up the rows of both in the same statement, or is `notApproved`. `moved`: the command
   * was decided on another version of the control row.
   */
  applyModeCommand(input: {
    readonly account: string;
    readonly commandId: string;
    readonly kind: string;
    /** What the kind means; for kind `mode` the row says it. */
    readonly mode?: Mode;
    /** The caller can ask the venue about the key: where it matters the answer is `askKey`, and the caller comes again. */
    readonly asksKey?: boolean;
    /** What the venue has told: whether the key may withdraw; null: it tells nothing. */
    readonly keyWithdraws?: boolean | null;
  }): Promise<
    | { readonly kind: 'applied'; readonly mode: Mode; readonly subject: string; readonly reason: string; readonly changedTime: number }
    | { readonly kind: 'noCommand' }
    | { readonly kind: 'notApproved'; readonly state: UnusableState }
    | { readonly kind: 'moved'; readonly mode: Mode; readonly version: string }
    /** A reconciliation has paused it, and none has found it clean since. */
    | { readonly kind: 'notReconciled'; readonly found: string }
    /** It has lost more today than it may: until the day is over it only reduces. */
    | { readonly kind: 'lossStands'; readonly found: string }
    | { readonly kind: 'askKey' }
    | { readonly kind: 'keyWithdraws'; readonly venue: string }
  >;
  /**
   * The limits of the file become an account's first rows; later they only ever tighten. A strategy that a required limit is
   * missing for is not made active.
   */
  applyConfiguration(configuration: {
    readonly account: string;
    readonly venue: string;
    readonly limits: ConfiguredLimits;
    readonly strategies: readonly { strategy: string; instrument: string; version: string; modelHash: string }[];
    /**
     * Whether these versions become the active ones, and by which start: the same start does it once (P2). Left out, they
     * become so each time.
     */
    readonly activation?: { readonly start: string | undefined } | 'none';
    readonly subject: string;
  }): Promise<{
    readonly hasChanged: boolean;
    /** Where the file is looser than what holds, which stays. */
    readonly kept: ConfigurationPlan['kept'];
    readonly withoutLimits: readonly { readonly strategy: string; readonly instrument: string }[];
  }>;
  /**
   * Accounts that are not configured any more are under no halt from now on, where nothing is held, open or unexplained; one that
   * is configured again is. @returns those that were retired.
   */
  retireOthers(configured: readonly string[]): Promise<readonly string[]>;
  /** Accounts that were open once, in the order of their names. */
  onboarded(): Promise<readonly string[]>;
  /** What was there before us: written once, at onboarding (protocol, Rows). */
  onboard(account: string, inventory: Readonly<Record<string, DecimalText>>): Promise<boolean>;
}
