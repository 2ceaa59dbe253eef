import { decimal, ZERO, type Decimal } from '../money/index.js';
import { hasOthersName, isSoldByHand } from '../order/own-name.js';
import { deltasOf, Sum } from './deltas.js';
import { NO_DELTAS, type Deltas, type Difference } from './difference.js';
import type { ReconcileRules } from './rules.js';
import { isUnresolved, type BookedFill, type BookedOrder, type LedgerSight, type SeenFill, type VenueSight } from './sight.js';

/** Orders by what the venue calls them. */
export class OrderNames {
  private readonly byClientId: ReadonlyMap<string, BookedOrder>;
  private readonly byVenueId: ReadonlyMap<string, BookedOrder>;
  private readonly byIntent: ReadonlyMap<string, BookedOrder>;

  constructor(orders: readonly BookedOrder[]) {
    this.byClientId = new Map(orders.map((order) => [order.clientOrderId, order]));
    this.byIntent = new Map(orders.map((order) => [order.intentId, order]));
    this.byVenueId = new Map(
      orders
        .filter(({ venueOrderId }) => venueOrderId !== null)
        .map((order) => [venueName(order.instrument, order.venueOrderId ?? ''), order]),
    );
  }

  ofIntent(intentId: string): BookedOrder | undefined {
    return this.byIntent.get(intentId);
  }

  /**
   * By the venue's number before the name: that is given once. A name of ours is, too (P11); that of an order which was taken over from another
   * hand may be used again, and then says nothing.
   */
  of({
    clientOrderId,
    instrument,
    venueOrderId,
  }: Pick<SeenFill, 'clientOrderId' | 'instrument' | 'venueOrderId'>): BookedOrder | undefined {
    const numbered = this.byVenueId.get(venueName(instrument, venueOrderId));
    if (numbered !== undefined || clientOrderId === undefined) return numbered;
    const named = this.byClientId.get(clientOrderId);
    return named !== undefined && hasOthersName(named) ? undefined : named;
  }
}

export const fillName = (fill: Pick<SeenFill, 'instrument' | 'venueTradeId' | 'venueOrderId'>): string =>
  `fill:${fill.instrument}:${fill.venueTradeId}:${fill.venueOrderId}`;

export interface FillFindings {
  readonly differences: readonly Difference[];
  /** Fills that no order of ours explains. */
  readonly foreign: readonly SeenFill[];
  /** By intent, how much of it is in the list and not in the books. */
  readonly missedOf: ReadonlyMap<string, Decimal>;
}

/** Each fill of the venue against its row, and each row against the venue's list. */
export function compareFills(venue: VenueSight, ledger: LedgerSight, names: OrderNames, rules: ReconcileRules): FillFindings {
  const booked = new Map(ledger.fills.map((fill) => [fillName(fill), fill]));
  const differences: Difference[] = [];
  const foreign: SeenFill[] = [];
  const missedOf = new Map<string, Decimal>();
  for (const fill of venue.fills) {
    if (fill.eventTime < ledger.onboardedTime) continue;
    const row = booked.get(fillName(fill));
    if (row !== undefined) {
      differences.push(...compareFill(fill, row, ledger));
      continue;
    }
    const order = names.of(fill);
    // A list of trades names no client id: it may be the fill of an order whose number at the venue is not known yet.
    const mayBe = ledger.orders.find((one) => one.instrument === fill.instrument && one.venueOrderId === null && isUnresolved(one));
    if (order === undefined && mayBe === undefined) {
      foreign.push(fill);
      continue;
    }
    if (order !== undefined) missedOf.set(order.intentId, decimal(fill.quantity).plus(missedOf.get(order.intentId) ?? ZERO));
    const waits = order === undefined || isUnresolved(order);
    differences.push({
      class: 'missedFill',
      subject: fillName(fill),
      fingerprint: '',
      treatment: 'repair',
      isInFlight: waits || venue.venueTime - fill.eventTime < rules.inFlightMs,
      deltas: deltasOf(fill, ledger.instruments),
      evidence: { venue: fill, ledger: { order: order?.intentId ?? mayBe?.intentId ?? null, fill: null } },
      eventTime: fill.eventTime,
      ...(waits ? {} : { repair: { kind: 'bookFill', fill } }),
    });
  }
  return { differences: [...differences, ...notListed(venue, ledger, rules)], foreign, missedOf };
}

/** The same fill on both sides, told in two ways. */
function compareFill(seen: SeenFill, row: BookedFill, { instruments }: LedgerSight): Difference[] {
  if (row.isReversed === true) return [listedAgain(seen, row, deltasOf(seen, instruments))];
  const isSame = (one: string, other: string): boolean => decimal(one).eq(decimal(other));
  const isSameTrade =
    isSame(seen.price, row.price) && isSame(seen.quantity, row.quantity) && seen.side === row.side && isSameWorth(seen, row, instruments);
  // Of another hand's the list may assume the asset of the fee; what is booked was read where the venue says it.
  const isFeeUntold = seen.isFeeAssumed === true && (row.intentId === null || isSoldByHand(row.intentId));
  const isSameFee = isFeeUntold || (isSame(seen.fee, row.fee) && (seen.feeAsset === row.feeAsset || decimal(seen.fee).isZero()));
  if (isSameTrade && isSameFee) return [];
  const deltas = new Sum().add(deltasOf(seen, instruments)).add(deltasOf(row, instruments), -1).deltas;
  return [
    {
      class: isSameTrade ? 'feeDifference' : 'unknown',
      subject: fillName(seen),
      fingerprint: JSON.stringify(deltas),
      treatment: 'person',
      isInFlight: false,
      deltas,
      evidence: { venue: seen, ledger: row },
      eventTime: seen.eventTime,
    },
  ];
}

/** Less than a unit of the quote asset apart is rounding: the reply to an order does not tell the amount of each of its fills. */
function isSameWorth(seen: SeenFill, row: BookedFill, instruments: LedgerSight['instruments']): boolean {
  if (seen.amount === undefined) return true;
  const booked = typeof row.amount === 'string' ? decimal(row.amount) : undefined;
  const unit = instruments[seen.instrument]?.quoteUnit;
  const worth = booked ?? decimal(row.price).mul(decimal(row.quantity));
  const apart = decimal(seen.amount).minus(worth).abs();
  if (unit === undefined) return booked === undefined || apart.isZero();
  return apart.lt(decimal(unit));
}

/** A person has taken it back, and the venue has it after all. */
function listedAgain(seen: SeenFill, row: BookedFill, deltas: Deltas): Difference {
  const fingerprint = `reversed ${JSON.stringify(deltas)}`;
  const about = { class: 'unknown', subject: fillName(seen), fingerprint, treatment: 'person', isInFlight: false } as const;
  return { ...about, deltas, evidence: { venue: seen, ledger: row }, eventTime: seen.eventTime };
}

/** Rows that the venue does not list, though it was asked for them, within what was read, and old enough that a late list explains nothing. */
function notListed(venue: VenueSight, ledger: LedgerSight, rules: ReconcileRules): Difference[] {
  const listed = new Set(venue.fills.map(fillName));
  const isListed = (fill: BookedFill): boolean => listed.has(fillName(fill));
  const isDue = ({ instrument, eventTime }: BookedFill): boolean =>
    wasAsked(venue, instrument) && eventTime >= venue.fillsSince && eventTime <= venue.venueTime - rules.lateListMs;
  return ledger.fills
    .filter((fill) => fill.isReversed !== true && !isListed(fill) && isDue(fill))
    .map((fill) => {
      const twin = ledger.fills.find((other) => other !== fill && isListed(other) && isTwin(fill, other));
      return {
        class: twin === undefined ? 'unknown' : 'duplicate',
        subject: fillName(fill),
        fingerprint: '',
        treatment: 'secondLook',
        isInFlight: false,
        deltas: new Sum().add(deltasOf(fill, ledger.instruments), -1).deltas,
        evidence: { venue: twin === undefined ? null : { listedAs: fillName(twin) }, ledger: fill },
        eventTime: fill.eventTime,
      } as const;
    });
}

/** Whether fills of an instrument were read at all. */
export function wasAsked({ listed }: VenueSight, instrument: string): boolean {
  return listed === undefined || listed.has(instrument);
}

function isTwin(one: BookedFill, other: BookedFill): boolean {
  return (
    one.intentId === other.intentId &&
    (one.intentId !== null || one.venueOrderId === other.venueOrderId) &&
    one.side === other.side &&
    one.eventTime === other.eventTime &&
    decimal(one.price).eq(decimal(other.price)) &&
    decimal(one.quantity).eq(decimal(other.quantity))
  );
}

/** What was filled since the venue was asked for its clock, booked or listed, the newest first: it may be in what was read of the venue later, or not. */
export function filledMeanwhile({ venueTime, fills: listed }: VenueSight, ledger: LedgerSight): readonly (BookedFill | SeenFill)[] {
  const fills = new Map(
    [...ledger.fills.filter(({ isReversed }) => isReversed !== true), ...listed].map((fill) => [fillName(fill), fill] as const),
  );
  return [...fills.values()].filter(({ eventTime }) => eventTime >= venueTime).toSorted((one, other) => other.eventTime - one.eventTime);
}

/** Books that contradict themselves. */
export function contradictions({ contradictions: found }: LedgerSight): Difference[] {
  return found.map(({ subject, kept, reckoned }) => ({
    class: 'unknown',
    subject,
    fingerprint: `${kept} ${reckoned}`,
    treatment: 'secondLook',
    isInFlight: false,
    deltas: NO_DELTAS,
    evidence: { venue: null, ledger: { kept, reckoned } },
  }));
}

/** Balances are right, and the strategy holds what does not exist: so it is told beside what moves balances, and not deducted from them. */
export function leftWhereTheyAre({ bookedBeside }: LedgerSight): Difference[] {
  return bookedBeside.map(({ id, class: what, subject, deltas, evidence }) => ({
    ...{ class: what, subject, deltas, evidence, fingerprint: `booked beside by ${id}`, treatment: 'person', isInFlight: false },
  }));
}

function venueName(instrument: string, venueOrderId: string): string {
  return `${instrument}:${venueOrderId}`;
}
