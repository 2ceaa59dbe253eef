import { Rebuild, type Difference } from '../../core/ledger/rebuild.js';
import type { Database } from '../read/database.js';
import { readLedgerState, type LedgerState } from '../read/ledger.js';
import { LedgerByFill, recomputeEquity, type RecomputedEquity } from './equity.js';

export interface Verification {
  readonly account: string;
  readonly fills: number;
  readonly movements: number;
  /** Of the equity series, since the time that was asked for. */
  readonly equityPoints: number;
  readonly differences: readonly Difference[];
}

/** Recomputes an account from its fills and movements, and its equity since that time, and names everything that is stored otherwise. */
export async function verifyLedger(database: Database, account: string, since = 0): Promise<Verification> {
  const { fills, movements, equityPoints, differences } = await recompute(database, account, since);
  return { account, fills, movements, equityPoints, differences };
}

/** The same, with the positions that follow from the fills up to `lastBooking`, and the equity. */
export async function recompute(
  database: Database,
  account: string,
  since: number,
): Promise<Verification & Pick<LedgerState, 'lastBooking'> & Pick<Rebuild, 'positions'> & { readonly equity: RecomputedEquity }> {
  const { stored, movements, lastBooking } = await readLedgerState(database, account);
  const rebuild = new Rebuild();
  let fills = 0;
  const ledger = new LedgerByFill(database, account, stored.auditedOpening ?? stored.opening, lastBooking, ({ fill, postings, stands }) => {
    // The series may know fills that were booked after what is compared here was read.
    if (fill.booking > lastBooking) return;
    rebuild.addFill(fill, postings, stands);
    fills += 1;
  });
  const equity = await recomputeEquity(database, account, since, ledger);
  await ledger.after(lastBooking);
  for (const { movement, postings } of movements) rebuild.addMovement(movement, postings);
  const differences = [...rebuild.differences(stored), ...equity.rebuild.differences(equity.newest)];
  const found = { account, fills, movements: movements.length, equityPoints: equity.rebuild.points, differences };
  return { ...found, lastBooking, positions: rebuild.positions, equity };
}
