import type { z } from 'zod';
import { KeelsonError, type ErrorCode, type ErrorValues } from '../core/errors.js';
import { withoutCredentials } from './redacted.js';

/** One thing wrong with the configuration: where, and what was expected there. */
export interface Problem {
  /** A path into the file (`limits.main.collarBps`) or the name of an environment variable. */
  readonly path: string;
  readonly message: string;
  /** A problem with a code of its own; it is thrown under that code when it is the only one. */
  readonly cause?: { readonly code: ErrorCode; readonly values: ErrorValues };
}

/** Writes a path as people write it: `strategies[0].model.path`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const key = String(part);
    if (!/^[$\w-]+$/.test(key)) return `${text}[${JSON.stringify(key)}]`;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** Turns the issues of a zod parse into problems, one for each unknown key and each wrong value. */
export function problemsOf(error: z.ZodError, input: unknown): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: pathText([...issue.path, key]), message: 'is not a known key' }));
    }
    const found = valueAt(input, issue.path);
    const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : plain(issue.message);
    if (issue.code === 'invalid_key') return [{ path: pathText(issue.path), message: `as a key: ${message}` }];
    return [{ path: pathText(issue.path), message: found === undefined ? `is missing: ${message}` : `${message}, found ${shown(found)}` }];
  });
}

/** @throws KeelsonError CONFIG_INVALID with every problem, or the one problem under its own code. */
export function throwProblems(where: string, problems: readonly Problem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  if (problems.length === 1 && first.cause !== undefined) throw new KeelsonError(first.cause.code, first.cause.values);
  throw new KeelsonError('CONFIG_INVALID', {
    path: where,
    count: problems.length,
    problems: problems.map(({ path, message }) => `  ${path === '' ? '(the whole file)' : path}: ${message}`).join('\n'),
  });
}

function plain(message: string): string {
  return message
    .replace(/^Invalid input: /, '')
    .replace(/, received .*$/, '')
    .replace(/^expected (record|object)$/, 'expected an object');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined),
    input,
  );
}

/** A wrong value as it stands in the file, shortened; an address loses its user and password first. */
function shown(value: unknown): string {
  const written = JSON.stringify(typeof value === 'string' ? withoutCredentials(value) : value) ?? String(value);
  return written.length > 60 ? `${written.slice(0, 57)}…` : written;
}
