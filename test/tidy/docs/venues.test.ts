import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VENUE_WIRES } from '../../../core/venue/wires.js';

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

it.each(Object.entries(VENUE_WIRES))('README says of %s whether this build is proven on it', (venue, { isProven }) => {
  const row = readme.split('\n').find((line) => line.trim().startsWith(`| ${venue} (`));
  expect(row?.split('|').at(-2)?.trim()).toBe(isProven ? 'proven' : 'unproven');
});
