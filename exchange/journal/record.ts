/**
 * The journal is a text file with one JSON object a line. A line is one transaction: it happened as a whole or not at all.
 * Amounts are plain decimals in strings, times epoch ms of the venue's clock.
 */
export interface JournalLine {
  /** 1, 2, 3 … without gaps. */
  readonly seq: number;
  readonly time: number;
  readonly events: readonly JournalEvent[];
}

export type JournalEvent =
  | SessionEvent
  | AccountEvent
  | RequestEvent
  | OrderEvent
  | FillEvent
  | OrderListEvent
  | BalanceEvent
  | SentEvent
  | FaultEvent
  | ActionEvent;

/** The venue has started: what it plays, and since when. */
export interface SessionEvent {
  readonly type: 'session';
  readonly intervalMs: number;
  readonly seed: number;
  /** Open time of bar 0 and a digest of what is played, by symbol. */
  readonly tapes: Readonly<Record<string, { readonly anchorTime: number; readonly digest: string }>>;
}

export interface AccountEvent {
  readonly type: 'account';
  readonly name: string;
  readonly key: string;
  readonly secret: string;
  readonly permissions: readonly string[];
  readonly feeAsset: string;
}

/** A signed call that changes orders, as it was answered: `code` is 0 when it was accepted. */
export interface RequestEvent {
  readonly type: 'request';
  readonly call: string;
  readonly account: string;
  readonly symbol: string;
  readonly clientOrderId: string;
  /** The client's own time stamp and window. */
  readonly timestamp: number;
  readonly recvWindow: number;
  readonly code: number;
  readonly message: string;
}

export interface JournalOrder {
  readonly orderId: number;
  readonly account: string;
  readonly symbol: string;
  readonly clientOrderId: string;
  readonly side: string;
  readonly orderType: string;
  readonly timeInForce: string;
  readonly price: string;
  readonly stopPrice: string;
  readonly quantity: string;
  readonly quoteQuantity: string;
  readonly executed: string;
  readonly executedQuote: string;
  readonly status: string;
  readonly time: number;
  readonly updateTime: number;
  readonly workingTime: number;
  readonly locked: string;
  readonly ahead: string;
  readonly orderListId: number;
}

/** A step other than a trade; the order as it is after it. */
export interface OrderEvent {
  readonly type: 'order';
  readonly execution: string;
  readonly order: JournalOrder;
}

/** A trade's side that belongs to an account, and the order's figures after it. */
export interface FillEvent {
  readonly type: 'fill';
  readonly tradeId: number;
  readonly orderId: number;
  readonly account: string;
  readonly symbol: string;
  readonly clientOrderId: string;
  readonly side: string;
  readonly price: string;
  readonly quantity: string;
  readonly quote: string;
  readonly commission: string;
  readonly commissionAsset: string;
  readonly maker: boolean;
  readonly executed: string;
  readonly executedQuote: string;
  readonly status: string;
  readonly locked: string;
}

/** Two orders have become one list; it stands before their own events. */
export interface OrderListEvent {
  readonly type: 'orderList';
  readonly orderListId: number;
  readonly account: string;
  readonly symbol: string;
  readonly listClientOrderId: string;
  /** The conditional leg, then the limit leg. */
  readonly orderIds: readonly [number, number];
}

/** What a balance is after the transaction. `$market` is the market maker, `$fees` has the commissions. */
export interface BalanceEvent {
  readonly type: 'balance';
  readonly account: string;
  readonly asset: string;
  readonly free: string;
  readonly locked: string;
}

/**
 * The user-data events of this transaction go out to those who read the account's streams: an execution report for each
 * step of its orders, and its balances. How a fault changes that is told by fault events of later lines.
 */
export interface SentEvent {
  readonly type: 'sent';
  readonly account: string;
  readonly readers: number;
  readonly executionReports: number;
}

/** A fault was applied to a call or a stream. */
export interface FaultEvent {
  readonly type: 'fault';
  readonly rule: number;
  readonly fault: string;
  readonly target: string;
}

/** Something was done by hand on the admin port. */
export interface ActionEvent {
  readonly type: 'action';
  readonly action: string;
  readonly details: Readonly<Record<string, unknown>>;
}
