import type { Bar } from '../../../core/bars/bar.js';
import type { DecimalText } from '../../../core/money/index.js';
import type { InstrumentRules } from '../../../core/order/instrument.js';
import type { Balance, OrderRequest, VenueFill, VenueOrder, VenueProfile } from '../../../activities/ports/venue.js';
import type { CcxtRest, CcxtStreams } from '../ccxt-client.js';
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

/** What one frame of a stream says to us; `undefined` leaves the frame to the library. */
export type Frame =
  | { readonly kind: 'bar'; readonly bar: Bar; readonly closed: boolean; readonly price: DecimalText }
  | { readonly kind: 'order'; readonly order: VenueOrder; readonly fill?: VenueFill }
  | { readonly kind: 'subscribed' }
  | { readonly kind: 'terminated'; readonly reason: string }
  | undefined;

export interface VenueError {
  readonly code: string;
  readonly text: string;
}

/**
 * One venue as the adapter needs it: the port's profile, the library's options, and readers of the venue's own rows.
 * The readers are pure and throw WireError for what the venue's documentation does not say.
 */
export interface WireProfile extends VenueProfile {
  readonly ccxtId: 'binance';
  readonly options: Readonly<Record<string, unknown>>;
  readonly verdictRows: readonly VerdictRow[];
  /** Codes that mean that key, signature or permission are refused, whatever class the library gives them. */
  readonly authCodes: readonly string[];
  readonly rateCodes: readonly string[];
  /** How many rows the venue gives in one page of fills or bars. */
  readonly pageSize: number;
  /** The address that replaces `original` at `path` below `urls.api`. */
  address(path: readonly string[], original: string, given: VenueAddresses): string;
  /** Undefined where the body is not the venue's form of an error. */
  error(body: unknown): VenueError | undefined;
  /** True where the venue says that it does not know the order: the only proof of absence that is taken. */
  absent(call: 'order' | 'cancel', said: VenueError): boolean;
  /** The library's name of a bar's interval, undefined where the venue has none of that length. */
  timeframe(intervalMs: number): string | undefined;
  serverTime(client: CcxtRest): Promise<number>;
  rules(instrument: string, info: Row): InstrumentRules;
  bars(client: CcxtRest, query: BarQuery): Promise<readonly Bar[]>;
  lastPrice(client: CcxtRest, symbolId: string): Promise<DecimalText>;
  balances(info: unknown): readonly Balance[];
  order(row: Row, instrumentOf: InstrumentOf): VenueOrder;
  /** How a new order is written: the library's type and parameters, which win over what it computes itself (protocol P6). */
  create(request: OrderRequest): { readonly type: string; readonly params: Readonly<Record<string, string | number | boolean>> };
  /** Fills that came with the answer to a new order. */
  fillsOfReply(row: Row, instrumentOf: InstrumentOf): readonly VenueFill[];
  fill(row: Row, instrumentOf: InstrumentOf): VenueFill;
  /** Parameters that continue a list of fills after `last`. */
  nextFills(last: VenueFill): Readonly<Record<string, string>>;
  frame(message: unknown, instrumentOf: InstrumentOf): Frame;
  subscribeBars(client: CcxtStreams, instruments: readonly string[], timeframe: string): Promise<unknown>;
  subscribeAccount(client: CcxtStreams): Promise<unknown>;
}

export interface BarQuery {
  readonly instrument: string;
  readonly symbolId: string;
  readonly intervalMs: number;
  readonly timeframe: string;
  readonly fromTime: number;
  readonly limit: number;
}
