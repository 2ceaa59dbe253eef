import type { Database } from '../read/database.js';
import type { AskedCommand } from './control-port.js';

/**
 * Writes the row that the workflow believes. A repeated command id must ask for the same in every respect, under another key of
 * the same person perhaps; on what it was decided stays as it was told first.
 * @returns false when the id belongs to another command.
 */
export async function recordCommand(database: Database, command: AskedCommand): Promise<boolean> {
  const { commandId, account, kind, subject, keyId, reason, holds, mode = null, expectedVersion = null } = command;
  await database.query(
    `insert into commands (command_id, account, kind, subject, key_id, reason, holds, mode, expected_version)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (command_id) do nothing`,
    [commandId, account, kind, subject, keyId, reason, holds, mode, expectedVersion],
  );
  const { rows } = await database.query(
    `select from commands where command_id = $1 and account = $2 and kind = $3 and subject = $4 and reason = $5
       and mode is not distinct from $6`,
    [commandId, account, kind, subject, reason, mode],
  );
  return rows.length === 1;
}
