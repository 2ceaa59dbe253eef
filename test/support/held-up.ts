import { setTimeout as wait } from 'node:timers/promises';
import type { Pool } from 'pg';

const LOOK_EACH_MS = 20;
/** Between two looks there are seldom more; what is beyond it the machine has taken from everybody. */
const MOST_BETWEEN_MS = 100;

/** One look at the backend that writes a halt. */
export interface Look {
  readonly time: number;
  /** It waits for the disk, as each commit does: for nobody's lock. */
  readonly isAtDisk: boolean;
}

/**
 * How much of the time between the first and the last look something of ours may have held up: all of it, but for what passed before a look
 * that came late, since the machine had no time for the looks either, and for what was spent at the disk.
 */
export function ownTime(looks: readonly Look[]): number {
  let own = 0;
  for (const [index, { time, isAtDisk }] of looks.entries()) {
    const before = looks[index - 1];
    if (before !== undefined && !isAtDisk) own += Math.min(time - before.time, MOST_BETWEEN_MS);
  }
  return own;
}

/** Halts, and looks meanwhile at what the halt waits for. @returns what it answered, how long that took, and for how long of it by our doing, ms */
export async function observedHalt<Answer>(
  pool: Pool,
  halt: () => Promise<Answer>,
): Promise<{ readonly answer: Answer; readonly tookMs: number; readonly ownMs: number }> {
  const looks: Look[] = [];
  const client = await pool.connect();
  let isOver = false;
  const look = async (): Promise<void> => {
    const { rowCount } = await client.query(
      `select from pg_stat_activity where datname = current_database() and application_name = 'keelson-halt' and state = 'active'
         and query like '%engage%' and (wait_event_type = 'IO' or wait_event in ('WALWrite', 'SyncRep'))`,
    );
    looks.push({ time: performance.now(), isAtDisk: rowCount !== 0 });
  };
  try {
    await look();
    const looking = (async () => {
      while (!isOver) {
        await wait(LOOK_EACH_MS);
        await look();
      }
    })();
    const began = performance.now();
    try {
      const answer = await halt();
      return { answer, tookMs: performance.now() - began, ownMs: ownTime([...looks, { time: performance.now(), isAtDisk: false }]) };
    } finally {
      isOver = true;
      await looking;
    }
  } finally {
    client.release();
  }
}
