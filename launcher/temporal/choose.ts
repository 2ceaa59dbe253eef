import { KeelsonError } from '../../core/errors.js';
import type { BinarySource, Refusal, SourceStep } from './sources/source.js';
import type { TemporalBinary } from './start.js';
import { isAtLeast } from './version.js';

/** What is said while sources are tried, one at a time. */
export type ResolveProgress =
  | { readonly event: 'trying' | 'found'; readonly source: string }
  | { readonly event: 'refused'; readonly source: string; readonly whyNot: string }
  | ({ readonly event: 'step'; readonly source: string } & SourceStep);

/** The version that has all that is used here: updates, eager start, search attributes by namespace. */
export const OLDEST_SERVER = '1.29.0';

export interface ChosenBinary {
  readonly source: string;
  readonly binary: TemporalBinary;
}

/**
 * The first source that gives a server young enough. A source that throws is refused like any other.
 *
 * @param writtenBy version that wrote the database file: an older server does not open it
 * @throws KeelsonError CONFIG_NO_TEMPORAL with a table of source, why not, what to do
 */
export async function chooseBinary(
  sources: readonly BinarySource[],
  writtenBy: string | undefined,
  report: (progress: ResolveProgress) => void,
): Promise<ChosenBinary> {
  const refusals: (Refusal & { source: string })[] = [];
  for (const each of sources) {
    const source = each.name;
    report({ event: 'trying', source });
    const outcome = await each
      .find((step) => report({ event: 'step', source, ...step }))
      .catch((error: Error) => ({ whyNot: error.message, whatToDo: 'see the reason' }));
    const refusal = 'binary' in outcome ? tooOld(outcome.binary, writtenBy) : outcome;
    if ('binary' in outcome && refusal === undefined) {
      report({ event: 'found', source });
      return { source, binary: outcome.binary };
    }
    if (refusal === undefined) continue;
    report({ event: 'refused', source, whyNot: refusal.whyNot });
    refusals.push({ source, ...refusal });
  }
  throw new KeelsonError('CONFIG_NO_TEMPORAL', { table: tableOf(refusals) });
}

function tooOld(binary: TemporalBinary, writtenBy: string | undefined): Refusal | undefined {
  if (!isAtLeast(binary.version, OLDEST_SERVER)) {
    const whyNot = `${binary.path} has server ${binary.version}; ${OLDEST_SERVER} is the oldest that will do`;
    return { whyNot, whatToDo: 'update it' };
  }
  if (writtenBy !== undefined && !isAtLeast(binary.version, writtenBy)) {
    const whyNot = `${binary.path} has server ${binary.version}; the database was written by ${writtenBy}`;
    return { whyNot, whatToDo: 'update it: an older server does not open the file (npx keelson restore lists copies to go back to)' };
  }
  return undefined;
}

/** One source a line, in columns: source · why not · what to do. */
export function tableOf(rows: readonly (Refusal & { source: string })[]): string {
  const cells = [['source', 'why not', 'what to do'], ...rows.map((row) => [row.source, inOneLine(row.whyNot), row.whatToDo])];
  const widthOf = (column: number): number => Math.max(...cells.map((row) => row[column]?.length ?? 0));
  const [first, second] = [widthOf(0), Math.min(widthOf(1), 70)];
  return cells.map(([source = '', whyNot = '', todo = '']) => `  ${source.padEnd(first)}  ${whyNot.padEnd(second)}  ${todo}`).join('\n');
}

const LONGEST_REASON = 200;

function inOneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON)}…` : line;
}
