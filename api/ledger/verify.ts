import { Rebuild, type Difference } from '../../core/ledger/rebuild.js';
import type { Database } from '../read/database.js';
import { bookedFills, readLedgerState, type LedgerState } from '../read/ledger.js';

export interface Verification {
  readonly account: string;
  readonly fills: number;
  readonly movements: number;
  readonly differences: readonly Difference[];
}

/** Recomputes an account from its fills and movements, and names everything that is stored otherwise. */
export async function verifyLedger(database: Database, account: string): Promise<Verification> {
  const { fills, movements, differences } = await recompute(database, account);
  return { account, fills, movements, differences };
}

/** The same, with the positions that follow from the fills up to `lastBooking`. */
export async function recompute(
  database: Database,
  account: string,
): Promise<Verification & Pick<LedgerState, 'lastBooking'> & Pick<Rebuild, 'positions'>> {
  const { stored, movements, lastBooking } = await readLedgerState(database, account);
  const rebuild = new Rebuild();
  let fills = 0;
  for await (const { fill, postings, stands } of bookedFills(database, account, lastBooking)) {
    rebuild.addFill(fill, postings, stands);
    fills += 1;
  }
  for (const { movement, postings } of movements) rebuild.addMovement(movement, postings);
  const found = { account, fills, movements: movements.length, differences: rebuild.differences(stored) };
  return { ...found, lastBooking, positions: rebuild.positions };
}
