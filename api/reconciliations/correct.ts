import { FLAT, applyFill, type PositionState } from '../../core/ledger/position.js';
import { decimal, text, type DecimalText } from '../../core/money/index.js';
import type { Database } from '../read/database.js';
import { standingFills } from '../read/ledger.js';

/** What a decision would append to the fills of a position. */
export interface Correction extends Readonly<Record<'account' | 'strategy' | 'instrument' | 'base' | 'quote', string>> {
  /** Of what was booked by then. */
  readonly lastBooking: number;
  readonly rows: readonly {
    /** The row that it takes back; null: what stands in its place. */
    readonly reverses: string | null;
    readonly venueOrderId: string;
    readonly side: 'buy' | 'sell';
    readonly price: DecimalText;
    readonly quantity: DecimalText;
    readonly amount: DecimalText | null;
    readonly fee: DecimalText;
    readonly feeAsset: string;
  }[];
}

/**
 * The position after a correction, as the ledger would have it, had it never been told otherwise.
 * @param database one whose statements may take long
 */
export async function afterCorrection(
  database: Database,
  correction: Correction,
): Promise<Readonly<Record<keyof PositionState, DecimalText>>> {
  const { base, quote, rows } = correction;
  const isReversed = (rowId: string, venueOrderId: string): boolean =>
    rows.some((row) => row.reverses === rowId && row.venueOrderId === venueOrderId);
  let position = FLAT;
  // However long the position's past is, no more than a page of it is held, and halts are answered between two of them.
  for await (const { rowId, ...fill } of standingFills(database, correction)) {
    if (!isReversed(rowId, fill.venueOrderId)) position = applyFill(position, fill);
  }
  for (const { reverses, price, quantity, amount, fee, ...row } of rows) {
    if (reverses !== null) continue;
    position = applyFill(position, {
      ...row,
      ...{ price: decimal(price), quantity: decimal(quantity), fee: decimal(fee), base, quote },
      amount: amount === null ? undefined : decimal(amount),
    });
  }
  const { quantity, cost, realizedPnl } = position;
  return { quantity: text(quantity), cost: text(cost), realizedPnl: text(realizedPnl) };
}
