import { soakLedger, type LedgerSoakOptions, type LedgerSoakOutcome } from './ledger/run.js';

/** Of all calls, so many are to be spoiled at least. */
const LEAST_FAULTS = 0.2;
/** And it is to go over so many midnights (UTC), and to lose each of these once at least. */
const LEAST_MIDNIGHTS = 3;
const KILLED = ['trading', 'guardian'];

/** Days of trading through faults and crashes, then the ledger against the venues; the last line is the outcome. @returns whether it was what was asked for, and nothing was broken */
export async function soakTheLedger(options: LedgerSoakOptions): Promise<boolean> {
  const outcome = await soakLedger(options, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  return isSound(outcome, options);
}

/** A run that was easier than it had to be shows nothing. */
export function isSound(
  {
    orders,
    faultShare,
    broken,
    differences,
    midnights,
    kills,
  }: Pick<LedgerSoakOutcome, 'orders' | 'faultShare' | 'broken' | 'differences' | 'midnights' | 'kills'>,
  wanted: Pick<LedgerSoakOptions, 'orders'>,
): boolean {
  const wasHard = faultShare >= LEAST_FAULTS && midnights >= LEAST_MIDNIGHTS && KILLED.every((role) => (kills[role] ?? 0) > 0);
  return broken.length === 0 && differences === 0 && orders >= wanted.orders && wasHard;
}
