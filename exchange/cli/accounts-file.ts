import { readFileSync, statSync } from 'node:fs';
import { accountOf, FlagError, type AccountFlag } from './flags.js';

/**
 * Accounts from a file, so that their secrets stand on no command line: a JSON list of texts as `--account` takes them.
 * @throws FlagError with every problem, and when others than the owner can read the file.
 */
export function accountsFrom(file: string): AccountFlag[] {
  let texts: unknown;
  try {
    const { mode } = statSync(file);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new FlagError(`its mode is ${(mode & 0o777).toString(8)}; it holds secrets: chmod 600 it`);
    }
    texts = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    // What a parser says of a wrong text may quote it.
    const reason = error instanceof SyntaxError ? 'it is not JSON' : error instanceof Error ? error.message : String(error);
    throw new FlagError(`--accounts-file ${file}: ${reason}`);
  }
  if (!Array.isArray(texts) || texts.length === 0) throw new FlagError(`--accounts-file ${file}: a JSON list of accounts`);
  const problems: string[] = [];
  const accounts = texts.flatMap((text: unknown, index) => {
    try {
      return [accountOf(String(text))];
    } catch (error) {
      problems.push(`--accounts-file ${file}: entry ${index + 1}: ${error instanceof Error ? error.message : String(error)}`);
      return [];
    }
  });
  if (problems.length > 0) throw new FlagError(problems.join('\n'));
  return accounts;
}
