import { z } from 'zod';
import { ROLES } from '../../core/people/roles.js';
import type { ApiContext } from '../context.js';
import { DONE, doneSchema } from '../http/done.js';
import { idInput, reasonInput, textInput } from '../http/input.js';
import { addPerson, deactivatePerson, giveKey, revokeKey, setRoles } from '../people/change.js';
import { personSchema, readPeople } from '../read/people.js';
import { route, type Route } from '../route.js';

const expected = 'expected 2 to 32 of a–z, 0–9, dot and hyphen, beginning with a letter';
const person = z
  .string({ error: () => expected })
  .regex(/^[a-z][a-z0-9.-]{1,31}$/, { error: () => expected })
  .describe('The name under which everything that this person does is written down.');
const label = textInput(64).optional().describe('What the key is for, such as laptop.');
const roles = z
  .array(z.enum(ROLES, { error: () => `expected one of ${ROLES.join(', ')}` }), { error: () => 'expected a list of roles' })
  .min(1, { error: () => 'expected at least one role' })
  .describe(`Of ${ROLES.join(', ')}.`);

const givenKeySchema = z.strictObject({
  person: z.string(),
  keyId: z.string(),
  key: z.string().describe('The key itself. It is shown here once and kept nowhere.'),
});
const USUAL_LABEL = 'first';

/** Who there is, and whose keys count. */
export function peopleRoutes({ database }: ApiContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/people/me',
      summary: 'Who the key belongs to.',
      access: 'read',
      response: z.strictObject({ person: z.string(), name: z.string(), roles: z.array(z.string()) }),
      errors: [],
      handle: ({ caller }) => Promise.resolve({ person: caller.subject, name: caller.name, roles: [...caller.roles] }),
    }),
    route({
      method: 'GET',
      path: '/v1/people',
      summary: 'Everyone, with roles and keys (not the keys themselves: nobody has them).',
      access: 'listPeople',
      response: z.strictObject({ people: z.array(personSchema) }),
      errors: [],
      handle: async () => ({ people: await readPeople(database) }),
    }),
    route({
      method: 'POST',
      path: '/v1/people',
      summary: 'Adds a person and gives the first key.',
      access: 'changePeople',
      body: z.strictObject({ person, name: textInput(64).describe('For people to read.'), roles, label }),
      response: givenKeySchema,
      errors: ['INPUT_PERSON_EXISTS'],
      handle: ({ body, caller }) => addPerson(database, caller, { ...body, label: body.label ?? USUAL_LABEL }),
    }),
    route({
      method: 'POST',
      path: '/v1/people/roles',
      summary: 'Gives a person these roles, in place of those before.',
      access: 'changePeople',
      body: z.strictObject({ person, roles }),
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_PERSON', 'AUTH_LAST_ADMIN'],
      handle: async ({ body, caller }) => {
        await setRoles(database, caller, body);
        return DONE;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/people/keys',
      summary: 'Gives a person a further key; those before stay.',
      access: 'changePeople',
      body: z.strictObject({ person, label }),
      response: givenKeySchema,
      errors: ['INPUT_UNKNOWN_PERSON'],
      handle: ({ body, caller }) => giveKey(database, caller, { ...body, label: body.label ?? 'further' }),
    }),
    route({
      method: 'POST',
      path: '/v1/people/keys/revoke',
      summary: 'Revokes a key: it counts no more from the next call.',
      access: 'changePeople',
      body: z.strictObject({ keyId: idInput.describe('The key’s id, not the key.') }),
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_KEY', 'AUTH_LAST_ADMIN'],
      handle: async ({ body: { keyId }, caller }) => {
        await revokeKey(database, caller, keyId);
        return DONE;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/people/deactivate',
      summary: 'Takes everything from a person: all keys, and the approvals given and not used yet. The name stays taken.',
      access: 'changePeople',
      body: z.strictObject({ person, reason: reasonInput }),
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_PERSON', 'AUTH_LAST_ADMIN'],
      handle: async ({ body, caller }) => {
        await deactivatePerson(database, caller, body);
        return DONE;
      },
    }),
  ];
}
