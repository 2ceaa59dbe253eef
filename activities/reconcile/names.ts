import type { KnownDifference } from '../../core/reconcile/difference.js';
import { fillName, OrderNames } from '../../core/reconcile/fills.js';
import type { LedgerSight, SeenFill, VenueSight } from '../../core/reconcile/sight.js';
import type { VenueReader } from '../ports/venue.js';
import type { Turns } from '../turns.js';
import type { ReconcileDependencies } from './dependencies.js';

/**
 * The fills that were seen, those of orders that nobody knows with the client's id of their order: a list of trades has none, and by it
 * one of ours is told whose row is lost. What was asked once is known from its difference; the rest is looked up by its number, so many, those
 * first that were asked for least: what the venue does not answer, or does not know any more, keeps no other from being asked for.
 */
export async function named(
  { log }: Pick<ReconcileDependencies, 'log'>,
  reader: Pick<VenueReader, 'lookUpByNumber'>,
  venue: VenueSight,
  ledger: LedgerSight,
  known: readonly KnownDifference[],
  most: number,
  turn: Turns,
): Promise<readonly SeenFill[]> {
  const names = new OrderNames(ledger.orders);
  const booked = new Set(ledger.fills.map(fillName));
  const numberOf = ({ instrument, venueOrderId }: SeenFill): string => `${instrument} ${venueOrderId}`;
  const unnamed = venue.fills.filter(
    (fill) =>
      fill.clientOrderId === undefined &&
      fill.eventTime >= ledger.onboardedTime &&
      !booked.has(fillName(fill)) &&
      names.of(fill) === undefined,
  );
  if (unnamed.length === 0) return venue.fills;
  const ids = new Map<string, string>();
  for (const { evidence } of known) {
    const { fills = [] } = (evidence.venue ?? {}) as { readonly fills?: readonly SeenFill[] };
    for (const fill of fills) if (fill.clientOrderId !== undefined) ids.set(numberOf(fill), fill.clientOrderId);
  }
  const asked = new Map(unnamed.filter((fill) => !ids.has(numberOf(fill))).map((fill) => [numberOf(fill), fill]));
  for (const [number, { instrument, venueOrderId }] of turn.inTurn([...asked], ([name]) => name).slice(0, most)) {
    turn.took(number);
    try {
      const order = await reader.lookUpByNumber(instrument, venueOrderId);
      if (order !== undefined) ids.set(number, order.clientOrderId);
    } catch (error) {
      // It is told all the same, without a name.
      log.warn({ instrument, venueOrderId, error: String(error) }, 'whose an order is could not be looked up');
    }
  }
  const unknown = new Set(unnamed);
  return venue.fills.map((fill) => {
    const clientOrderId = unknown.has(fill) ? ids.get(numberOf(fill)) : undefined;
    return clientOrderId === undefined ? fill : { ...fill, clientOrderId };
  });
}
