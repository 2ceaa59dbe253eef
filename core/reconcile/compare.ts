import { compareBalances } from './balances.js';
import type { Difference, KnownDifference } from './difference.js';
import { compareFills, contradictions, leftWhereTheyAre, OrderNames, wasAsked } from './fills.js';
import { compareOrders, orphans } from './orders.js';
import { compareProtection, orphanedWorkflows } from './protection.js';
import type { ReconcileRules } from './rules.js';
import { isUnresolved, type LedgerSight, type SeenFill, type VenueSight, type WorkflowSight } from './sight.js';

export interface Comparison {
  /** Everything in which the three sides differ, what a person has decided to leave so included. */
  readonly differences: readonly Difference[];
  /** Whether the comparison would have seen a difference that is known, had it still been there. */
  readonly judges: (known: Pick<KnownDifference, 'class' | 'subject'>) => boolean;
}

export interface ThreeSides {
  readonly venue: VenueSight;
  readonly ledger: LedgerSight;
  /** Undefined: Temporal did not answer. */
  readonly workflows: WorkflowSight | undefined;
  /** Whether the books were asked for contradictions. */
  readonly isFull: boolean;
}

/** Venue, ledger and running workflows against one another. Pure: no difference is reported where there is none, and none is kept back. */
export function compare(sides: ThreeSides, known: readonly KnownDifference[], rules: ReconcileRules): Comparison {
  const { venue, ledger, workflows, isFull } = sides;
  const names = new OrderNames(ledger.orders);
  const fills = compareFills(venue, ledger, names, rules);
  const orderParts = { venue, ledger, names, rules };
  // What a person has booked is in the ledger: it explains nothing any more, and is no difference.
  const isDone = (one: Difference): boolean =>
    known.some((row) => isSame(row, one) && row.decision === 'book' && row.fingerprint === one.fingerprint);
  const outOfReach = known.filter((row) => isOutOfReach(row, venue) && !fills.differences.some((one) => isSame(row, one)));
  const strays = outOfReach.filter((row) => isNobodys(row, names));
  const foreign = [...fills.foreign, ...strays.map(({ evidence }) => evidence.venue as SeenFill)];
  const seen = [...fills.differences, ...orphans(orderParts, foreign, known)];
  const unread = outOfReach.filter((row) => !strays.includes(row)).map((row) => asSeen(row, ledger));
  const moving = [...seen, ...unread].filter((one) => !isDone(one));
  const orders = compareOrders(orderParts, fills.missedOf);
  return {
    differences: [
      ...moving,
      ...orders,
      ...compareProtection(ledger, workflows, rules),
      ...orphanedWorkflows(workflows, rules),
      ...contradictions(ledger),
      ...leftWhereTheyAre(ledger),
      ...compareBalances(
        venue,
        ledger,
        moving,
        new Set(orders.filter(({ class: what }) => what === 'missedFill' || what === 'missingOrder').map(({ subject }) => subject)),
        rules,
        known,
      ),
    ],
    judges({ class: what, subject }) {
      if (what === 'positionWithoutOwner' || what === 'orphanedWorkflow') return workflows !== undefined;
      return isFull || !subject.startsWith('books:');
    },
  };
}

function isSame(row: Pick<KnownDifference, 'class' | 'subject'>, one: Pick<Difference, 'class' | 'subject'>): boolean {
  return row.class === one.class && row.subject === one.subject;
}

/** About fills that are older than what was read, or were not asked for: nothing was seen of it, and so it stands. */
function isOutOfReach(row: KnownDifference, venue: VenueSight): boolean {
  return (
    row.eventTime !== null &&
    (row.eventTime < venue.fillsSince || !wasAsked(venue, instrumentOf(row))) &&
    row.decision !== 'book' &&
    row.status !== 'closed' &&
    !row.isBooked &&
    row.class !== 'orphanOrder'
  );
}

/** As in `fill:<instrument>:<trade>:<order>`, whose last two parts are the venue's numbers. */
function instrumentOf({ subject }: KnownDifference): string {
  return subject.split(':').slice(1, -2).join(':');
}

/**
 * A missed fill that was taken for that of an order which waited to be looked up, and is not: that one has its number by now, and it is
 * another, or it has ended without one. Nobody books it; it is told as what it is.
 */
function isNobodys({ class: what, evidence }: KnownDifference, names: OrderNames): boolean {
  if (what !== 'missedFill') return false;
  const fill = evidence.venue as SeenFill;
  const { order: intentId } = evidence.ledger as { readonly order: string | null };
  const waitedFor = intentId === null ? undefined : names.ofIntent(intentId);
  if (names.of(fill) !== undefined || waitedFor === undefined || isUnresolved(waitedFor)) return false;
  return waitedFor.venueOrderId === null ? waitedFor.isFinal : waitedFor.venueOrderId !== fill.venueOrderId;
}

/** A missed fill is booked as the venue told it then, however long that is ago: a look repairs only so many, and a repair may fail. */
function asSeen(
  { class: what, subject, fingerprint, treatment, deltas, evidence, eventTime }: KnownDifference,
  { orders }: LedgerSight,
): Difference {
  const time = eventTime === null ? {} : { eventTime };
  const seen = { class: what, subject, fingerprint, treatment, isInFlight: false, deltas, evidence, ...time };
  if (what !== 'missedFill') return seen;
  const { order: intentId } = evidence.ledger as { readonly order: string | null };
  const waits = orders.some((order) => order.intentId === intentId && isUnresolved(order));
  return waits ? { ...seen, isInFlight: true } : { ...seen, repair: { kind: 'bookFill', fill: evidence.venue as SeenFill } };
}
