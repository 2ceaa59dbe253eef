import type { BalanceChange } from '../accounts/ledger.js';
import type { PublicTrade } from '../book/instrument-book.js';
import type { JournalEvent } from '../journal/record.js';
import type { ExecutionReport } from './order.js';

/** What one command or one tick has changed; it is journaled as one line before anybody hears of it. */
export interface Transaction {
  readonly time: number;
  /** Events that lead the journal's line: the request, a fault, an action by hand. */
  readonly events: JournalEvent[];
  readonly reports: ExecutionReport[];
  readonly trades: PublicTrade[];
}

export interface Committed {
  readonly time: number;
  readonly reports: readonly ExecutionReport[];
  readonly trades: readonly PublicTrade[];
  readonly balances: readonly BalanceChange[];
}

export function transactionAt(time: number, ...events: JournalEvent[]): Transaction {
  return { time, events, reports: [], trades: [] };
}
