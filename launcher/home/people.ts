import type { EnvironmentName } from '../../config/index.js';
import type { FirstPerson } from '../../db/first-people.js';
import { personKey } from './keys.js';
import { personKeyPath, type HomePaths } from './paths.js';

const OWNER = { person: 'owner', name: 'Owner of this machine', roles: ['admin'] } as const;

/** So that what takes two people can be tried with one pair of hands. */
export const DEMO_PEOPLE = [
  { person: 'tess', name: 'Tess, a demo trader', roles: ['trader', 'operator'] },
  { person: 'rik', name: 'Rik, a demo risk officer', roles: ['risk'] },
] as const;

/**
 * The people of this home, with their keys in files of mode 600. Demo people are made in development only: whoever can
 * read the home is all of them, so their approvals prove nothing.
 */
export function firstPeople(paths: HomePaths, environment: EnvironmentName): readonly [FirstPerson, ...FirstPerson[]] {
  const withKey = (one: Omit<FirstPerson, 'key'>): FirstPerson => ({ ...one, key: personKey(personKeyPath(paths, one.person)) });
  return [withKey(OWNER), ...(environment === 'development' ? DEMO_PEOPLE.map(withKey) : [])];
}
