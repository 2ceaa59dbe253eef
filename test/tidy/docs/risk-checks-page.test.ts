import { expect, it } from 'vitest';
import { ERRORS } from '../../../core/errors.js';
import { NOT_OF_THE_GATE, RISK_CHECKS } from '../../../core/risk/checks.js';
import { LIMIT_KEYS } from '../../../core/risk/limit-table.js';
import { riskChecksPage } from './risk-checks-page.js';

it('every refusal is a check of the gate, or named as one of another step', () => {
  const refusals = Object.entries(ERRORS).flatMap(([code, { kind }]) => (kind === 'refusal' ? [code] : []));
  const listed = [...RISK_CHECKS.map(({ code }) => code), ...NOT_OF_THE_GATE];
  expect([...new Set<string>(listed)].toSorted()).toEqual(refusals.toSorted());
});

it('every limit bounds a check, but the fee, which is set aside', () => {
  const bounds = new Set<string>(RISK_CHECKS.map(({ bound }) => bound));
  expect(LIMIT_KEYS.filter((key) => !bounds.has(key))).toEqual(['takerFeeBps']);
});

it('risk-checks.md is what the tables say (npm test -- test/tidy/docs --update)', async () => {
  await expect(riskChecksPage()).toMatchFileSnapshot('../../../docs/reference/risk-checks.md');
});
