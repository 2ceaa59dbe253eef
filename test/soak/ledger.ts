import { soakLedger, type LedgerSoakOptions } from './ledger/run.js';

/** Days of trading through faults and crashes, then the ledger against the venues; the last line is the outcome. @returns whether nothing was broken */
export async function soakTheLedger(options: LedgerSoakOptions): Promise<boolean> {
  const outcome = await soakLedger(options, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  return outcome.broken.length === 0 && outcome.differences === 0;
}
