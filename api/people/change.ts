import { KeelsonError } from '../../core/errors.js';
import type { Role } from '../../core/people/roles.js';
import type { Caller } from '../auth/caller.js';
import { changeAs } from '../change-as.js';
import type { Database } from '../read/database.js';
import { newKey } from './new-key.js';

export interface GivenKey {
  readonly person: string;
  readonly keyId: string;
  readonly key: string;
}

/** @throws KeelsonError INPUT_PERSON_EXISTS */
export async function addPerson(
  database: Database,
  caller: Caller,
  {
    person,
    name,
    roles,
    label,
  }: { readonly person: string; readonly name: string; readonly roles: readonly Role[]; readonly label: string },
): Promise<GivenKey> {
  const { key, keyHash } = newKey();
  const answer = await changeAs(database, 'add_person', caller, { person, name, roles, label, keyHash });
  if (answer === 'exists') throw new KeelsonError('INPUT_PERSON_EXISTS', { person });
  return { person, keyId: answer, key };
}

/** @throws KeelsonError INPUT_UNKNOWN_PERSON, of somebody deactivated too. */
export async function giveKey(
  database: Database,
  caller: Caller,
  { person, label }: { readonly person: string; readonly label: string },
): Promise<GivenKey> {
  const { key, keyHash } = newKey();
  const answer = await changeAs(database, 'give_key', caller, { person, label, keyHash });
  if (answer === 'unknown') throw new KeelsonError('INPUT_UNKNOWN_PERSON', { person });
  return { person, keyId: answer, key };
}

/** @throws KeelsonError INPUT_UNKNOWN_PERSON, AUTH_LAST_ADMIN */
export async function setRoles(
  database: Database,
  caller: Caller,
  { person, roles }: { readonly person: string; readonly roles: readonly Role[] },
): Promise<void> {
  const answer = await changeAs(database, 'set_roles', caller, { person, roles });
  if (answer === 'unknown') throw new KeelsonError('INPUT_UNKNOWN_PERSON', { person });
  if (answer === 'lastAdmin') throw new KeelsonError('AUTH_LAST_ADMIN', { what: person });
}

/** @throws KeelsonError INPUT_UNKNOWN_KEY, AUTH_LAST_ADMIN */
export async function revokeKey(database: Database, caller: Caller, keyId: string): Promise<void> {
  const answer = await changeAs(database, 'revoke_key', caller, { keyId });
  if (answer === 'unknown') throw new KeelsonError('INPUT_UNKNOWN_KEY', { key: keyId });
  if (answer === 'lastAdmin') throw new KeelsonError('AUTH_LAST_ADMIN', { what: `key ${keyId}` });
}

/** @throws KeelsonError INPUT_UNKNOWN_PERSON, AUTH_LAST_ADMIN */
export async function deactivatePerson(
  database: Database,
  caller: Caller,
  { person, reason }: { readonly person: string; readonly reason: string },
): Promise<void> {
  const answer = await changeAs(database, 'deactivate_person', caller, { person, reason });
  if (answer === 'unknown') throw new KeelsonError('INPUT_UNKNOWN_PERSON', { person });
  if (answer === 'lastAdmin') throw new KeelsonError('AUTH_LAST_ADMIN', { what: person });
}
