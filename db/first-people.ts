import { createHash } from 'node:crypto';
import pg from 'pg';
import type { Role } from '../core/people/roles.js';

export interface FirstPerson {
  readonly person: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** In a file of this machine: whoever can read it is this person. Only its SHA-256 is stored. */
  readonly key: string;
}

/** In the audit: nobody has a key yet that could have asked for it. */
const BY = 'first start';
const LABEL = 'made by a start';

/**
 * Makes the people that a start brings along, each with a key. Repeating it changes nothing; a key that is new is added
 * beside the old ones; who was deactivated stays so and gets none.
 * @param url Postgres connection string, after the migrations.
 */
export async function ensureFirstPeople(url: string, people: readonly FirstPerson[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const { person, name, roles, key } of people) {
      await client.query(
        `with added as (insert into people (subject, name, roles) values ($1, $2, $3) on conflict (subject) do nothing returning subject)
         insert into audit_events (kind, subject, data)
           select 'person.added', $4::text, jsonb_build_object('person', subject, 'name', $2::text, 'roles', $3::text[]) from added`,
        [person, name, roles, BY],
      );
      await client.query(
        `with given as (insert into api_keys (subject, key_sha256, label)
           select subject, $2, '${LABEL}' from people where subject = $1 and deactivated_at is null
           on conflict (key_sha256) do nothing returning subject, key_id)
         insert into audit_events (kind, subject, data)
           select 'key.given', $3::text, jsonb_build_object('person', subject, 'keyId', key_id) from given`,
        [person, createHash('sha256').update(key).digest(), BY],
      );
    }
  } finally {
    await client.end();
  }
}

/** Takes everything from people that an earlier start brought along; others of the same name stay as they are. */
export async function retirePeople(url: string, people: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(
      `select deactivate_person(jsonb_build_object('person', subject, 'subject', $2::text, 'reason', 'demo people are for development only'))
         from people where subject = any ($1) and deactivated_at is null
          and exists (select from api_keys k where k.subject = people.subject and k.label = $3)`,
      [people, BY, LABEL],
    );
  } finally {
    await client.end();
  }
}
