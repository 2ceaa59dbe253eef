import { KeelsonError } from '../../core/errors.js';
import type { Caller } from '../auth/caller.js';
import { changeAs } from '../change-as.js';
import type { Database } from '../read/database.js';

export interface Blocking {
  readonly account: string;
  readonly instrument: string;
  readonly reason: string;
}

/** From the next authorisation on no entry of the instrument passes; what is held keeps its stop. */
export async function blockInstrument(database: Database, caller: Caller, what: Blocking): Promise<void> {
  await changeAs(database, 'block_instrument', caller, what);
}

/** @throws KeelsonError INPUT_NOT_BLOCKED, INPUT_ORDER_UNRESOLVED */
export async function unblockInstrument(database: Database, caller: Caller, what: Blocking): Promise<void> {
  const { account, instrument } = what;
  const answer = await changeAs(database, 'unblock_instrument', caller, what);
  if (answer === 'notBlocked') throw new KeelsonError('INPUT_NOT_BLOCKED', { account, instrument });
  if (answer === 'unresolved') throw new KeelsonError('INPUT_ORDER_UNRESOLVED', { account, instrument });
}

/** @throws KeelsonError INPUT_UNKNOWN_INCIDENT, INPUT_INCIDENT_UNDECIDED, INPUT_INCIDENT_ORDER_MISSING */
export async function closeIncident(
  database: Database,
  caller: Caller,
  { incidentId, reason }: { readonly incidentId: string; readonly reason: string },
): Promise<void> {
  const answer = await changeAs(database, 'close_incident', caller, { incidentId, reason });
  if (answer === 'unknown') throw new KeelsonError('INPUT_UNKNOWN_INCIDENT', { incident: incidentId });
  const [word, which = ''] = answer.split(' ');
  if (word === 'undecided') throw new KeelsonError('INPUT_INCIDENT_UNDECIDED', { incident: incidentId, difference: which });
  if (word === 'missing') throw new KeelsonError('INPUT_INCIDENT_ORDER_MISSING', { incident: incidentId, order: which });
}
