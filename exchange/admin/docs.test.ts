import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FAULTS } from '../faults/rule.js';
import { ADMIN_ROUTES } from './routes.js';

const page = readFileSync(new URL('../../docs/reference/paper-venue.md', import.meta.url), 'utf8');

test('the reference page has exactly the calls of the admin port', () => {
  const documented = [...page.matchAll(/`((?:GET|POST|DELETE) \/[a-z/:]+)`/g)].map((match) => match[1]);
  expect(new Set(documented)).toEqual(new Set(Object.keys(ADMIN_ROUTES)));
});

test('the reference page has exactly the faults, each with its stage', () => {
  const documented = [...page.matchAll(/^\| `(\w+)` \| (arrival|order|reply|visibility|event|frame) \|/gm)].map((match) => [
    match[1],
    match[2],
  ]);
  expect(Object.fromEntries(documented)).toEqual(FAULTS);
});
