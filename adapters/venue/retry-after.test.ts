import { expect, it } from 'vitest';
import { retryAfterMs } from './read-call.js';

const NOW = Date.UTC(2026, 10, 26, 12);

it.each<[header: string | undefined, status: number, ms: number]>([
  ['3', 429, 3_000],
  ['0.5', 429, 500],
  ['0', 429, 1_000],
  ['', 429, 1_000],
  [undefined, 429, 1_000],
  [undefined, 418, 60_000],
  ['soon', 418, 60_000],
  ['-7', 429, 1_000],
  // Three days; a moment instead of a duration, as some proxies write it.
  ['259200', 418, 300_000],
  ['1795694400', 429, 300_000],
  ['Thu, 26 Nov 2026 12:00:20 GMT', 429, 20_000],
  ['Thu, 26 Nov 2026 11:00:00 GMT', 429, 1_000],
])('Retry-After %j of a %i is %i ms', (header, status, ms) => {
  expect(retryAfterMs({ status, headers: header === undefined ? {} : { 'retry-after': header } }, NOW)).toBe(ms);
});
