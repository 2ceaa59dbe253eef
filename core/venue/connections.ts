/** As many as this are held open however many accounts there are: who sends more orders at once opens another. */
const MOST_OPEN = 6;

/**
 * How many connections for orders a process holds open to an address: a venue closes what is idle, so each is used in turn, by reading its clock, and every reading is
 * counted against the address. One account has two, so that a stop finds one while an entry is on its way.
 */
export function openConnections(accounts: number): number {
  return Math.min(accounts + 1, MOST_OPEN);
}

/** What a process reads of a venue's clock in a minute to keep them open, each reading for a weight of one. */
export function clockWeightAMinute(accounts: number, keepWarmMs: number): number {
  return (openConnections(accounts) * 60_000) / keepWarmMs;
}
