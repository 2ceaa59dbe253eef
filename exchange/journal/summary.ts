import { plainText, unitsOf } from '../amount/units.js';
import { readJournal } from './reader.js';
import type { ActionEvent, BalanceEvent, FaultEvent, FillEvent, JournalLine, JournalOrder, RequestEvent } from './record.js';

/** A fill with the time of its line. */
export interface JournaledFill extends FillEvent {
  readonly time: number;
}

/** What the journal says of one account, as of its last whole line. */
export interface AccountSummary {
  /** By order id, each as it stands at the end. */
  readonly orders: ReadonlyMap<number, JournalOrder>;
  readonly fills: readonly JournaledFill[];
  /** By asset. */
  readonly balances: ReadonlyMap<string, { readonly free: string; readonly locked: string }>;
  /** Every call that would change orders, accepted or not, in the order of arrival. */
  readonly requests: readonly (RequestEvent & { readonly time: number })[];
}

export interface JournalSummary {
  readonly lines: number;
  /** By name; `$market` and `$fees` are there as well. */
  readonly accounts: ReadonlyMap<string, AccountSummary>;
  readonly faults: readonly FaultEvent[];
  readonly actions: readonly ActionEvent[];
  /** What is wrong in the journal itself: sums of assets that changed, fills that do not add up. Empty when all is well. */
  readonly problems: readonly string[];
}

interface Draft {
  readonly orders: Map<number, JournalOrder>;
  readonly fills: JournaledFill[];
  readonly balances: Map<string, { free: string; locked: string }>;
  readonly requests: (RequestEvent & { time: number })[];
}

/** Reads a whole journal for those who judge by it. @throws RangeError when it was edited. */
export function summarizeJournal(file: string): JournalSummary {
  const drafts = new Map<string, Draft>();
  const faults: FaultEvent[] = [];
  const actions: ActionEvent[] = [];
  const problems: string[] = [];
  const sums = new Map<string, bigint>();
  const end = readJournal(file, (line) => {
    for (const event of line.events) {
      if (event.type === 'fault') faults.push(event);
      else if (event.type === 'action') actions.push(event);
      else if (event.type === 'balance') addBalance(draftOf(drafts, event.account), event, sums);
      else if (event.type === 'request') draftOf(drafts, event.account).requests.push({ ...event, time: line.time });
      else if (event.type === 'order') draftOf(drafts, event.order.account).orders.set(event.order.orderId, event.order);
      else if (event.type === 'fill') addFill(draftOf(drafts, event.account), event, line, problems);
    }
    for (const [asset, sum] of sums) if (sum !== 0n) problems.push(`line ${line.seq}: ${plainText(sum)} ${asset} came from nowhere`);
  });
  return { lines: end.seq, accounts: drafts, faults, actions, problems };
}

function draftOf(drafts: Map<string, Draft>, account: string): Draft {
  const known = drafts.get(account);
  if (known !== undefined) return known;
  const draft: Draft = { orders: new Map(), fills: [], balances: new Map(), requests: [] };
  drafts.set(account, draft);
  return draft;
}

function addBalance(draft: Draft, { asset, free, locked }: BalanceEvent, sums: Map<string, bigint>): void {
  const before = draft.balances.get(asset) ?? { free: '0', locked: '0' };
  const change = unitsOf(free) + unitsOf(locked) - unitsOf(before.free) - unitsOf(before.locked);
  sums.set(asset, (sums.get(asset) ?? 0n) + change);
  draft.balances.set(asset, { free, locked });
}

function addFill(draft: Draft, fill: FillEvent, line: JournalLine, problems: string[]): void {
  draft.fills.push({ ...fill, time: line.time });
  const order = draft.orders.get(fill.orderId);
  if (order === undefined) {
    problems.push(`line ${line.seq}: a fill of order ${fill.orderId}, which was never admitted`);
    return;
  }
  if (unitsOf(order.executed) + unitsOf(fill.quantity) !== unitsOf(fill.executed)) {
    problems.push(`line ${line.seq}: order ${fill.orderId} had ${order.executed}, filled ${fill.quantity} and has ${fill.executed}`);
  }
  const { executed, executedQuote, status, locked } = fill;
  draft.orders.set(fill.orderId, { ...order, executed, executedQuote, status, locked, updateTime: line.time });
}
