import fc from 'fast-check';
import { applyFill, entriesOf, type LedgerEntry, type LedgerFill, type PositionState } from '../../core/ledger/position.js';
import { Decimal, ZERO, text } from '../../core/money/index.js';
import { transition, type OrderEvent, type Surprise, type VenueEnd } from '../../core/order/lifecycle.js';
import { changeOf, stateOf, type StoredOrder } from '../../core/order/stored-order.js';

/** What reaches us of an order. A fill has the venue's trade id, by which the books know it again. */
export type Message = { readonly event: OrderEvent; readonly fill?: LedgerFill & { readonly venueTradeId: string } };

/** What the venue did with one order, whatever of it reached us and when. */
export interface VenueTruth {
  readonly order: StoredOrder;
  readonly before: PositionState;
  readonly fills: readonly Required<Message>[];
  /** Absent while the order still works. */
  readonly end?: VenueEnd;
}

const VENUE_ORDER_ID = 'v1';
export const ACCEPT: Message = { event: { kind: 'accept', venueOrderId: VENUE_ORDER_ID } };
export const LOSE_REPLY: Message = { event: { kind: 'loseReply' } };
export const REQUEST_CANCEL: Message = { event: { kind: 'requestCancel' } };
export const PROVE_ABSENT: Message = { event: { kind: 'proveAbsent' } };

export const executedOf = ({ fills }: VenueTruth): Decimal => fills.reduce((sum, { fill }) => sum.plus(fill.quantity), ZERO);

export const endOf = (truth: VenueTruth): readonly Message[] =>
  truth.end === undefined
    ? []
    : [{ event: { kind: 'end', status: truth.end, executedQuantity: executedOf(truth), venueOrderId: VENUE_ORDER_ID } }];

/** One order's rows as the ledger keeps them: a message is decided by the lifecycle, a fill is booked once. */
export class OrderBooks {
  order: StoredOrder;
  position: PositionState;
  readonly entries: LedgerEntry[] = [];
  readonly surprises: Surprise[] = [];
  private readonly booked = new Set<string>();

  constructor({ order, before }: VenueTruth) {
    this.order = order;
    this.position = before;
  }

  receive(messages: readonly Message[]): this {
    for (const message of messages) this.take(message);
    return this;
  }

  private take({ event, fill }: Message): void {
    if (fill !== undefined && this.booked.has(fill.venueTradeId)) return;
    const moved = transition(stateOf(this.order), event);
    if (moved.kind === 'illegal') return;
    this.surprises.push(...moved.surprises);
    this.order = { ...this.order, ...changeOf(this.order, moved.state), version: this.order.version + 1 };
    if (fill === undefined) return;
    this.booked.add(fill.venueTradeId);
    this.position = applyFill(this.position, fill);
    this.entries.push(...entriesOf(fill));
  }
}

/** Multiples of 0.0001 up to 1,000. */
const quantities = fc.integer({ min: 1, max: 10_000_000 }).map((units) => new Decimal(units).div(10_000));
const prices = fc.integer({ min: 1, max: 10_000_000 }).map((cents) => new Decimal(cents).div(100));

/** Any order, with any fills up to its quantity, that has ended or still works. */
export const venueTruths: fc.Arbitrary<VenueTruth> = fc
  .record({
    side: fc.constantFrom('buy' as const, 'sell' as const),
    price: prices,
    parts: fc.array(fc.record({ quantity: quantities, price: prices, fee: prices, feeAsset: fc.constantFrom('BTC', 'USDT', 'BNB') }), {
      maxLength: 6,
    }),
    unfilled: fc.oneof(fc.constant(ZERO), quantities),
    end: fc.constantFrom(undefined, 'canceled' as const, 'expired' as const),
    /** A cancel may cross the last fill: the venue then calls a whole execution what it likes. */
    callsItFilled: fc.boolean(),
    paid: prices,
    reserved: prices,
  })
  .map(({ side, price, parts, unfilled, end, callsItFilled, paid, reserved }) => {
    const quantity = Decimal.max(
      '0.0001',
      parts.reduce((sum, part) => sum.plus(part.quantity), unfilled),
    );
    const fills = parts.map((part, index) => {
      // A fee in the base asset is taken from what was traded, and is a small part of it.
      const fee = part.feeAsset === 'BTC' ? part.quantity.div(1_000) : part.fee.div(100);
      const fill = { side, price: part.price, quantity: part.quantity, fee, feeAsset: part.feeAsset, base: 'BTC', quote: 'USDT' };
      const event: OrderEvent = { kind: 'fill', quantity: part.quantity, price: part.price, venueOrderId: VENUE_ORDER_ID };
      return { event, fill: { ...fill, venueTradeId: `t${index}` } };
    });
    const isWhole = parts.length > 0 && unfilled.isZero();
    return {
      order: submitting(side, quantity, price, side === 'buy' ? quantity.mul(price).plus(reserved) : ZERO),
      // A sale sells of what is held, and leaves some of it for its fees.
      before:
        side === 'buy' ? { quantity: ZERO, cost: ZERO, realizedPnl: ZERO } : { quantity: quantity.mul(2), cost: paid, realizedPnl: ZERO },
      fills,
      ...(end === undefined ? {} : { end: isWhole && callsItFilled ? 'filled' : end }),
    };
  });

/** The messages in any order, each once at least and up to three times. */
export function delivered(messages: readonly Message[]): fc.Arbitrary<readonly Message[]> {
  return fc
    .array(fc.integer({ min: 1, max: 3 }), { minLength: messages.length, maxLength: messages.length })
    .chain((times) => shuffled(messages.flatMap((message, index) => Array<Message>(times[index] ?? 1).fill(message))));
}

export const shuffled = <T>(items: readonly T[]): fc.Arbitrary<readonly T[]> =>
  fc.shuffledSubarray([...items], { minLength: items.length });

/** An order that may have left: its row after P5. */
function submitting(side: 'buy' | 'sell', quantity: Decimal, price: Decimal, reservedNotional: Decimal): StoredOrder {
  return {
    intentId: 'i1',
    clientOrderId: 'c1',
    signalId: 's1',
    account: 'main',
    strategy: 'momentum',
    strategyVersion: '1',
    instrument: 'BTC/USDT',
    base: 'BTC',
    quote: 'USDT',
    leg: side === 'buy' ? 'open' : 'close',
    side,
    purpose: side === 'buy' ? 'entry' : 'exit',
    sequence: 1,
    status: 'submitting',
    type: 'limit',
    postOnly: false,
    timeInForce: 'GTC',
    quantity: text(quantity),
    price: text(price),
    stopPrice: null,
    reservedQuantity: text(quantity),
    reservedNotional: text(reservedNotional),
    executedQuantity: text(ZERO),
    executedNotional: text(ZERO),
    venueOrderId: null,
    venueStatus: null,
    venueExecutedQuantity: null,
    signedTimestamp: 1_700_000_000_000,
    receiveWindowMs: 2_000,
    workingUntil: null,
    triggeredTime: null,
    missingTime: null,
    failures: [],
    version: 1,
    createdTime: 1_700_000_000_000,
    updatedTime: 1_700_000_000_000,
    isFinal: false,
  };
}
