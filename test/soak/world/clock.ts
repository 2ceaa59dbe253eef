import type pg from 'pg';
import type { Program } from '../../faults/crash/program.js';

const DAY_MS = 86_400_000;

/**
 * In a database that has this before its first migration, what tells the time is ahead of the machine by an interval in a row: names
 * are looked for in this schema before Postgres' own. Nothing of the product knows of it.
 */
export async function movableClock(client: pg.Client): Promise<void> {
  const functions = ['now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp'].map(
    (name) => `create function clock.${name}() returns timestamptz ${name === 'clock_timestamp' ? 'volatile' : 'stable'} language sql
      as $$ select pg_catalog.${name}() + (select ahead from clock.moved) $$;`,
  );
  await client.query(`create schema clock; create table clock.moved (ahead interval not null);
    insert into clock.moved values ('0'); ${functions.join('\n')}`);
  const { rows } = await client.query<{ name: string }>('select current_database() as name');
  await client.query(`alter database ${rows[0]?.name} set search_path = clock, public, pg_catalog`);
}

/** One clock for database, venues and programs, which can be put forward: days pass in minutes. */
export class WorldClock {
  aheadMs = 0;
  private readonly pool: pg.Pool;
  private readonly programs: () => readonly Program[];

  constructor(pool: pg.Pool, programs: () => readonly Program[]) {
    this.pool = pool;
    this.programs = programs;
  }

  readonly now = (): number => Date.now() + this.aheadMs;

  /** Programs that stand still have the new time when they wake up. */
  async putForward(byMs: number): Promise<void> {
    this.aheadMs += byMs;
    await this.pool.query(`update clock.moved set ahead = $1 * interval '1 millisecond'`, [this.aheadMs]);
    await Promise.all(this.programs().map((program) => program.moveClock(this.aheadMs)));
  }

  /** It is this long before the next midnight UTC. */
  async beforeMidnight(byMs: number): Promise<void> {
    const untilMidnight = DAY_MS - (this.now() % DAY_MS);
    await this.putForward(untilMidnight > byMs ? untilMidnight - byMs : untilMidnight + DAY_MS - byMs);
  }
}

/** The first millisecond of each UTC day from one moment to another, and of the day after. */
export function daysBetween(from: number, to: number): readonly string[] {
  const first = Math.floor(from / DAY_MS);
  return Array.from({ length: Math.floor(to / DAY_MS) - first + 1 }, (_, day) =>
    new Date((first + day) * DAY_MS).toISOString().slice(0, 10),
  );
}
