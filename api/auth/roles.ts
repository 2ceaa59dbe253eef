/** What a person may do. `owner` is the person of the first start and, like `admin`, may do everything. */
const ROLES = ['viewer', 'trader', 'risk', 'operator', 'auditor', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];

const EVERYTHING: readonly Role[] = ['admin', 'owner'];

/** Everyone with a key may look. */
export const READERS: readonly Role[] = [...ROLES];
/** Stopping is easy: whoever trades, watches the risk or keeps the machines may do it. */
export const PAUSERS: readonly Role[] = ['trader', 'risk', 'operator', ...EVERYTHING];
/** Starting again is the decision of those who answer for it. */
export const RESUMERS: readonly Role[] = ['risk', 'operator', ...EVERYTHING];

export function isAllowed(held: readonly string[], allowed: readonly Role[]): boolean {
  return allowed.some((role) => held.includes(role));
}
