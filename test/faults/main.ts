import { Command, InvalidArgumentError } from 'commander';
import { asLine, asText, FIRST_SEED, LANES, runFaults } from './faults.js';
import { CELLS } from './matrix/cells.js';
import type { Verdict } from './matrix/run.js';

const USAGE_EXIT = 2;

const whole = (text: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('A whole number from 1.');
  return Number(text);
};

/** Any that a double tells from the next. */
const seedOf = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('A whole number from 0.');
  return Number(text);
};

interface Options {
  readonly seed: number;
  readonly cases: number;
  readonly lanes: number;
  readonly only?: string;
  readonly json?: boolean;
}

/** `npm run faults -- --seed N --cases N --json`: the fault matrix on servers of its own. Exit 1: something was violated. */
const command = new Command('npm run faults --')
  .description('Every fault of the paper venue at every operation, judged by the venue’s own journal.')
  .option('--seed <number>', 'decides the parameters of every case', seedOf, FIRST_SEED)
  .option('--cases <count>', 'how many, cell after cell of the matrix', whole, 3 * CELLS.length)
  .option('--lanes <count>', 'accounts that work at the same time', whole, LANES)
  .option('--only <name>', 'of those cases only the ones whose name begins so, such as dropReply@submit#2')
  .option('--json', 'one JSON object a line: the cases, then the outcome')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : USAGE_EXIT))
  .parse();

const { json = false, ...options } = command.opts<Options>();
const outcome = await runFaults({ ...options, onVerdict: show });
process.stdout.write(json ? asLine(outcome) : asText(outcome, options));
if (outcome.failed.length > 0) process.exitCode = 1;

function show(verdict: Verdict): void {
  if (json) process.stdout.write(`${JSON.stringify(verdict)}\n`);
  else process.stderr.write(`${verdict.violations.length === 0 ? 'ok  ' : 'FAIL'} ${verdict.name}\n`);
}
