import { Command, InvalidArgumentError } from 'commander';
import { soakAsleep, soakAsleepHour } from './asleep.js';
import { soakCrash } from './crash.js';
import { soakDemo } from './demo.js';
import { EIGHT_HOURS } from './demo-sources.js';
import { soakFaults } from './faults.js';
import { soakKill } from './kill.js';
import { soakTheLedger } from './ledger.js';
import type { LedgerSoakOptions } from './ledger/run.js';
import { soakModel } from './model.js';
import { soakReconcile } from './reconcile.js';
import { soakBooks, soakFirstFill } from './real.js';
import { RELEASES } from '../support/releases.js';
import { soakRunbooks } from './runbooks.js';
import { soakUpgrade } from './upgrade.js';

const USAGE_EXIT = 2;

const whole = (text: string): number => {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
};

/** `npm run soak -- NAME`: what takes too long for every test run. */
const program = new Command('npm run soak --')
  .description('Long runs: the demo in virtual time, the real thing, and the order protocol explored.')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : USAGE_EXIT));
program
  .command('demo', { isDefault: true })
  .description('eight hours of the demo in virtual time, from many starts')
  .option('--seed <number>', 'seed of the simulated series', whole, 7)
  .option('--offsets <count>', 'how many starts', whole, 20)
  .option('--bars <count>', 'bars of each', whole, EIGHT_HOURS)
  .action(soakDemo);
program
  .command('first-fill')
  .description('the real thing at many start offsets: from ready to the first fill')
  .option('--offsets <count>', 'how many starts', whole, 20)
  .action(({ offsets }: { offsets: number }) => soakFirstFill(offsets));
program
  .command('books')
  .description('the real thing for some minutes, then its ledger against the venue’s journal')
  .option('--minutes <count>', 'how long', whole, 30)
  .action(async ({ minutes }: { minutes: number }) => {
    if (!(await soakBooks(minutes))) process.exitCode = 1;
  });
program
  .command('asleep')
  .description('the real thing on a machine that sleeps while its venue goes on')
  .option('--minutes <count>', 'how long', whole, 60)
  .action(async ({ minutes }: { minutes: number }) => {
    if (!(await soakAsleep(minutes))) process.exitCode = 1;
  });
program
  .command('asleep-hour')
  .description('an hour by every clock but Temporal’s, while workers and Temporal stand still for some seconds')
  .action(async () => {
    if (!(await soakAsleepHour())) process.exitCode = 1;
  });
program
  .command('model')
  .description('the order protocol explored exhaustively, to deeper bounds')
  .option('--states <count>', 'where a scenario is given up', whole, 15_000_000)
  .option('--only <text>', 'only worlds and lost rules whose name holds this', '')
  .action((options: { states: number; only: string }) => {
    if (!soakModel(options)) process.exitCode = 1;
  });
program
  .command('crash')
  .description('kill -9 of a worker before, during and after every call of its ports')
  .option('--worlds <count>', 'accounts with their workers at once; what is too many for the machine is told as broken', whole, 2)
  .option('--only <text>', 'only points whose name holds this', '')
  .action(async (options: { worlds: number; only: string }) => {
    if (!(await soakCrash(options))) process.exitCode = 1;
  });
program
  .command('runbooks')
  .description('kill -9 of a guardian before and after everything that is written of a run, in each part of each runbook')
  .option('--worlds <count>', 'accounts with their workers at once; what is too many for the machine is told as broken', whole, 2)
  .option('--only <text>', 'only deaths whose name holds this', '')
  .action(async (options: { worlds: number; only: string }) => {
    if (!(await soakRunbooks(options))) process.exitCode = 1;
  });
program
  .command('faults')
  .description('the fault matrix with many seeds')
  .option('--seeds <count>', 'how many', whole, 10)
  .option('--turns <count>', 'stories of each fault at each operation', whole, 10)
  .action(async (options: { seeds: number; turns: number }) => {
    if (!(await soakFaults(options))) process.exitCode = 1;
  });
program
  .command('kill')
  .description('a halt over two venues of which one is down; a guardian, Temporal and Postgres are taken away on the way')
  .option('--orders <count>', 'that rest when it is halted, at both venues together; at most 200', whole, 200)
  .option('--outage <seconds>', 'how long one of the venues is down', whole, 60)
  .option('--seed <number>', 'decides which of them, and when something is taken away', whole, 7)
  .action(async ({ orders, outage, seed }: { orders: number; outage: number; seed: number }) => {
    if (!(await soakKill({ orders, outageMs: outage * 1_000, seed }))) process.exitCode = 1;
  });
program
  .command('reconcile')
  .description('two or three damages of an account at once: found, classed, treated, and over when a person says so')
  .option('--cases <count>', 'how many', whole, 200)
  .option('--seed <number>', 'decides which, and how', whole, 20_261_126)
  .action(async (options: { cases: number; seed: number }) => {
    if (!(await soakReconcile(options))) process.exitCode = 1;
  });
program
  .command('ledger')
  .description('days of trading through faults, kills and outages, then the ledger against the venues’ journals')
  .option('--orders <count>', 'at the venues, at least', whole, 5_000)
  .option('--accounts <count>', 'each with a venue of its own', whole, 8)
  .option('--midnights <count>', 'of UTC, that pass meanwhile', whole, 3)
  .option('--kills <count>', 'of each role', whole, 10)
  .option('--no-outages', 'leave Postgres and Temporal alone')
  .option('--seed <number>', 'decides faults, endings and when something is killed', whole, 7)
  .action(async (options: LedgerSoakOptions) => {
    if (!(await soakTheLedger(options))) process.exitCode = 1;
  });
program
  .command('upgrade')
  .description('each release trades, is stopped, and this build goes on over the same home')
  .option('--from <commit>', 'only this one, or another build that has a home')
  .action(async ({ from }: { from?: string }) => {
    for (const commit of from === undefined ? RELEASES.map((one) => one.commit) : [from])
      if (!(await soakUpgrade(commit))) process.exitCode = 1;
  });
await program.parseAsync();
