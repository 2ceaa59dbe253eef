import { z } from 'zod';
import { RequestError, type FieldProblem } from './problem.js';

/** Names, ids and instruments of a query: bounded text without control characters. */
export const textInput = (most = 64) =>
  z
    .string({ error: () => 'expected text' })
    .regex(new RegExp(`^[\\x20-\\x7e]{1,${most}}$`), { error: () => `expected 1 to ${most} printable ASCII characters` });

/** Some programs print ids in capitals; workflows are named by them, and the same id must name the same one. */
export const idInput = z.guid({ error: () => 'expected a UUID' }).toLowerCase();

/** Why a person does something. */
export const reasonInput = z
  .string({ error: () => 'expected text' })
  .trim()
  .min(3, { error: () => 'expected a reason of at least 3 characters' })
  .max(500, { error: () => 'expected at most 500 characters' })
  .regex(/^[^\u0000-\u0008\u000b-\u001f\u007f]*$/, { error: () => 'expected text without control characters' })
  .describe('Why, for whoever reads the audit.');

/** A whole number of a query string. */
export const wholeInput = (least: number, most: number) => {
  const expected = `expected a whole number from ${least} to ${most}`;
  return z
    .string({ error: () => expected })
    .regex(/^\d{1,18}$/, { error: () => expected })
    .refine((text) => Number(text) >= least && Number(text) <= most, { error: () => expected })
    .meta({ pattern: '^\\d{1,18}$' })
    .transform(Number);
};

export const limitInput = wholeInput(1, 1_000).optional().describe('How many at most, 1 to 1000; 100 when left out.');
export const USUAL_LIMIT = 100;

export const yesNoInput = (meaning: string) =>
  z
    .enum(['true', 'false'], { error: () => 'expected true or false' })
    .optional()
    .describe(meaning);

const NO_FIELDS = z.strictObject({});

/** Checks query and body together. @throws RequestError with every wrong field of both. */
export function checkedInput(
  parts: Readonly<Record<'query' | 'body', { readonly schema: z.ZodObject | undefined; readonly value: unknown }>>,
): Record<'query' | 'body', Record<string, unknown>> {
  const problems: FieldProblem[] = [];
  const read = (where: 'query' | 'body'): Record<string, unknown> => {
    const result = (parts[where].schema ?? NO_FIELDS).safeParse(parts[where].value ?? {});
    if (result.success) return result.data;
    problems.push(...problemsOf(result.error, where));
    return {};
  };
  const input = { query: read('query'), body: read('body') };
  if (problems.length > 0) throw new RequestError(problems);
  return input;
}

function problemsOf(error: z.ZodError, where: string): FieldProblem[] {
  return error.issues.flatMap((issue): FieldProblem[] => {
    const at = [where, ...issue.path.map(String)].join('.');
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ path: `${at}.${key.slice(0, 64)}`, message: 'is not a known field' }));
    return [{ path: at, message: issue.message.replace(/, received .*$/, '').replace(/^Invalid input: /, '') }];
  });
}
