import { KeelsonError } from '../../core/errors.js';
import { decimal, type Decimal } from '../../core/money/index.js';
import type { Config } from '../../config/index.js';
import type { Database } from './database.js';

/**
 * Tells an instrument with nothing to show from one that does not exist. Known is what is configured, and what has a past: an
 * instrument that was taken out of the configuration keeps its orders.
 * @throws KeelsonError INPUT_UNKNOWN_INSTRUMENT
 */
export async function assertInstrument(database: Database, config: Config, instrument: string | undefined): Promise<void> {
  const known = [...new Set(config.strategies.flatMap(({ instruments }) => instruments))].toSorted();
  if (instrument === undefined || known.includes(instrument)) return;
  const { rows } = await database.query<{ found: boolean }>(
    `select exists (select from signals where instrument = $1) or exists (select from orders where instrument = $1) as found`,
    [instrument],
  );
  if (rows[0]?.found !== true) throw new KeelsonError('INPUT_UNKNOWN_INSTRUMENT', { instrument, known: known.join(', ') });
}

/** The step of every instrument of an account's venue: less than that cannot be sold. */
export async function readSteps(database: Database, account: string): Promise<ReadonlyMap<string, Decimal>> {
  const { rows } = await database.query<{ instrument: string; step: string }>(
    `select n.instrument, n.rules->>'stepSize' as step from instruments n join accounts a using (venue)
      where a.account = $1 and n.rules ? 'stepSize'`,
    [account],
  );
  return new Map(rows.map(({ instrument, step }) => [instrument, decimal(step)]));
}
