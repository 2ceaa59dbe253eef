/** What a person may be. One person may have several. */
export const ROLES = ['viewer', 'trader', 'risk', 'operator', 'auditor', 'admin'] as const;
export type Role = (typeof ROLES)[number];
