import { ERRORS, type ErrorDefinition, type ErrorKind } from '../../../core/errors.js';

/** The order of the page, and what each kind means to the one who meets it. */
const KINDS: Readonly<Record<ErrorKind, string>> = {
  refusal: 'Keelson itself said no. Returned as data with every reason at once; an order refused like this is *denied*.',
  input: 'The request was wrong. Every wrong field is named at once.',
  access: 'Who is asking is not known, or may not.',
  venueTransient: 'The venue did not answer or asks for patience. Tried again with the venue’s own delay.',
  venueFinal: 'The venue said no. An order refused like this is *rejected*; trying again would give the same answer.',
  outcomeUnknown: 'It is not known whether the venue has the order. It is looked up until it is known, and never sent again.',
  dataQuality: 'The data is not fit to decide on. The step is skipped, with this reason.',
  model: 'The model is not the one that was approved, or does not fit its strategy.',
  configuration: 'Something must be set right before anything starts. All problems are printed at once; exit code 78.',
  infrastructure: 'A part of the system itself is not there or not well.',
};

const RETRIES: Readonly<Record<ErrorDefinition['retry'], string>> = { never: 'no', backoff: 'later', lookUp: 'look up' };

const cell = (text: string): string => text.replaceAll('\n', ' ').replaceAll('|', '\\|');

/** `docs/reference/errors.md`, as the registry says it must read. */
export function errorsPage(): string {
  const sections = Object.entries(KINDS).flatMap(([kind, meaning]) => {
    const rows = Object.entries<ErrorDefinition>(ERRORS)
      .filter(([, definition]) => definition.kind === kind)
      .map(([code, { httpStatus, retry, message }]) => `| \`${code}\` | ${httpStatus} | ${RETRIES[retry]} | ${cell(message)} |`);
    if (rows.length === 0) return [];
    return [`## ${kind}`, '', meaning, '', '| code | HTTP | again? | message |', '|---|---|---|---|', ...rows, ''];
  });
  return [
    '# Errors',
    '',
    'Every failure that Keelson shows has a code from one registry, `core/errors.ts`. This page is held to it by a test;',
    'after a change there, write it anew with `npm test -- test/tidy/docs --update`.',
    '',
    'The same failure travels in payloads, rows, events and HTTP problems as `{code, message, values}`. A command that',
    'fails with one ends with exit code 1, with 2 for wrong usage and with 78 for a configuration that must be corrected.',
    '',
    ...sections,
  ].join('\n');
}
