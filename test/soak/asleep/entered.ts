import type { SoakWorld } from '../world/world.js';

/**
 * From now on the world's database keeps every comparison that clears an account: of when, by its own beginning, and when that was written.
 * Nothing of the product knows of it.
 */
export async function keepClearances({ pool }: SoakWorld): Promise<void> {
  await pool.query(`create table clock.clearances (account text not null, began timestamptz not null, told timestamptz not null)`);
  await pool.query(
    `create function clock.keep_clearance() returns trigger language plpgsql as $$ begin
       insert into clock.clearances values (new.account, new.last_clean_at, clock.clock_timestamp());
       return null;
     end $$`,
  );
  await pool.query(
    `create trigger keep_clearance after update on reconciliations for each row
       when (new.last_clean_at is distinct from old.last_clean_at and new.last_clean_at is not null) execute function clock.keep_clearance()`,
  );
}

/**
 * Entries from after the waking that nobody should have made: before a comparison that began after it had found the account clean, or for a
 * signal of before. To be asked before anything is compared for a test.
 * @param accounts how many have to have entered something
 */
export async function enteredTooSoon({ pool }: SoakWorld, wokenTime: number, accounts: number): Promise<string[]> {
  const { rows: first } = await pool.query<{ line: string; cleared: number }>(
    `select e.account || ': ' || e.intent_id || ' was entered at ' || e.created_at as line,
       (select count(*)::int from clock.clearances c where c.account = e.account and c.began > to_timestamp($1::numeric / 1000)
         and c.told < e.created_at) as cleared
     from (select distinct on (account) account, intent_id, created_at from orders
       where purpose = 'entry' and status <> 'denied' and created_at > to_timestamp($1::numeric / 1000) order by account, created_at) e`,
    [wokenTime],
  );
  const { rows: belated } = await pool.query<{ line: string }>(
    `select o.account || ': ' || o.intent_id || ' was entered for a signal of before the waking' as line from orders o join signals s using (signal_id)
       where o.purpose = 'entry' and o.status <> 'denied' and o.created_at > to_timestamp($1::numeric / 1000) and s.decided_time <= $1`,
    [wokenTime],
  );
  return [
    ...(first.length === accounts ? [] : [`${first.length} accounts have entered something after the waking, not ${accounts}`]),
    ...first.flatMap(({ line, cleared }) => (cleared > 0 ? [] : [`${line}, and nothing had compared the account after the waking`])),
    ...belated.map(({ line }) => line),
  ];
}
