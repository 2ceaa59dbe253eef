import { failure, invariant, KeelsonError } from '../../core/errors.js';
import { decimal } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import type { LookUp, Venue } from '../ports/venue.js';
import { applyEvent, adopt } from './evidence.js';
import type { OrderDependencies } from './dependencies.js';

/** How far an order is: `open` orders are asked for again after `waitMs`. */
export interface Progress {
  readonly order: StoredOrder;
  readonly isSettled: boolean;
  readonly waitMs: number;
}

/** A cancel that is under way is looked after more often than an order that may rest. */
const CANCEL_POLL_MS = 250;

/**
 * P11, P15 and P17: takes an order one look-up further. Fences it first, so that nobody can still begin to send; then asks
 * the venue. Found: it is ours, with its fills; one that has rested long enough, whose cancel is wished, or which rests where no entry is
 * allowed any more, is canceled and looked up again. Absent: not placed only when the venue's own clock is past the window and its visibility bound, twice.
 * Never guesses: what is not proven stays as it is and is asked for again.
 */
export function createResolve(
  dependencies: Pick<OrderDependencies, 'store' | 'venueOf' | 'epoch'>,
): (intentId: string) => Promise<Progress> {
  return async (intentId) => {
    const order = await fence(dependencies, intentId);
    if (order.isFinal) return { order, isSettled: true, waitMs: 0 };
    const venue = dependencies.venueOf(order.account);
    const seen = await venue.reader.lookUp(order.instrument, order.clientOrderId);
    if (seen.kind === 'absent') return whenAbsent(dependencies, venue, order, seen.venueTime);
    const adopted = await adoptFound(dependencies, venue, order, seen);
    return cancelIfDue(dependencies, venue, adopted, seen.venueTime);
  };
}

/**
 * Wishes the cancel of an order and takes it one look-up further; the cancel is repeated by each further look-up until the
 * order is terminal (P17). The audit log tells with the wish what it is for.
 */
export function createWithdraw(
  dependencies: Pick<OrderDependencies, 'store' | 'venueOf' | 'epoch'>,
): (intentId: string, because: string) => Promise<Progress> {
  const { store, epoch } = dependencies;
  const resolve = createResolve(dependencies);
  return async (intentId, because) => {
    const wished = async (): Promise<Progress> => {
      await applyEvent({ store, epoch }, intentId, { kind: 'requestCancel' }, [], { because });
      return resolve(intentId);
    };
    const seen = await wished();
    // On an order that was unknown until now the wish had no effect.
    const { status } = seen.order;
    return status === 'accepted' || status === 'partiallyFilled' ? wished() : seen;
  };
}

type Parts = Pick<OrderDependencies, 'store' | 'venueOf' | 'epoch'>;

async function whenAbsent(parts: Parts, venue: Venue, order: StoredOrder, venueTime: number): Promise<Progress> {
  const windowEnd = (order.signedTimestamp ?? 0) + (order.receiveWindowMs ?? 0) + venue.profile.visibilityBoundMs;
  if (order.status !== 'unknown') {
    // It is real: its venue may show it late, but one that is still not shown is an incident, never "absent".
    const isMissing = venueTime > windowEnd;
    if (isMissing) await applyEvent({ store: parts.store, epoch: parts.epoch }, order.intentId, { kind: 'miss' });
    // A cancel needs no look-up before it: what is not shown yet may rest all the same (P17).
    const canceling = await cancelIfDue(parts, venue, order, venueTime);
    return isMissing ? { ...canceling, waitMs: Math.max(canceling.waitMs, PROTOCOL.workingOrderPollMs) } : canceling;
  }
  if (venue.profile.admission === 'unbounded') {
    await report(parts, order, 'unknownUnbounded', { venueTime });
    return progress(order, venueTime);
  }
  if (venueTime <= windowEnd) return { order, isSettled: false, waitMs: windowEnd - venueTime + 1 };
  const again = await venue.reader.lookUp(order.instrument, order.clientOrderId);
  if (again.kind === 'found') return progress(await adoptFound(parts, venue, order, again), again.venueTime);
  const { store, epoch } = parts;
  return progress(await applyEvent({ store, epoch }, order.intentId, { kind: 'proveAbsent' }), venueTime);
}

function isCancelDue(order: StoredOrder, venueTime: number): boolean {
  // Of one that stays unknown though the venue shows something under its id, that is another's (P11).
  if (order.isFinal || order.venueStatus !== null || order.status === 'unknown') return false;
  return order.status === 'pendingCancel' || (order.workingUntil !== null && venueTime >= order.workingUntil);
}

/**
 * Wishes the cancel of an entry that works where none is allowed any more: its account is paused, say. Nothing brings it back; what of it has
 * filled meanwhile is held and protected.
 */
export function withdrawn(parts: Pick<Parts, 'store' | 'epoch'>, intentId: string, reason: string): Promise<StoredOrder> {
  return applyEvent(parts, intentId, { kind: 'requestCancel' }, [failure('ORDER_ENTRY_WITHDRAWN', { reason })]);
}

async function cancelIfDue(parts: Parts, venue: Venue, order: StoredOrder, venueTime: number): Promise<Progress> {
  if (isCancelDue(order, venueTime)) return cancel(parts, venue, order);
  const { store, epoch } = parts;
  const reason = order.purpose === 'entry' && isWorking(order) ? await store.whyWithdrawn(order.intentId) : undefined;
  if (reason === undefined) return progress(order, venueTime);
  return cancel(parts, venue, await withdrawn({ store, epoch }, order.intentId, reason));
}

function isWorking({ status, venueStatus }: StoredOrder): boolean {
  return venueStatus === null && (status === 'accepted' || status === 'partiallyFilled');
}

/** What the cancel answers does not count, not even "unknown order": only what the look-up shows afterwards. */
async function cancel(parts: Parts, venue: Venue, working: StoredOrder): Promise<Progress> {
  const { store, epoch } = parts;
  const order = await applyEvent({ store, epoch }, working.intentId, { kind: 'requestCancel' });
  if (order.isFinal) return { order, isSettled: true, waitMs: 0 };
  // A wish that stood already was not written again, and what is not written asks for no epoch (P31).
  await store.checkEpoch(epoch);
  await venue.reader.cancel(order.instrument, order.clientOrderId);
  const seen = await venue.reader.lookUp(order.instrument, order.clientOrderId);
  return progress(seen.kind === 'found' ? await adoptFound(parts, venue, order, seen) : order, seen.venueTime);
}

async function fence({ store, epoch, venueOf }: Parts, intentId: string): Promise<StoredOrder> {
  const order = await store.order(intentId);
  invariant(order !== undefined, `order ${intentId} was authorised and must have a row`);
  if (order.status === 'authorised') {
    // The fence may lose to a submit that begins at this moment: then the row is `submitting` and is fenced as such.
    const fenced = await applyEvent({ store, epoch }, intentId, { kind: 'expireUnsent' });
    if (fenced.status !== 'submitting') return fenced;
  }
  const detail = 'the reply did not come';
  const lost = failure('VENUE_OUTCOME_UNKNOWN', { order: intentId, venue: nameOf(venueOf, order.account), detail });
  return order.isFinal || order.status === 'unknown' || order.venueOrderId !== null
    ? order
    : applyEvent({ store, epoch }, intentId, { kind: 'loseReply' }, [lost]);
}

/** For people. An order is fenced also while its venue could not be opened yet. */
function nameOf(venueOf: Parts['venueOf'], account: string): string {
  try {
    return venueOf(account).profile.id;
  } catch (error) {
    const told = error instanceof KeelsonError ? error.failure.values['venue'] : undefined;
    return told === undefined ? `the venue of ${account}` : String(told);
  }
}

async function adoptFound(parts: Parts, venue: Venue, order: StoredOrder, seen: Extract<LookUp, { kind: 'found' }>): Promise<StoredOrder> {
  const { store, epoch } = parts;
  const { venueOrderId } = seen.order;
  const { executedQuantity } = seen.order;
  // What the ledger has the fills of needs no list of them, which costs more than the look-up.
  const isBooked = order.venueOrderId === venueOrderId && decimal(order.executedQuantity).eq(decimal(executedQuantity));
  const fills = executedQuantity !== '0' && !isBooked ? await venue.reader.fillsOfOrder(order.instrument, venueOrderId) : [];
  return adopt({ store, epoch }, order.intentId, seen.order, fills);
}

async function report({ store }: Parts, order: StoredOrder, kind: string, data: object): Promise<void> {
  const { account, intentId } = order;
  await store.openIncident({
    incidents: [{ key: `${kind}:${intentId}`, account, kind, data: { ...data, intentId } }],
  });
}

function progress(order: StoredOrder, venueTime: number): Progress {
  if (order.isFinal) return { order, isSettled: true, waitMs: 0 };
  const usual = order.status === 'pendingCancel' ? CANCEL_POLL_MS : PROTOCOL.workingOrderPollMs;
  const untilCancel = order.workingUntil === null ? usual : Math.max(CANCEL_POLL_MS, order.workingUntil - venueTime + 1);
  return { order, isSettled: false, waitMs: Math.min(usual, untilCancel) };
}
