import { cloneDatabase, providePostgres } from '../support/postgres-server.js';
import { provideTemporal } from '../support/temporal-server.js';
import { runMatrix, type Outcome, type RunOptions } from './matrix/run.js';

export const FIRST_SEED = 20_261_125;
export const LANES = 14;

/** The fault matrix on a Postgres and a Temporal server of its own. */
export async function runFaults(options: RunOptions): Promise<Outcome> {
  const postgres = providePostgres();
  const temporal = provideTemporal();
  try {
    const database = await cloneDatabase(await postgres.get());
    try {
      return await runMatrix(database, await temporal.get(), options);
    } finally {
      await database.drop();
    }
  } finally {
    await Promise.all([postgres.stop(), temporal.stop()]);
  }
}

/** The outcome as the last line of `--json`; each case has had a line of its own. */
export function asLine({ failed: _told, ...figures }: Outcome): string {
  return `${JSON.stringify(figures)}\n`;
}

/** How often each fault struck at each operation, and which stops there were. */
export function coverageText({ coverage, stops }: Pick<Outcome, 'coverage' | 'stops'>): string {
  const listed = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  const rows = Object.entries(coverage).map(([fault, row]) => `  ${fault}: ${listed(row)}`);
  return ['struck:', ...rows, `stops: ${listed(stops)}`].join('\n');
}

/** The outcome for people: what was violated, how to see it again, and the figures. */
export function asText(outcome: Outcome, asked: Pick<RunOptions, 'cases'>): string {
  const { cases, again, faults, cells, idle, violations, failed, seed, durationMs } = outcome;
  const lines = failed.flatMap(({ name, violations: found }) => [
    `${name} (again: npm run faults -- --seed ${seed} --cases ${asked.cases} --only '${name}')`,
    ...found.map((one) => `  ${one}`),
  ]);
  lines.push(coverageText(outcome));
  if (idle.length > 0) lines.push(`never struck: ${idle.join(', ')}`);
  const seconds = (durationMs / 1_000).toFixed(0);
  lines.push(
    `${cases}${again === 0 ? '' : ` and ${again} more`} cases of ${cells} cells, ${faults} faults, ${violations} violations, seed ${seed}, ${seconds} s`,
  );
  return `${lines.join('\n')}\n`;
}
