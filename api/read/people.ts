import { z } from 'zod';
import { epochMs, wholeOrNull, type Database } from './database.js';
import { time } from './schemas.js';

export const personSchema = z.strictObject({
  person: z.string().describe('The name under which everything that this person does is written down.'),
  name: z.string(),
  roles: z.array(z.string()),
  createdTime: time,
  deactivatedTime: time.nullable(),
  keys: z.array(
    z.strictObject({
      keyId: z.string(),
      label: z.string(),
      createdTime: time,
      lastUsedTime: time.nullable().describe('To the minute.'),
      revokedTime: time.nullable(),
    }),
  ),
});
export type Person = z.output<typeof personSchema>;

interface Row {
  subject: string;
  name: string;
  roles: string[];
  created_ms: string;
  deactivated_ms: string | null;
  keys: { id: string; label: string; created: string; used: string | null; revoked: string | null }[];
}

/** Everyone, those who have left last, with their keys: what the keys are is known to nobody. */
export async function readPeople(database: Database): Promise<Person[]> {
  const { rows } = await database.query<Row>(
    `select p.subject, p.name, p.roles, ${epochMs('p.created_at')} as created_ms, ${epochMs('p.deactivated_at')} as deactivated_ms,
            (select coalesce(jsonb_agg(jsonb_build_object('id', k.key_id, 'label', k.label, 'created', ${epochMs('k.created_at')},
                'used', ${epochMs('k.last_used_at')}, 'revoked', ${epochMs('k.revoked_at')}) order by k.created_at), '[]')
               from api_keys k where k.subject = p.subject) as keys
       from people p order by p.deactivated_at is not null, p.subject`,
  );
  return rows.map((row) => ({
    person: row.subject,
    name: row.name,
    roles: row.roles,
    createdTime: Number(row.created_ms),
    deactivatedTime: wholeOrNull(row.deactivated_ms),
    keys: row.keys.map((key) => ({
      keyId: key.id,
      label: key.label,
      createdTime: Number(key.created),
      lastUsedTime: wholeOrNull(key.used),
      revokedTime: wholeOrNull(key.revoked),
    })),
  }));
}
