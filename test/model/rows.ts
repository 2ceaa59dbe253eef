import { Decimal, text } from '../../core/money/index.js';
import { transition, type OrderEvent, type OrderState } from '../../core/order/lifecycle.js';
import { changeOf, stateOf, type StoredOrder } from '../../core/order/stored-order.js';
import { failure } from '../../core/errors.js';
import { rowKey, seenKey } from './keys.js';
import { PRICE, SIGNALS } from './market.js';
import type { Row, Seen, Slot } from './world.js';

/** Rows of the model as the ledger's own, and the lifecycle's real answer to each event, remembered. */

export interface Moved {
  readonly row: Row;
  readonly isSurprise: boolean;
}

/** Stands for the row itself where an event changes nothing. */
const UNMOVED: Row = newRow(true, 0, 0, -1);
const moves = new Map<string, Moved>();

/** What `applyEvent` writes: an event that is illegal changes nothing. */
export function move(row: Row, slot: Slot, event: NamedEvent): Moved {
  const key = `${rowKey(row)} ${slot.purpose} ${event.name}`;
  const known = moves.get(key);
  if (known !== undefined) return known.row === UNMOVED ? { row, isSurprise: false } : known;
  const moved = reckon(row, slot, event.event);
  // As `applyEvent`, which writes nothing where nothing changes.
  const isUnmoved = !moved.isSurprise && rowKey(moved.row) === rowKey(row);
  moves.set(key, isUnmoved ? { row: UNMOVED, isSurprise: false } : moved);
  return isUnmoved ? { row, isSurprise: false } : moved;
}

function reckon(row: Row, slot: Slot, event: OrderEvent): Moved {
  const stored = storedOf(row, slot);
  const moved = transition(stateOf(stored), event);
  if (moved.kind === 'illegal') return { row, isSurprise: false };
  const change = changeOf(stored, moved.state);
  const next: Row = {
    ...row,
    status: change.status,
    executed: Number(change.executedQuantity),
    reserved: Number(change.reservedQuantity),
    isFinal: change.isFinal,
    isKnown: change.venueOrderId !== null,
    isTriggered: change.isTriggered,
    venueEnd: change.venueStatus,
    venueExecuted: change.venueExecutedQuantity === null ? null : Number(change.venueExecutedQuantity),
    age: change.status === 'submitting' || change.status === 'unknown' ? row.age : -1,
  };
  return { row: next, isSurprise: moved.surprises.length > 0 };
}

const VENUE_ORDER_ID = 'v';

/** An event with the name that its answers are remembered by. */
export interface NamedEvent {
  readonly name: string;
  readonly event: OrderEvent;
}

const plain = (kind: 'expireUnsent' | 'loseReply' | 'reject' | 'proveAbsent' | 'requestCancel' | 'submit'): NamedEvent => ({
  name: kind,
  event: { kind },
});

export const EVENTS = {
  fill: {
    name: 'fill',
    event: { kind: 'fill', quantity: new Decimal(1), price: new Decimal(PRICE), venueOrderId: VENUE_ORDER_ID },
  },
  expireUnsent: plain('expireUnsent'),
  loseReply: plain('loseReply'),
  reject: plain('reject'),
  proveAbsent: plain('proveAbsent'),
  requestCancel: plain('requestCancel'),
  submit: plain('submit'),
} as const satisfies Record<string, NamedEvent>;

const evidence = new Map<number, NamedEvent>();

/** What `adopt` makes of what the venue shows, after the fills. */
export function evidenceOf(seen: Seen): NamedEvent {
  const key = seenKey(seen);
  const known = evidence.get(key);
  if (known !== undefined) return known;
  const made = { name: `evidence ${key}`, event: reckonEvidence(seen) };
  evidence.set(key, made);
  return made;
}

function reckonEvidence({ status, executed }: Seen): OrderEvent {
  if (status === 'none') throw new Error('invariant: nothing that was not placed is adopted');
  return status === 'open' || status === 'triggered'
    ? { kind: 'accept', venueOrderId: VENUE_ORDER_ID, isTriggered: status === 'triggered' }
    : { kind: 'end', status, executedQuantity: new Decimal(executed), venueOrderId: VENUE_ORDER_ID };
}

/** The row after the gate; its state is the lifecycle's after `authorise` or `deny`. */
export function newRow(isApproved: boolean, quantity: number, born: number, lease: number): Row {
  const blank: OrderState = {
    status: 'initialized',
    quantity: new Decimal(quantity),
    executedQuantity: new Decimal(0),
    executedNotional: new Decimal(0),
  };
  const moved = transition(blank, { kind: isApproved ? 'authorise' : 'deny' });
  if (moved.kind === 'illegal') throw new Error('invariant: the gate decides on what is new');
  return {
    status: moved.state.status,
    quantity,
    executed: 0,
    reserved: isApproved ? quantity : 0,
    isFinal: !isApproved,
    isKnown: false,
    isTriggered: false,
    venueEnd: null,
    venueExecuted: null,
    wasReached: false,
    age: -1,
    lease,
    born,
  };
}

export function sideOf({ purpose }: Slot): 'buy' | 'sell' {
  return purpose === 'entry' ? 'buy' : 'sell';
}

/** The row as the real functions want it. Times are such that no wait is left: a wait is a step that is not taken. */
export function storedOf(row: Row, slot: Slot): StoredOrder {
  const { account, strategy, strategyVersion, instrument } = SIGNALS.open;
  const isStop = slot.purpose === 'stop';
  const price = text(new Decimal(PRICE));
  const units = (count: number): StoredOrder['quantity'] => text(new Decimal(count));
  const reached = failure('VENUE_REJECTED', { order: 'o', venue: 'the venue', detail: 'reached' });
  return {
    intentId: `${slot.purpose}:${slot.sequence}`,
    clientOrderId: `${slot.purpose}-${slot.sequence}`,
    signalId: null,
    account,
    strategy,
    strategyVersion,
    instrument,
    base: 'BTC',
    quote: 'USDT',
    leg: slot.purpose === 'entry' ? 'open' : 'close',
    side: sideOf(slot),
    purpose: slot.purpose === 'slice' ? 'flatten' : slot.purpose,
    sequence: slot.sequence,
    status: row.status,
    type: isStop ? 'stopLimit' : 'limit',
    postOnly: false,
    timeInForce: isStop ? 'GTC' : 'IOC',
    quantity: units(row.quantity),
    price,
    stopPrice: isStop ? price : null,
    reservedQuantity: units(row.reserved),
    reservedNotional: slot.purpose === 'entry' ? units(row.reserved * PRICE) : units(0),
    executedQuantity: units(row.executed),
    executedNotional: units(row.executed * PRICE),
    venueOrderId: row.isKnown ? VENUE_ORDER_ID : null,
    venueStatus: row.venueEnd,
    venueExecutedQuantity: row.venueExecuted === null ? null : units(row.venueExecuted),
    signedTimestamp: null,
    receiveWindowMs: null,
    workingUntil: null,
    triggeredTime: row.isTriggered ? 1 : null,
    missingTime: null,
    failures: row.wasReached ? [{ ...reached, values: { ...reached.values, reason: 'stopWouldTrigger' } }] : [],
    version: 1,
    createdTime: row.born + 1,
    updatedTime: row.born + 1,
    isFinal: row.isFinal,
  };
}
