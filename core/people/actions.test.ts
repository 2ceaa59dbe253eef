import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { ACTIONS, mayDo, type Action } from './actions.js';
import { ROLES, type Role } from './roles.js';

/** Written out once more, by hand: who gains or loses something has to be changed here too. */
const MATRIX: Readonly<Record<Action, Readonly<Record<Role, boolean>>>> = {
  read: { viewer: true, trader: true, risk: true, operator: true, auditor: true, admin: true },
  pause: { viewer: false, trader: true, risk: true, operator: true, auditor: false, admin: true },
  resume: { viewer: false, trader: false, risk: true, operator: true, auditor: false, admin: true },
  halt: { viewer: false, trader: true, risk: true, operator: true, auditor: false, admin: true },
  rearm: { viewer: false, trader: false, risk: true, operator: false, auditor: false, admin: true },
  block: { viewer: false, trader: true, risk: true, operator: true, auditor: false, admin: true },
  unblock: { viewer: false, trader: false, risk: true, operator: false, auditor: false, admin: true },
  decideOrder: { viewer: false, trader: false, risk: true, operator: false, auditor: false, admin: true },
  reconcile: { viewer: false, trader: false, risk: true, operator: true, auditor: false, admin: true },
  decideDifference: { viewer: false, trader: false, risk: true, operator: false, auditor: false, admin: true },
  rebuildLedger: { viewer: false, trader: false, risk: true, operator: false, auditor: false, admin: true },
  changeLimits: { viewer: false, trader: false, risk: true, operator: false, auditor: false, admin: true },
  askOverride: { viewer: false, trader: true, risk: true, operator: false, auditor: false, admin: true },
  endOverride: { viewer: false, trader: true, risk: true, operator: true, auditor: false, admin: true },
  acknowledgeAlert: { viewer: false, trader: true, risk: true, operator: true, auditor: false, admin: true },
  testAlert: { viewer: false, trader: false, risk: true, operator: true, auditor: false, admin: true },
  closeIncident: { viewer: false, trader: false, risk: true, operator: true, auditor: false, admin: true },
  askRunbook: { viewer: false, trader: false, risk: true, operator: true, auditor: false, admin: true },
  tellRunbook: { viewer: false, trader: false, risk: true, operator: true, auditor: false, admin: true },
  controlSchedule: { viewer: false, trader: false, risk: true, operator: true, auditor: false, admin: true },
  skipStep: { viewer: false, trader: false, risk: true, operator: false, auditor: false, admin: true },
  signStep: { viewer: false, trader: true, risk: true, operator: true, auditor: false, admin: true },
  bookMovement: { viewer: false, trader: false, risk: false, operator: true, auditor: false, admin: true },
  decideApproval: { viewer: false, trader: false, risk: true, operator: false, auditor: false, admin: true },
  listPeople: { viewer: false, trader: false, risk: false, operator: false, auditor: true, admin: true },
  changePeople: { viewer: false, trader: false, risk: false, operator: false, auditor: false, admin: true },
};
const actions = Object.keys(ACTIONS) as Action[];

test.each(actions.flatMap((action) => ROLES.map((role) => [role, action] as const)))('%s × %s', (role, action) => {
  expect(mayDo([role], action)).toBe(MATRIX[action][role]);
});

describe('properties', () => {
  const roles = fc.subarray([...ROLES]);
  const action = fc.constantFrom(...actions);

  it('several roles may what one of them may, and nothing more', () => {
    fc.assert(fc.property(roles, action, (held, what) => mayDo(held, what) === held.some((role) => MATRIX[what][role])));
  });

  it('a role that is not known adds nothing', () => {
    fc.assert(fc.property(roles, action, fc.string(), (held, what, other) => mayDo([...held, `${other}?`], what) === mayDo(held, what)));
  });

  it('who may start again may stop', () => {
    fc.assert(fc.property(roles, (held) => !mayDo(held, 'resume') || mayDo(held, 'pause')));
    fc.assert(fc.property(roles, (held) => !mayDo(held, 'unblock') || mayDo(held, 'block')));
  });
});
