import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { approvalState, pauseHolds, type ApprovalFacts } from './approvals.js';
import { ROLES } from './roles.js';

const NOW = 1_000_000;
const subject = fc.constantFrom('ada', 'rik', 'otto');
const facts: fc.Arbitrary<ApprovalFacts> = fc.record({
  requestedBy: subject,
  expiresTime: fc.integer({ min: NOW - 5, max: NOW + 5 }),
  usedTime: fc.option(fc.integer({ min: 0, max: NOW })),
  isOvertaken: fc.boolean(),
  decisions: fc.array(fc.record({ subject, decision: fc.constantFrom('approved' as const, 'refused' as const), isActive: fc.boolean() }), {
    maxLength: 4,
  }),
});
const yes = (who: string, isActive = true) => ({ subject: who, decision: 'approved' as const, isActive });
const no = (who: string, isActive = true) => ({ subject: who, decision: 'refused' as const, isActive });
const fresh: ApprovalFacts = { requestedBy: 'ada', expiresTime: NOW + 1, usedTime: null, isOvertaken: false, decisions: [] };

test.each([
  ['nobody has looked at it', {}, 'pending'],
  ['another person agrees', { decisions: [yes('rik')] }, 'approved'],
  ['only the asker agrees', { decisions: [yes('ada')] }, 'pending'],
  ['who agreed has left', { decisions: [yes('rik', false)] }, 'pending'],
  ['one agrees, one does not', { decisions: [yes('rik'), no('otto')] }, 'refused'],
  ['who refused has left', { decisions: [no('otto', false)] }, 'refused'],
  ['one tick before its end', { decisions: [yes('rik')], expiresTime: NOW + 1 }, 'approved'],
  ['at its end', { decisions: [yes('rik')], expiresTime: NOW }, 'expired'],
  ['its halt was called again', { decisions: [yes('rik')], isOvertaken: true }, 'overtaken'],
  ['used', { decisions: [yes('rik')], usedTime: NOW - 1 }, 'used'],
] as const)('%s', (_, change, state) => {
  expect(approvalState({ ...fresh, ...change }, NOW)).toBe(state);
});

describe('properties', () => {
  it('approved is only what another active person approved, nobody refused, and is neither used, overtaken nor over', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const others = given.decisions.filter((decision) => decision.subject !== given.requestedBy);
        const expected =
          given.usedTime === null &&
          !given.isOvertaken &&
          given.expiresTime > NOW &&
          others.some(({ decision, isActive }) => decision === 'approved' && isActive) &&
          others.every(({ decision }) => decision !== 'refused');
        return (approvalState(given, NOW) === 'approved') === expected;
      }),
    );
  });

  it('what its asker says of it changes nothing', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const decisions = given.decisions.filter((decision) => decision.subject !== given.requestedBy);
        return approvalState(given, NOW) === approvalState({ ...given, decisions }, NOW);
      }),
    );
  });

  it('time alone never opens what is closed', () => {
    fc.assert(
      fc.property(facts, fc.nat(20), (given, later) => {
        const before = approvalState(given, NOW);
        const after = approvalState(given, NOW + later);
        return after === before || after === 'expired';
      }),
    );
  });
});

it('a pause holds when a risk officer made it, whatever else that person is', () => {
  fc.assert(fc.property(fc.subarray([...ROLES]), (roles) => pauseHolds(roles) === roles.includes('risk')));
});
