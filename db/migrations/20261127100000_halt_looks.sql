-- A halt that stands for weeks looks each twenty seconds. Under the same latches what the venue shows is kept when it differs from one of the
-- two looks before, and else once an hour: the two looks that verify a halt are there, and its evidence can be read in one statement.
create or replace function observe_kill(p jsonb) returns void language sql as $$
  insert into kill_observations (account, kind, data)
    select p->>'account', p->>'kind', p->'data'
    where 2 > (
      select count(*) from (
        select observed_at, kind, data from kill_observations where account = p->>'account' order by observation_id desc limit 2) o
      where o.kind = p->>'kind' and o.data - 'prices' - 'venueTime' = (p->'data') - 'prices' - 'venueTime'
        and o.observed_at > clock_timestamp() - interval '1 hour'
        and o.observed_at > all (select l.engaged_at from latches l
          where l.released_at is null and p->>'account' in (select accounts_under(l.scope, l.scope_value, l.account))))
$$;
