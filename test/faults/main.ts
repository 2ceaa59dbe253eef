import { Command, InvalidArgumentError } from 'commander';
import { cloneDatabase, providePostgres } from '../support/postgres-server.js';
import { provideTemporal } from '../support/temporal-server.js';
import { CELLS } from './matrix/cells.js';
import { runMatrix, type Outcome, type Verdict } from './matrix/run.js';

const USAGE_EXIT = 2;

const whole = (text: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('A whole number from 1.');
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
  .option('--seed <number>', 'decides the parameters of every case', whole, 20_261_125)
  .option('--cases <count>', 'how many, cell after cell of the matrix', whole, 3 * CELLS.length)
  .option('--lanes <count>', 'accounts that work at the same time', whole, 24)
  .option('--only <name>', 'of those cases only the ones whose name begins so, such as dropReply@submit#2')
  .option('--json', 'one JSON object a line: the cases, then the outcome')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : USAGE_EXIT))
  .parse();

const options = command.opts<Options>();
const outcome = await onOwnServers();
const { failed, ...figures } = outcome;
process.stdout.write(options.json === true ? `${JSON.stringify(figures)}\n` : asText(outcome));
if (failed.length > 0) process.exitCode = 1;

async function onOwnServers(): Promise<Outcome> {
  const postgres = providePostgres();
  const temporal = provideTemporal();
  try {
    const database = await cloneDatabase(await postgres.get());
    try {
      return await runMatrix(database, await temporal.get(), { ...options, onVerdict: show });
    } finally {
      await database.drop();
    }
  } finally {
    await Promise.all([postgres.stop(), temporal.stop()]);
  }
}

function show(verdict: Verdict): void {
  if (options.json === true) process.stdout.write(`${JSON.stringify(verdict)}\n`);
  else process.stderr.write(`${verdict.violations.length === 0 ? 'ok  ' : 'FAIL'} ${verdict.name}\n`);
}

function asText({ cases, faults, cells, idle, violations, failed, seed, durationMs }: Outcome): string {
  const lines = failed.flatMap(({ name, violations: found }) => [
    `${name} (again: --seed ${seed} --cases ${options.cases} --only '${name}')`,
    ...found.map((one) => `  ${one}`),
  ]);
  if (idle.length > 0) lines.push(`never struck: ${idle.join(', ')}`);
  lines.push(
    `${cases} cases of ${cells} cells, ${faults} faults, ${violations} violations, seed ${seed}, ${(durationMs / 1_000).toFixed(0)} s`,
  );
  return `${lines.join('\n')}\n`;
}
