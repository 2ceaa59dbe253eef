import type { Database } from '../read/database.js';
import type { ControlCommand } from './control-port.js';

/**
 * Writes the row that the workflow believes. A repeated command id must ask for the same in every respect.
 * @returns false when the id belongs to another command.
 */
export async function recordCommand(database: Database, command: ControlCommand): Promise<boolean> {
  const { commandId, account, kind, subject, reason } = command;
  const values = [commandId, account, kind, subject, reason];
  await database.query(
    'insert into commands (command_id, account, kind, subject, reason) values ($1, $2, $3, $4, $5) on conflict (command_id) do nothing',
    values,
  );
  const { rows } = await database.query(
    'select from commands where command_id = $1 and account = $2 and kind = $3 and subject = $4 and reason = $5',
    values,
  );
  return rows.length === 1;
}
