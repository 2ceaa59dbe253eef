import type { Pool, PoolClient } from 'pg';
import type { Engaged, HaltCause, HaltPort } from '../../activities/ports/halt.js';
import type { Latch } from '../../core/control/mode.js';
import { nobodyHas } from '../../core/control/nobody.js';
import { KeelsonError } from '../../core/errors.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { isConflict, jsonOf, openPool, run, type Statement } from './pool.js';

const ENGAGE = { name: 'engage_latch', text: 'select engage_latch($1::jsonb) as answer' };
/** A name of its own: a database that is not migrated yet would write it, and ask nothing. */
const ENGAGE_DRILL = { name: 'engage_drill', text: 'select engage_drill($1::jsonb, $2::jsonb) as answer' };
const MY_PID = { name: 'my_pid', text: 'select pg_backend_pid() as pid' };
const END_BLOCKERS = { name: 'end_blockers', text: 'select end_blockers($1)' };

/** How long one statement of a halt may wait: its lock comes long before, since whoever holds it is ended. */
const STATEMENT_MS = 5_000;
/** Whoever holds the lock is looked for again after this long, until the latch is committed. */
const LOOK_AGAIN_MS = 100;
const TRIES = 3;

export interface HaltStore extends HaltPort {
  /**
   * A halt as `latch` writes it, but only where the ledger has something under it, and all of that is on paper: nothing comes between the
   * look and the halt.
   * @param paper the accounts that are known to be, each with its venue
   * @throws KeelsonError INPUT_DRILL_NOT_ON_PAPER, INPUT_DRILL_OF_NOTHING, INFRA_DATABASE.
   */
  drill(scope: Latch, cause: HaltCause, paper: Readonly<Record<string, string>>): Promise<Engaged>;
  close(): Promise<void>;
}

/**
 * Halts in Postgres. It has connections of its own: a halt does not queue behind what it is to stop. One that waits for its
 * lock for 500 ms ends the backends that hold it (P9): what they were doing is undone, and a submit among them sends
 * nothing, since it has no answer.
 */
export function openHaltStore(url: string): HaltStore {
  const pool = openPool(url, { applicationName: 'keelson-halt', max: 3, statementTimeoutMs: STATEMENT_MS });
  // Of its own: however many halts wait, each with a connection, there is one left to end what they wait for.
  const breaker = openPool(url, { applicationName: 'keelson-halt', max: 1, statementTimeoutMs: STATEMENT_MS });
  const engageAnew = async (scope: Latch, statement: Statement, values: readonly string[]): Promise<Engaged> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await engage(pool, breaker, scope, statement, values);
      } catch (error) {
        if (!isConflict(error) || attempt === TRIES) throw error;
      }
    }
  };
  return {
    latch: (scope, cause) => engageAnew(scope, ENGAGE, [latchInput(scope, cause)]),
    drill: (scope, cause, paper) => engageAnew(scope, ENGAGE_DRILL, [latchInput(scope, cause), jsonOf(paper)]),
    close: async () => {
      await Promise.all([pool.end(), breaker.end()]);
    },
  };
}

function latchInput({ scope, scopeValue, account }: Latch, cause: HaltCause): string {
  return jsonOf({ scope, scopeValue, account: account ?? null, ...cause });
}

type Answer =
  | (Omit<Engaged, 'known'> & Partial<Engaged>)
  | { readonly notOnPaper: readonly string[] }
  | { readonly nobodyHas: readonly string[] };

async function engage(pool: Pool, breaker: Pool, scope: Latch, statement: Statement, values: readonly string[]): Promise<Engaged> {
  const client = await connected(pool);
  let timer: NodeJS.Timeout | undefined;
  try {
    const rows = await run<{ pid: number }>(client, MY_PID, []);
    const pid = rows[0]?.pid;
    const endBlockers = (): void => {
      // Where nobody can be ended any more, the statement's own limit ends the wait.
      void run(breaker, END_BLOCKERS, [pid]).catch(() => undefined);
      timer = setTimeout(endBlockers, LOOK_AGAIN_MS);
    };
    timer = setTimeout(endBlockers, PROTOCOL.latchLockWaitMs);
    const answers = await run<{ answer: Answer }>(client, statement, values);
    const answer = answers[0]?.answer;
    if (answer === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: 'the halt had no answer' });
    if ('notOnPaper' in answer) throw new KeelsonError('INPUT_DRILL_NOT_ON_PAPER', { accounts: answer.notOnPaper.join(', ') });
    if ('nobodyHas' in answer) throw new KeelsonError('INPUT_DRILL_OF_NOTHING', { nobody: nobodyHas(scope, answer.nobodyHas) });
    // A database that is not migrated yet says nothing of names.
    const { known = answer.accounts.length === 0 ? [] : null } = answer;
    return { ...answer, known };
  } finally {
    clearTimeout(timer);
    client.release();
  }
}

async function connected(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw new KeelsonError('INFRA_DATABASE', { detail: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
}
