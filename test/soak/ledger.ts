import { soakLedger, type LedgerSoakOptions, type LedgerSoakOutcome } from './ledger/run.js';

/** Of all calls, so many are to be spoiled at least. */
const LEAST_FAULTS = 0.2;

/** Days of trading through faults and crashes, then the ledger against the venues; the last line is the outcome. @returns whether it was what was asked for, and nothing was broken */
export async function soakTheLedger(options: LedgerSoakOptions): Promise<boolean> {
  const outcome = await soakLedger(options, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  return isSound(outcome, options);
}

/** A run that was easier than it had to be shows nothing. */
export function isSound(
  { orders, faultShare, broken, differences }: Pick<LedgerSoakOutcome, 'orders' | 'faultShare' | 'broken' | 'differences'>,
  wanted: Pick<LedgerSoakOptions, 'orders'>,
): boolean {
  return broken.length === 0 && differences === 0 && orders >= wanted.orders && faultShare >= LEAST_FAULTS;
}
