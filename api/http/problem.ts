import { ERRORS, failure, KeelsonError, type ErrorCode, type ErrorValues } from '../../core/errors.js';
import { z } from 'zod';

export const PROBLEM_TYPE = 'application/problem+json';

/** RFC 9457. `problems` lists each wrong field of a request; `reference` finds an unexpected error in the log. */
export const problemSchema = z.strictObject({
  type: z.string().describe('`urn:keelson:error:` and the code.'),
  title: z.string().describe('The kind of error, for people.'),
  status: z.int(),
  detail: z.string().describe('What happened, to what, and what to do.'),
  instance: z.string().describe('The path that was called.'),
  code: z.string().describe('Code of docs/reference/errors.md.'),
  problems: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  reference: z.string().optional(),
});
export type Problem = z.output<typeof problemSchema>;
export type FieldProblem = NonNullable<Problem['problems']>[number];

const TITLES: Readonly<Record<(typeof ERRORS)[ErrorCode]['kind'], string>> = {
  refusal: 'Refused by the risk gate',
  input: 'The request is not valid',
  access: 'Access is refused',
  venueTransient: 'The venue cannot be reached',
  venueFinal: 'The venue refuses',
  outcomeUnknown: 'The outcome is not known yet',
  dataQuality: 'The data cannot be used',
  model: 'The model cannot be used',
  configuration: 'The configuration is wrong',
  infrastructure: 'A part of the system does not answer',
};

/** An error of a request: a registry code, and for input every wrong field. */
export class RequestError extends KeelsonError {
  readonly problems: readonly FieldProblem[];
  constructor(problems: readonly FieldProblem[]) {
    super('INPUT_INVALID', { problems: problems.map(({ path, message }) => `${path}: ${message}`).join('; ') });
    this.problems = problems;
  }
}

export function problemOf(
  code: ErrorCode,
  values: ErrorValues,
  instance: string,
  extra: Pick<Problem, 'problems' | 'reference'> = {},
): Problem {
  const { kind, httpStatus } = ERRORS[code];
  return {
    type: `urn:keelson:error:${code}`,
    title: TITLES[kind],
    status: httpStatus,
    detail: failure(code, values).message,
    instance,
    code,
    ...extra,
  };
}

/**
 * The problem that a caller is shown for an error. What is not ours is shown as INTERNAL with a reference only: the text of a
 * foreign error can hold addresses, SQL or secrets.
 */
export function problemFrom(error: unknown, instance: string, reference: string): Problem {
  if (error instanceof RequestError) return problemOf('INPUT_INVALID', error.failure.values, instance, { problems: [...error.problems] });
  if (error instanceof KeelsonError) return problemOf(error.failure.code, error.failure.values, instance);
  const refused = refusedByServer(error);
  if (refused !== undefined) return problemFrom(new RequestError([refused]), instance, reference);
  if (isConnectionLoss(error)) return problemOf('INFRA_DATABASE', { detail: `reference ${reference}` }, instance, { reference });
  return problemOf('INTERNAL', { reference, process: 'api' }, instance, { reference });
}

/** What the HTTP layer refuses before a route is asked: bad JSON, a body too large, another content type. */
function refusedByServer(error: unknown): FieldProblem | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return undefined;
  if (error.statusCode < 400 || error.statusCode >= 500) return undefined;
  const reasons: Readonly<Record<number, string>> = {
    413: 'the body is larger than 64 KiB',
    415: 'the body must be application/json',
  };
  return { path: 'body', message: reasons[error.statusCode] ?? 'the body is not valid JSON' };
}

const LOST = /^(08|57P0|53)|^E(CONN|PIPE|TIMEDOUT|HOST|NET)/;
function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return LOST.test(code) || /connection terminated|timeout exceeded when trying to connect|Query read timeout/i.test(error.message);
}
