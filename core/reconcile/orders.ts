import { ZERO, decimal, type Decimal } from '../money/index.js';
import { looksLikeOurs } from '../order/own-name.js';
import { deltasOf, Sum } from './deltas.js';
import { NO_DELTAS, type Difference, type KnownDifference } from './difference.js';
import { filledMeanwhile, fillName, type FillFindings, type OrderNames } from './fills.js';
import type { ReconcileRules } from './rules.js';
import { isUnresolved, type BookedOrder, type LedgerSight, type SeenFill, type SeenOrder, type VenueSight } from './sight.js';

interface Parts {
  readonly venue: VenueSight;
  readonly ledger: LedgerSight;
  readonly names: OrderNames;
  readonly rules: ReconcileRules;
}

/** How a difference about an order of ours calls it. */
export const intentSubject = (intentId: string): string => `intent:${intentId}`;

/** Open orders of the venue against ours that work; both ways. */
export function compareOrders(parts: Parts, missedOf: FillFindings['missedOf']): Difference[] {
  const { venue, ledger, names } = parts;
  const found: Difference[] = [];
  const seenOf = new Set<string>();
  for (const seen of venue.openOrders) {
    const order = names.of(seen);
    if (order === undefined) continue;
    // A second one under the same name is one too many, whatever the first is.
    const isSecond = seenOf.has(order.intentId) || (order.venueOrderId !== null && order.venueOrderId !== seen.venueOrderId);
    seenOf.add(order.intentId);
    if (isSecond) found.push(about('duplicate', `order:${seen.instrument}:${seen.venueOrderId}`, 'person', seen, order));
    else if (!isUnresolved(order)) found.push(...compareOrder(parts, seen, order, missedOf));
  }
  for (const order of ledger.orders) {
    if (!order.isFinal && !isUnresolved(order) && !seenOf.has(order.intentId)) found.push(...notOpen(parts, order, missedOf));
  }
  return found;
}

function compareOrder(parts: Parts, seen: SeenOrder, order: BookedOrder, missedOf: FillFindings['missedOf']): Difference[] {
  const { ledger, rules } = parts;
  const { intentId, instrument, clientOrderId } = order;
  const subject = intentSubject(intentId);
  const isInFlight = order.unchangedMs < rules.inFlightMs;
  if (seen.side !== order.side || seen.instrument !== order.instrument || !decimal(seen.quantity).eq(decimal(order.quantity)))
    return [about('unknown', subject, 'person', seen, order)];
  if (!order.isFinal && isElsewhere(seen, order, tickOf(ledger, instrument))) return [moved(seen, order)];
  const more = decimal(seen.executedQuantity).minus(decimal(order.executedQuantity));
  const missed = missedOf.get(intentId) ?? ZERO;
  const isFromBefore = more.lt(0) && isBeforeNewest(parts, seen, more.minus(missed));
  if (order.isFinal) {
    if (order.status === 'filled' && isFromBefore) return [];
    const repair = { kind: 'takeEvidence', intentId, instrument, clientOrderId } as const;
    return [{ ...about('orphanOrder', subject, 'repair', seen, order), isInFlight, repair }];
  }
  // What the list has of it besides is told, and booked, by itself.
  if (more.gt(missed)) {
    // Older than what was read, or too young for the list: the look-up asks for the fills of this order.
    return [{ ...about('missedFill', subject, 'repair', seen, order), isInFlight, repair: { kind: 'lookUp', intentId } }];
  }
  if (more.lt(0) && !isFromBefore) return [{ ...about('unknown', subject, 'secondLook', seen, order), isInFlight }];
  return [];
}

/**
 * Whether an order is shown exactly as it was before the newest of its fills, of those since the venue was asked for its clock: its open orders are
 * read before their list and the books, so one that is filled all the time always has more in the books.
 */
function isBeforeNewest({ venue, ledger }: Parts, { instrument, venueOrderId }: SeenOrder, lacking: Decimal): boolean {
  let left = lacking;
  return filledMeanwhile(venue, ledger)
    .filter((fill) => fill.instrument === instrument && fill.venueOrderId === venueOrderId)
    .some(({ quantity }) => {
      left = left.plus(quantity);
      return left.eq(ZERO);
    });
}

const tickOf = ({ instruments }: LedgerSight, instrument: string): Decimal => {
  const tick = instruments[instrument]?.tickSize;
  return tick === undefined ? ZERO : decimal(tick);
};

/**
 * Whether it rests at another price than it was sent with, as one that somebody has changed by hand: a stop would wake elsewhere. An order
 * that sells at the market when it wakes has no limit there, and of one that is awake it does not matter any more at which price it woke.
 */
function isElsewhere(seen: SeenOrder, order: BookedOrder, tick: Decimal): boolean {
  const differs = (shown: string, sent: string): boolean => decimal(shown).minus(decimal(sent)).abs().gt(tick);
  if (order.type !== 'stopMarket' && differs(seen.price, order.price)) return true;
  return order.stopPrice !== null && seen.stopPrice !== undefined && !seen.isTriggered && differs(seen.stopPrice, order.stopPrice);
}

function moved(seen: SeenOrder, order: BookedOrder): Difference {
  const fingerprint = JSON.stringify([seen.price, seen.stopPrice ?? null, order.price, order.stopPrice]);
  return { ...about('unknown', intentSubject(order.intentId), 'person', seen, order), fingerprint };
}

/** Ours works, and the venue does not list it. */
function notOpen({ rules }: Parts, order: BookedOrder, missedOf: FillFindings['missedOf']): Difference[] {
  const { intentId } = order;
  if (missedOf.has(intentId)) return [];
  const isInFlight = order.unchangedMs < rules.inFlightMs;
  // It has ended at the venue, and of its fills one is not booked: it is open only for us (P15).
  const what = order.venueStatus === null ? 'missingOrder' : 'missedFill';
  const treatment = what === 'missingOrder' ? 'secondLook' : 'repair';
  return [{ ...about(what, intentSubject(intentId), treatment, null, order), isInFlight, repair: { kind: 'lookUp', intentId } }];
}

interface Orphan {
  order: SeenOrder | null;
  readonly fills: Map<string, SeenFill>;
}

/** Orders and fills that nobody of ours has made; those that are known already keep the fills that are no longer read. */
export function orphans(
  { venue, ledger, names, rules }: Parts,
  foreign: readonly SeenFill[],
  known: readonly KnownDifference[],
): Difference[] {
  const found = new Map<string, Orphan>();
  const at = (subject: string): Orphan => {
    const one = found.get(subject) ?? { order: null, fills: new Map() };
    found.set(subject, one);
    return one;
  };
  const rows = known.filter((row) => row.class === 'orphanOrder' && row.subject.startsWith('order:'));
  // What a person has booked is in the ledger, as a movement or as the fill that it is, and no difference any more.
  const booked = new Set([
    ...rows.filter(({ decision }) => decision === 'book').flatMap((row) => fillsOf(row).map(fillName)),
    ...ledger.fills.map(fillName),
  ]);
  for (const row of rows) {
    const unexplained = row.status === 'closed' ? [] : fillsOf(row).filter((fill) => !booked.has(fillName(fill)));
    for (const fill of unexplained) if (names.of(fill) === undefined) at(row.subject).fills.set(fillName(fill), fill);
  }
  for (const fill of foreign) {
    if (!booked.has(fillName(fill))) at(`order:${fill.instrument}:${fill.venueOrderId}`).fills.set(fillName(fill), fill);
  }
  for (const order of venue.openOrders) {
    if (names.of(order) === undefined) at(`order:${order.instrument}:${order.venueOrderId}`).order = order;
  }
  return [...found].map(([subject, { order, fills }]): Difference => {
    const list = [...fills.values()].sort((one, other) => one.eventTime - other.eventTime);
    const sum = new Sum();
    for (const fill of list) sum.add(deltasOf(fill, ledger.instruments));
    const newest = list.at(-1)?.eventTime;
    const isInFlight = venue.venueTime - Math.max(newest ?? 0, order?.createdTime ?? 0) < rules.inFlightMs;
    return {
      class: 'orphanOrder',
      subject,
      fingerprint: [...fills.keys()].sort().join(' '),
      treatment: 'person',
      isInFlight,
      deltas: sum.deltas,
      evidence: { venue: { order, fills: list }, ledger: { looksLikeOurs: ownLook(order, list) } },
      ...(newest === undefined ? {} : { eventTime: newest }),
    };
  });
}

/** Null: its fills name no id, and the order was not looked up. */
function ownLook(order: SeenOrder | null, fills: readonly SeenFill[]): boolean | null {
  const named = order?.clientOrderId ?? fills.find(({ clientOrderId }) => clientOrderId !== undefined)?.clientOrderId;
  return named === undefined ? null : looksLikeOurs(named);
}

function fillsOf({ evidence }: KnownDifference): readonly SeenFill[] {
  return ((evidence.venue ?? {}) as { readonly fills?: readonly SeenFill[] }).fills ?? [];
}

function about(
  what: Difference['class'],
  subject: string,
  treatment: Difference['treatment'],
  seen: SeenOrder | null,
  order: BookedOrder,
): Difference {
  const { intentId, clientOrderId, venueOrderId, status, side, purpose, quantity, executedQuantity, type, price, stopPrice } = order;
  const ledger = { intentId, clientOrderId, venueOrderId, status, side, purpose, quantity, executedQuantity, type, price, stopPrice };
  const fingerprint = `${seen?.executedQuantity ?? ''} ${executedQuantity} ${status}`;
  return { class: what, subject, fingerprint, treatment, isInFlight: false, deltas: NO_DELTAS, evidence: { venue: seen, ledger } };
}
