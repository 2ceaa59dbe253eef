import { ROLES, type Role } from './roles.js';

/**
 * Who may do what: the one table that routes and commands are held to. Stopping is easy, whoever trades, watches the risk
 * or keeps the machines may do it; starting again is for those who answer for it.
 */
export const ACTIONS = {
  read: ROLES,
  pause: ['trader', 'risk', 'operator', 'admin'],
  halt: ['trader', 'risk', 'operator', 'admin'],
  rearm: ['risk', 'admin'],
  resume: ['risk', 'operator', 'admin'],
  block: ['trader', 'risk', 'operator', 'admin'],
  unblock: ['risk', 'admin'],
  decideOrder: ['risk', 'admin'],
  reconcile: ['risk', 'operator', 'admin'],
  decideDifference: ['risk', 'admin'],
  rebuildLedger: ['risk', 'admin'],
  changeLimits: ['risk', 'admin'],
  askOverride: ['trader', 'risk', 'admin'],
  endOverride: ['trader', 'risk', 'operator', 'admin'],
  closeIncident: ['risk', 'operator', 'admin'],
  bookMovement: ['operator', 'admin'],
  acknowledgeAlert: ['trader', 'risk', 'operator', 'admin'],
  testAlert: ['risk', 'operator', 'admin'],
  decideApproval: ['risk', 'admin'],
  askRunbook: ['risk', 'operator', 'admin'],
  tellRunbook: ['risk', 'operator', 'admin'],
  skipStep: ['risk', 'admin'],
  controlSchedule: ['risk', 'operator', 'admin'],
  signStep: ['trader', 'risk', 'operator', 'admin'],
  listPeople: ['auditor', 'admin'],
  changePeople: ['admin'],
} as const satisfies Readonly<Record<string, readonly Role[]>>;
export type Action = keyof typeof ACTIONS;

/** Roles that are not known here, from a newer build perhaps, allow nothing. */
export function mayDo(roles: readonly string[], action: Action): boolean {
  return ACTIONS[action].some((role) => roles.includes(role));
}
