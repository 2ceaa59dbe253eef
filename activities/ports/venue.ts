import type { VenueWeight, WeightClaim } from '../../core/venue/weight.js';
import type { Bar } from '../../core/bars/bar.js';
import type { TopOfBook } from '../../core/ledger/mid.js';
import type { DecimalText } from '../../core/money/index.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import type { Failure } from '../../core/errors.js';
import type { PolledVenue } from '../../core/venue/poll-plan.js';
import type { OrderType, TimeInForce } from '../../core/order/order-type.js';

/** An order as it leaves: everything that the venue is told, fixed before the send (protocol P5, P6). */
export interface OrderRequest {
  readonly clientOrderId: string;
  readonly instrument: string;
  readonly side: 'buy' | 'sell';
  readonly type: OrderType;
  /** Refused by the venue rather than taking liquidity; only with `limit` and GTC. */
  readonly postOnly: boolean;
  readonly timeInForce: TimeInForce;
  readonly quantity: DecimalText;
  /** The limit; for `stopMarket`, which carries none to the venue, the worst price that was reckoned with. */
  readonly price: DecimalText;
  /** The last price at or beyond which a stop wakes; only with the stop types. */
  readonly stopPrice?: DecimalText;
  /** Epoch ms in the venue's time. The request carries this, never the moment of sending. */
  readonly signedTimestamp: number;
  /** The venue admits the order until signedTimestamp + receiveWindowMs on its own clock. */
  readonly receiveWindowMs: number;
}

/** A fill as the venue tells it; times are the venue's. */
export interface VenueFill {
  readonly venueTradeId: string;
  readonly venueOrderId: string;
  /** Absent where the venue does not repeat it in its list of trades. */
  readonly clientOrderId?: string;
  readonly instrument: string;
  readonly side: 'buy' | 'sell';
  readonly price: DecimalText;
  readonly quantity: DecimalText;
  /** What was paid or received in the quote asset, as the venue says it; absent where it does not: price times quantity. */
  readonly amount?: DecimalText;
  readonly fee: DecimalText;
  readonly feeAsset: string;
  /** The venue's list does not say in what the fee was taken: of an order of ours it is what that asked for, of others an assumption. */
  readonly isFeeAssumed?: true;
  readonly liquiditySide: 'maker' | 'taker' | 'unknown';
  readonly eventTime: number;
}

/** An order as the venue knows it. */
export interface VenueOrder {
  readonly venueOrderId: string;
  readonly clientOrderId: string;
  readonly instrument: string;
  readonly side: 'buy' | 'sell';
  readonly status: 'accepted' | 'partiallyFilled' | 'filled' | 'canceled' | 'expired' | 'rejected';
  readonly quantity: DecimalText;
  readonly executedQuantity: DecimalText;
  readonly price: DecimalText;
  /** False for a stop that waits for its price; where the venue does not tell, a stop counts as waiting. */
  readonly isTriggered: boolean;
  /** At which a sale wakes when the price has fallen so far; absent for what has none, and where the venue does not tell it. */
  readonly stopPrice?: DecimalText;
  /** When the venue created it, epoch ms on the venue's clock. */
  readonly createdTime: number;
}

/**
 * A proven refusal that its caller can answer: a post-only order that would have traded, a stop whose price was reached already. `tooLate`: for
 * the time or the nonce of the request alone, before the order was looked at.
 */
export type RejectionReason = 'postOnlyWouldTake' | 'stopWouldTrigger' | 'tooLate';

/**
 * What is known after one send (protocol P10). `unknown` is everything that is not proven: it is never sent again.
 * `accepted` always has a non-empty venue order id.
 */
export type SubmitVerdict =
  | { readonly kind: 'accepted'; readonly order: VenueOrder; readonly fills: readonly VenueFill[] }
  | { readonly kind: 'rejected'; readonly failure: Failure; readonly reason?: RejectionReason }
  | { readonly kind: 'alreadyExists'; readonly failure: Failure }
  | { readonly kind: 'unknown'; readonly failure: Failure };

/** Sends orders, once each, with no wait between the call and the socket but signing (protocol P7, P8). */
export interface OrderSender {
  /** Never throws for what the network or the venue does; the deadline aborts the socket. */
  submit(request: OrderRequest, deadlineMs: number): Promise<SubmitVerdict>;
}

/** The answer to a look-up, with the venue's clock read in the same breath (protocol P11). */
export type LookUp =
  | { readonly kind: 'found'; readonly order: VenueOrder; readonly venueTime: number }
  | { readonly kind: 'absent'; readonly venueTime: number };

export interface Balance {
  readonly asset: string;
  readonly free: DecimalText;
  readonly locked: DecimalText;
}

/** What the key in use may do, as the venue tells it; undefined: it does not tell. */
export interface KeyPermissions {
  readonly canTrade: boolean | undefined;
  readonly canWithdraw: boolean | undefined;
}

/** One reading of the venue's clock. */
export interface ClockReading {
  /** The venue's clock as its answer says: never later than the venue's clock when the answer is here. */
  readonly venueTime: number;
  /** Theirs minus ours: add it to our clock to have the venue's time. */
  readonly skewMs: number;
  /** Theirs minus the monotonic clock of this process, which nobody sets: added to that one, the venue's time however ours was set since. */
  readonly aheadOfMonotonicMs: number;
  readonly roundTripMs: number;
}

/** Reads of the venue and cancels. Every call throws KeelsonError VENUE_UNAVAILABLE, VENUE_RATE_LIMITED or VENUE_AUTH when it fails. */
export interface VenueReader {
  /** Of the instruments that are traded, and of `also`: those that are listed. */
  instruments(also?: readonly string[]): Promise<readonly InstrumentRules[]>;
  /**
   * Closed bars only, oldest first, from `fromTime` (open time, epoch ms) on.
   * @throws KeelsonError RISK_INSTRUMENT_UNKNOWN where the venue does not list the instrument (any more).
   */
  bars(instrument: string, intervalMs: number, fromTime: number, limit: number): Promise<readonly Bar[]>;
  clock(): Promise<ClockReading>;
  /** The last traded price: what an exit refers to where no stream is at hand. */
  lastPrice(instrument: string): Promise<DecimalText>;
  /** The same of several, by one request; what the venue does not list, or tells no price of, is left out. */
  lastPrices(instruments: readonly string[]): Promise<Readonly<Record<string, DecimalText>>>;
  /** Best bid and ask; undefined where one side of the book is empty. */
  book(instrument: string): Promise<TopOfBook | undefined>;
  balances(): Promise<readonly Balance[]>;
  keyPermissions(): Promise<KeyPermissions>;
  lookUp(instrument: string, clientOrderId: string): Promise<LookUp>;
  /** By the venue's own number; undefined where the venue does not have it (any more). */
  lookUpByNumber(instrument: string, venueOrderId: string): Promise<VenueOrder | undefined>;
  openOrders(instrument?: string): Promise<readonly VenueOrder[]>;
  /**
   * Fills of the account in `instrument` since `fromTime` (venue's clock), oldest first, all pages; undefined is every instrument,
   * only where the profile's `fillLists` says that the venue lists them so.
   * @throws KeelsonError RISK_INSTRUMENT_UNKNOWN where the venue does not list the instrument (any more).
   */
  fills(instrument: string | undefined, fromTime: number): Promise<readonly VenueFill[]>;
  fillsOfOrder(instrument: string, venueOrderId: string): Promise<readonly VenueFill[]>;
  /** What the fee of a fill was taken in, where the lists of fills only assume it; undefined where the venue does not say so (yet). */
  paidFee(fill: VenueFill): Promise<Pick<VenueFill, 'fee' | 'feeAsset'> | undefined>;
  cancel(instrument: string, clientOrderId: string): Promise<'canceled' | 'unknownOrder'>;
}

/** When what a stream tells was so. */
export interface SeenAt {
  /** By our clock, epoch ms: the venue's own time of the frame less what its clock is ahead; of a bar that was asked for, when it closed. */
  readonly seenTime: number;
  /** How much later it came, in ms; absent for what was asked for. */
  readonly lateMs?: number;
}

/** A closed bar as it came from the stream. */
export interface BarEvent extends SeenAt {
  readonly bar: Bar;
}

export type StreamEvent =
  | { readonly kind: 'order'; readonly order: VenueOrder }
  /** `orderCreatedTime`: by the venue's clock, where it says that with the fill. */
  | { readonly kind: 'fill'; readonly fill: VenueFill; readonly orderCreatedTime?: number }
  | { readonly kind: 'gap'; readonly reason: string };

/** Streams: each call runs until `signal` aborts and reconnects by itself, telling every gap. */
export interface VenueStreams {
  /**
   * `onBar` is called in the same turn of the event loop as the frame that closes the bar (the raw closing flag, not the next
   * bar's first frame); `onPrice` for every frame with the last price. What the venue does not list (any more) is left out until the
   * reader's `instruments` finds it listed again.
   */
  watchBars(
    options: { readonly instruments: readonly string[]; readonly intervalMs: number },
    handlers: {
      onBar(event: BarEvent): void;
      onPrice(instrument: string, price: DecimalText, seen: SeenAt): void;
      /** @param instrument whose bars alone are concerned; left out: those of all. */
      onGap(reason: string, instrument?: string): void;
    },
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Orders and fills of the account. A `gap` event asks the reader to catch up by REST.
   */
  watchAccount(onEvent: (event: StreamEvent) => void, signal: AbortSignal, watch?: Watch): Promise<void>;
}

/** What a watch over an account knows that its venue's adapter does not, where it polls. */
export interface Watch {
  /** How many watches of the size that this one may have share what the venue allows: each polls. */
  readonly watchers: () => number;
  /** What rests at the venue as far as the ledger knows: one of them that is listed no more has ended, though it was never seen in a list. */
  readonly resting: () => readonly RestingOrder[];
}

export interface RestingOrder {
  readonly instrument: string;
  readonly clientOrderId: string;
  readonly venueOrderId: string;
}

/** What differs between venues, as data. */
export interface VenueProfile extends PolledVenue {
  readonly id: string;
  /** What may be sent; another order is refused before it is. */
  readonly orderTypes: readonly OrderType[];
  /** Whether an order may be sent that only rests (`postOnly`). */
  readonly postOnly: boolean;
  /** Whose requests the venue counts together: of all that come from an address, or of an account's key. */
  readonly countedBy: 'address' | 'account';
  /** Which streams the venue has; without one its data are polled. */
  readonly streams: { readonly bars: boolean; readonly account: boolean };
  /** How many fills one answer of their list has at most: each page costs like a call. */
  readonly fillsPage: number;
  readonly admission: 'enforced' | 'unbounded';
  /** After this many ms past the admission window an order that exists is visible to a look-up. */
  readonly visibilityBoundMs: number;
  /** The smallest step of the venue's clock, ms. */
  readonly clockStepMs: number;
  readonly receiveWindowMs: number;
  readonly submitDeadlineMs: number;
  readonly clientOrderIdPattern: RegExp;
  readonly proven: boolean;
}

export interface Venue {
  readonly profile: VenueProfile;
  /** Its host: what it counts against us it counts for all that is sent there. */
  readonly address: string;
  readonly sender: OrderSender;
  readonly reader: VenueReader;
  /** The same reads for a halt: they do not queue behind the others, where the venue allows so many. Prices never do. */
  readonly haltReader: VenueReader;
  readonly streams: VenueStreams;
  /** The last reading of the venue's clock, over the connections of orders: there is one before the venue is open. */
  lastClock(): ClockReading;
  /** What the venue has counted against our address, as far as it tells. */
  weight(): VenueWeight;
  /** What an entry that is sent now takes of trading's share, for all accounts of this process. Always taken where the venue tells nothing. */
  claimWeight(): WeightClaim;
  close(): Promise<void>;
}
