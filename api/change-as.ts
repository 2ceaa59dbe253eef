import type { Caller } from './auth/caller.js';
import type { Database } from './read/database.js';

/** The statements by which people change something: each writes its audit event too. */
type Change =
  | 'add_person'
  | 'set_roles'
  | 'give_key'
  | 'revoke_key'
  | 'deactivate_person'
  | 'block_instrument'
  | 'unblock_instrument'
  | 'close_incident'
  | 'decide_order'
  | 'end_override'
  | 'disable_strategy'
  | 'enable_strategy'
  | 'acknowledge_alert'
  | 'raise_alert'
  | 'ask_runbook'
  | 'command_runbook'
  | 'audit_schedule'
  | 'tell_schedule'
  | 'ask_reconciliation';

/** Makes one change, under the caller's name and key. @returns what the statement answers in a word, or with a number besides */
export async function changeAs(database: Database, change: Change, { subject, keyId }: Caller, what: object): Promise<string> {
  const { rows } = await database.query<{ answer: string }>(`select ${change}($1::jsonb) as answer`, [
    JSON.stringify({ ...what, subject, underKey: keyId }),
  ]);
  return rows[0]?.answer ?? 'unknown';
}
