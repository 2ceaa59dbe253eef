import type { IncomingHttpHeaders } from 'node:http';
import type { Bar } from '../../../core/bars/bar.js';
import type { TopOfBook } from '../../../core/ledger/mid.js';
import type { DecimalText } from '../../../core/money/index.js';
import type { InstrumentRules } from '../../../core/order/instrument.js';
import type { Balance, KeyPermissions, OrderRequest, VenueFill, VenueOrder, VenueProfile } from '../../../activities/ports/venue.js';
import type { CcxtId, CcxtRest, CcxtStreams } from '../ccxt-classes.js';
import type { VerdictRow } from '../verdict.js';
import type { Row } from '../wire-row.js';

/** Where the venue is reached. `stream` and `wsApi` are WebSocket addresses with their path, `rest` has none. */
export interface VenueAddresses {
  readonly rest: string;
  readonly stream: string;
  readonly wsApi: string;
}

/** Names an instrument by the venue's own symbol; what is not listed keeps the venue's symbol. */
export type InstrumentOf = (symbolId: string) => string;

/** The venue's words for instruments and assets, and ours. What is not listed keeps the venue's word. */
export interface Names {
  readonly instrumentOf: InstrumentOf;
  assetOf(id: string): string;
  /** @throws KeelsonError RISK_INSTRUMENT_UNKNOWN */
  symbolId(instrument: string): string;
}

/** What one frame of a stream says to us; `undefined` leaves the frame to the library. */
export type Frame =
  /** `eventTime`: when it was so, by the venue's clock. */
  | { readonly kind: 'bar'; readonly bar: Bar; readonly closed: boolean; readonly price: DecimalText; readonly eventTime: number }
  | { readonly kind: 'order'; readonly order: VenueOrder; readonly fill?: VenueFill }
  | { readonly kind: 'subscribed' }
  | { readonly kind: 'terminated'; readonly reason: string }
  | undefined;

export interface VenueError {
  readonly code: string;
  readonly text: string;
}

/** For how long a venue wants not to be asked, ms: from this address, or by this account, however many others come from there. */
export interface SentAway {
  readonly countedBy: 'address' | 'account';
  readonly forMs: number;
}

/** Runs one request of the library, which carries at most one POST. Fails as the reads of the port do. */
export type Ask = <T>(call: string, work: (client: CcxtRest) => Promise<T>) => Promise<T>;

/** Calls of one venue, made of its own rows. They throw WireError for what the venue's documentation does not say. */
export interface WireCalls {
  /** The venue's clock, epoch ms. */
  serverTime(client: CcxtRest): Promise<number>;
  /**
   * Sends the order and gives the venue's reply as it came: exactly the time stamp, the window, the id and the text of
   * the numbers of `request` leave (protocol P6), and nothing that was not asked for.
   */
  send(client: CcxtRest, request: OrderRequest, symbolId: string): Promise<unknown>;
  /** What a reply to `send` says. */
  placed(reply: unknown, request: OrderRequest, names: Names): { readonly order: VenueOrder; readonly fills: readonly VenueFill[] };
  /** Undefined only where the venue said that it does not have the order, or every list that could hold it was read to its end. */
  find(ask: Ask, names: Names, instrument: string, clientOrderId: string): Promise<VenueOrder | undefined>;
  findByNumber(ask: Ask, names: Names, instrument: string, venueOrderId: string): Promise<VenueOrder | undefined>;
  cancel(ask: Ask, names: Names, instrument: string, clientOrderId: string): Promise<'canceled' | 'unknownOrder'>;
  openOrders(ask: Ask, names: Names, instrument?: string): Promise<readonly VenueOrder[]>;
  /** All pages, in any order. Without an instrument all of the account's, where `fillLists` says so. */
  fills(ask: Ask, names: Names, instrument: string | undefined, fromTime: number): Promise<readonly VenueFill[]>;
  fillsOfOrder(ask: Ask, names: Names, instrument: string, venueOrderId: string): Promise<readonly VenueFill[]>;
  /** Only where lists of fills do not say in what a fee was taken. */
  paidFee?(ask: Ask, names: Names, fill: VenueFill): Promise<Pick<VenueFill, 'fee' | 'feeAsset'> | undefined>;
  balances(ask: Ask, names: Names): Promise<readonly Balance[]>;
  /** Of the key that asks; what the venue does not tell is undefined, and not guessed. */
  keyPermissions(ask: Ask): Promise<KeyPermissions>;
  lastPrice(ask: Ask, symbolId: string): Promise<DecimalText>;
  /** Of two and more, by the venue's words for them, in one request. */
  lastPrices(ask: Ask, symbolIds: readonly string[]): Promise<ReadonlyMap<string, DecimalText>>;
  /** Undefined where one side of the book is empty. */
  book(ask: Ask, symbolId: string): Promise<TopOfBook | undefined>;
  /** The units in which the venue keeps assets, by its words for them, where the list of instruments does not say. */
  assetUnits?(client: CcxtRest): Promise<ReadonlyMap<string, DecimalText>>;
  /** One page from `fromTime` on, oldest first, at most `limit`. */
  bars(ask: Ask, query: BarQuery): Promise<readonly Bar[]>;
}

/** Streams of one venue: the library connects and subscribes, the frames are read before it sees them. */
export interface WireFrames {
  frame(message: unknown, instrumentOf: InstrumentOf): Frame;
  subscribeBars(client: CcxtStreams, instruments: readonly string[], timeframe: string): Promise<unknown>;
  subscribeAccount(client: CcxtStreams): Promise<unknown>;
}

/** One venue as the adapter needs it: the port's profile, what the library has to be told, and the venue's calls. */
export interface WireProfile extends VenueProfile {
  readonly ccxtId: CcxtId;
  readonly options: Readonly<Record<string, unknown>>;
  /** What the library need not ask for when it loads the instruments. */
  readonly unasked: readonly string[];
  /** The library's limiter of reads, where its own settings are not what the venue allows. */
  readonly limiter?: Readonly<Record<string, unknown>>;
  /** What a request is numbered with: the venue's time, or a number that grows with every request of a key. */
  readonly nonce: 'time' | 'growing';
  /** How often each connection for orders is used when there is nothing to send, ms. */
  readonly keepWarmMs: number;
  readonly verdictRows: readonly VerdictRow[];
  /** Codes that mean that an instrument that was asked for is not listed (any more). */
  readonly unlistedCodes: readonly string[];
  /** Codes that mean that key, signature or permission are refused, whatever class the library gives them. */
  readonly authCodes: readonly string[];
  /** Codes of a refusal for too many requests or orders. */
  readonly rateCodes: readonly string[];
  /** Where they refuse one call and send nobody away, since what they count is given back bit by bit: when a read may be tried again, ms. */
  readonly refusedAgainMs?: number;
  /** Those of them that count an account's orders: they send nobody away. */
  readonly orderRateCodes: readonly string[];
  /** Whether an error in the venue's own form sends us away, as others send an address away by a status; undefined: it does not. */
  lockedOut?(said: VenueError, now: number): SentAway | undefined;
  /** How the venue tells what our address has used of its weight; absent where it tells nothing. */
  readonly usage?: {
    used(headers: IncomingHttpHeaders): number | undefined;
    /** What it allows in a window, as its list of instruments says. */
    limit(listing: unknown): number | undefined;
  };
  /** How many bars the venue gives in one page. */
  readonly pageSize: number;
  /** The address that replaces `original` at `path` below `urls.api`. */
  address(path: readonly string[], original: string, given: VenueAddresses): string;
  /** Undefined where the body is not the venue's form of an error. */
  error(body: unknown): VenueError | undefined;
  /** The library's name of a bar's interval, undefined where the venue has none of that length. */
  timeframe(intervalMs: number): string | undefined;
  rules(instrument: string, info: Row): InstrumentRules;
  /** Every word by which the venue names an instrument, and its words for the two assets. */
  words(info: Row): { readonly symbols: readonly string[]; readonly base: string; readonly quote: string };
  readonly calls: WireCalls;
  /** Only where `streams` says that something is streamed. */
  readonly frames?: WireFrames;
}

export interface BarQuery {
  readonly instrument: string;
  readonly symbolId: string;
  readonly intervalMs: number;
  readonly timeframe: string;
  readonly fromTime: number;
  readonly limit: number;
}
