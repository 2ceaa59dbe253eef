import type { KnownDifference } from '../../core/reconcile/difference.js';
import { fillName, OrderNames } from '../../core/reconcile/fills.js';
import type { LedgerSight, SeenFill } from '../../core/reconcile/sight.js';
import type { VenueReader } from '../ports/venue.js';
import type { Turns } from '../turns.js';
import type { ReconcileDependencies } from './dependencies.js';

/**
 * The fills that were seen, those of other hands with what their fee was really taken in, where the venue's list does not say. What was read
 * once is known from its difference; the rest is asked for, so many, those first that were asked for least.
 */
export async function withFees(
  { log }: Pick<ReconcileDependencies, 'log'>,
  reader: Pick<VenueReader, 'paidFee'>,
  fills: readonly SeenFill[],
  ledger: LedgerSight,
  known: readonly KnownDifference[],
  most: number,
  turn: Turns,
): Promise<readonly SeenFill[]> {
  const names = new OrderNames(ledger.orders);
  const booked = new Set(ledger.fills.map(fillName));
  const assumed = fills.filter(
    (fill) =>
      fill.isFeeAssumed === true && fill.eventTime >= ledger.onboardedTime && !booked.has(fillName(fill)) && names.of(fill) === undefined,
  );
  if (assumed.length === 0) return fills;
  const read = new Map<string, Pick<SeenFill, 'fee' | 'feeAsset'>>();
  for (const { evidence } of known) {
    const { fills: told = [] } = (evidence.venue ?? {}) as { readonly fills?: readonly SeenFill[] };
    for (const fill of told) if (fill.isFeeAssumed !== true) read.set(fillName(fill), fill);
  }
  const unread = assumed.filter((fill) => !read.has(fillName(fill)));
  for (const fill of turn.inTurn(unread, fillName).slice(0, most)) {
    turn.took(fillName(fill));
    try {
      const paid = await reader.paidFee(fill);
      if (paid !== undefined) read.set(fillName(fill), paid);
    } catch (error) {
      // It is told all the same, with the fee as the list has it.
      log.warn({ trade: fillName(fill), error: String(error) }, 'in what a fee was paid could not be read');
    }
  }
  const asked = new Set(assumed);
  return fills.map((fill) => {
    const paid = asked.has(fill) ? read.get(fillName(fill)) : undefined;
    if (paid === undefined) return fill;
    const { isFeeAssumed: _, ...told } = fill;
    return { ...told, fee: paid.fee, feeAsset: paid.feeAsset };
  });
}
