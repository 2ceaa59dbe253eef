import { KeelsonError } from '../../core/errors.js';
import type { Mode } from '../../core/control/mode.js';
import type { Database } from '../read/database.js';

interface Decided {
  readonly commandId: string;
  readonly account: string;
  /** The version of the control row that the person saw. */
  readonly expectedVersion?: number | undefined;
}

/**
 * Refuses a new command that was decided on what is not so any more. Only for an early answer: the statement that changes the mode
 * looks again. A command that is told again is held to its row alone, for its own doing may have moved the version.
 * @throws KeelsonError INPUT_UNKNOWN_ACCOUNT, INPUT_MODE_MOVED
 */
export async function assertSeen(database: Database, decided: Decided): Promise<{ readonly mode: Mode; readonly isRepeated: boolean }> {
  const { commandId, account, expectedVersion } = decided;
  const { rows } = await database.query<{ mode: Mode; version: string; is_repeated: boolean }>(
    `select mode, version::text, exists (select from commands where command_id = $2) as is_repeated from control where account = $1`,
    [account, commandId],
  );
  const now = rows[0];
  if (now === undefined) throw new KeelsonError('INPUT_UNKNOWN_ACCOUNT', { account, known: 'see keelson status' });
  const { mode, version, is_repeated: isRepeated } = now;
  if (!isRepeated && expectedVersion !== undefined && Number(version) !== expectedVersion) {
    throw new KeelsonError('INPUT_MODE_MOVED', { account, mode, version, expected: expectedVersion });
  }
  return { mode, isRepeated };
}
