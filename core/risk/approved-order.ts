import type { Failure } from '../errors.js';
import { ZERO, text, type DecimalText } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import type { OrderPurpose, OrderType, TimeInForce } from '../order/order-type.js';
import type { Leg } from '../signal/signal.js';
import type { SizingBasis } from '../sizing/sizing.js';
import { withFee, type OrderDraft } from './draft.js';
import type { RiskView } from './view.js';

/** Of types alone, nothing of it is there at run time: what has a private member is neither written down nor copied. */
declare class PassedTheGate {
  private readonly isApproved: true;
}

/**
 * An order that has passed the gate. Only the gate makes one, so an unapproved order cannot be authorised, nor a changed copy of
 * an approved one: neither has the private member.
 */
export interface ApprovedOrder extends PassedTheGate {
  readonly intentId: string;
  readonly sequence: number;
  readonly instrument: string;
  readonly base: string;
  readonly quote: string;
  readonly leg: Leg;
  readonly purpose: OrderPurpose;
  readonly side: 'buy' | 'sell';
  readonly type: OrderType;
  readonly postOnly: boolean;
  readonly timeInForce: TimeInForce;
  readonly quantity: DecimalText;
  readonly price: DecimalText;
  readonly stopPrice: DecimalText | null;
  /** Until when it may rest, epoch ms in the venue's time. */
  readonly workingUntil: number | null;
  readonly reservedQuantity: DecimalText;
  readonly reservedNotional: DecimalText;
  /** What made an entry as large as it is; null for what has the size of what is held. */
  readonly sizing: SizingBasis | null;
  readonly controlVersion: string;
  readonly riskVersion: string;
  /** Overrides without which the gate would have denied it. */
  readonly overrides: readonly string[];
  /** By the database's clock, epoch ms: written earlier it would go beyond a limit of so many in a second or minute. */
  readonly notBefore: number;
  /** By the same clock: it begins to be sent no later, since trading hours or the calendar speak against it then. Null: no such end is near. */
  readonly notAfter: number | null;
  /** Version of what the venue's other accounts hold, where a limit over all of them was asked for. */
  readonly neighbourVersion: string | null;
}

export type GateVerdict =
  | { readonly kind: 'approved'; readonly order: ApprovedOrder }
  | { readonly kind: 'denied'; readonly failures: readonly Failure[] };

/** What must still be so when an entry is written. */
export interface EntryBounds {
  readonly notBefore: number;
  readonly notAfter: number | null;
  readonly countsNeighbours: boolean;
}
const UNBOUND: EntryBounds = { notBefore: 0, notAfter: null, countsNeighbours: false };

/** For the gate alone: marks a draft that nothing speaks against. */
export function approve(
  draft: OrderDraft,
  id: { readonly intentId: string; readonly sequence: number },
  ledger: RiskView,
  rules: InstrumentRules,
  bounds: EntryBounds = UNBOUND,
): ApprovedOrder {
  return {
    ...id,
    instrument: rules.instrument,
    base: rules.base,
    quote: rules.quote,
    leg: draft.purpose === 'entry' ? 'open' : 'close',
    purpose: draft.purpose,
    side: draft.side,
    type: draft.type,
    postOnly: draft.postOnly,
    timeInForce: draft.timeInForce,
    quantity: text(draft.quantity),
    price: text(draft.price),
    stopPrice: draft.stopPrice === null ? null : text(draft.stopPrice),
    workingUntil: draft.workingUntil,
    reservedQuantity: text(draft.quantity),
    reservedNotional: text(draft.side === 'buy' ? withFee(draft.quantity.mul(draft.price), ledger) : ZERO),
    sizing: draft.sizing ?? null,
    controlVersion: ledger.controlVersion,
    riskVersion: ledger.riskVersion,
    overrides: [],
    notBefore: bounds.notBefore,
    notAfter: bounds.notAfter,
    neighbourVersion: bounds.countsNeighbours ? ledger.neighbours.version : null,
  } as unknown as ApprovedOrder;
}

/** For the gate alone: the same order, with the overrides without which it would have been denied. */
export function underOverrides(order: ApprovedOrder, overrides: readonly string[]): ApprovedOrder {
  return { ...order, overrides } as unknown as ApprovedOrder;
}
