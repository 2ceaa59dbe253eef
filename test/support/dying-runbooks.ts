import { ApplicationFailure } from '@temporalio/activity';
import type { Pool } from 'pg';
import type { PartKey, RunbookStore } from '../../activities/ports/runbook.js';

const BOUNDARIES = ['begun', 'done'] as const;

/**
 * Kills whoever works on a run at each boundary of each part, once: when the part is begun and nothing of it is done, and when all of it
 * is done and its end is not written down. Each other change that a run makes is written, and whoever wrote it dies before anybody hears
 * of it. All that the next one has is in the ledger, as after kill -9, which is tried on real guardians (test/faults/crash).
 */
export class DyingRunbooks {
  /** Kills, from now on. */
  areDeadly = false;
  private readonly deaths = new Set<string>();

  over(store: RunbookStore): RunbookStore {
    const after = async <Result>(what: string, work: Promise<Result>): Promise<Result> => {
      const result = await work;
      this.die(what);
      return result;
    };
    return {
      ...store,
      plan: (runId, ...rest) => after(`${runId} plan`, store.plan(runId, ...rest)),
      begin: (runId, ...rest) => after(`${runId} begin`, store.begin(runId, ...rest)),
      end: (runId, ...rest) => after(`${runId} end`, store.end(runId, ...rest)),
      call: (runId, about, ...rest) => after(`${runId} call ${about}`, store.call(runId, about, ...rest)),
      beginPart: async (key, what) => {
        const before = await store.beginPart(key, what);
        if (before === null) this.die(deathOf(key, 'begun'));
        return before;
      },
      endPart: async (key, end) => {
        this.die(deathOf(key, 'done'));
        return store.endPart(key, end);
      },
    };
  }

  /** Of a run: the boundaries of its recorded parts at which nobody was killed. */
  async survived(pool: Pool, runId: string): Promise<readonly string[]> {
    const { rows } = await pool.query<PartKey>(
      `select run_id::text as "runId", position, attempt, part from runbook_parts where run_id = $1 and part not in ('signature', 'skip')`,
      [runId],
    );
    if (rows.length === 0) throw new Error(`no part of run ${runId} is recorded`);
    return rows.flatMap((key) => BOUNDARIES.map((boundary) => deathOf(key, boundary))).filter((death) => !this.deaths.has(death));
  }

  private die(what: string): void {
    if (!this.areDeadly || this.deaths.has(what)) return;
    this.deaths.add(what);
    // Whoever comes after it comes at once: what the tests wait for is the work, and not the backoff.
    throw ApplicationFailure.create({ message: `killed: ${what}`, nextRetryDelay: '10ms' });
  }
}

const deathOf = ({ runId, position, attempt, part }: PartKey, boundary: (typeof BOUNDARIES)[number]): string =>
  `${runId} ${position}:${attempt} ${part} ${boundary}`;
