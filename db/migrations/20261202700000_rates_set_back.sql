-- A clock of the database's that was ahead and is set back, for the rates of orders and for doubles: an order of a time to come was written at a
-- time that nobody knows, before the next look of its account. It counts as of that look (as of now until then), never as of its own time: every
-- entry would be refused until that has come, and a minute more. Left out at once it would let a double pass.

-- Up to which ordinal orders were of a time to come, when a look saw that.
alter table risk_state add column was_ahead_to bigint, add column was_ahead_at timestamptz;

-- As before, and: since when orders of a time to come are known; also where the clock was set back once more, so that this is of one, too.
create or replace function leave_nothing_ahead(the_account text) returns void language plpgsql as $$
declare
  ended record;
  -- An order of an older build has no ordinal: it was before all others.
  ahead_to constant bigint := (select max(coalesce(ordinal, 0)) from orders
    where account = the_account and created_at > statement_timestamp() + interval '2 seconds');
  orders_ahead constant boolean := exists (select from risk_state where account = the_account
    and (ahead_to > coalesce(was_ahead_to, -1) or was_ahead_at is not null and not_ahead(was_ahead_at) is null));
begin
  if orders_ahead
    or exists (select from limit_overrides where account = the_account and ended_at is null and not_ahead(created_at) is null
        and expires_at > clock_timestamp())
    or exists (select from strategy_switches where account = the_account and not_ahead(counted_from) is null) then
    perform lock_accounts(array[the_account]);
    for ended in update limit_overrides set ended_at = clock_timestamp(), ended_by = 'the database’s clock was set back'
        where account = the_account and ended_at is null and not_ahead(created_at) is null and expires_at > clock_timestamp()
        returning * loop
      insert into audit_events (kind, account, data) values ('override.ended', the_account, jsonb_build_object('overrideId', ended.override_id,
        'instrument', ended.instrument, 'limit', ended.limit_key, 'reason', ended.ended_by));
    end loop;
    update strategy_switches set counted_from = clock_timestamp() where account = the_account and not_ahead(counted_from) is null;
    if orders_ahead then
      update risk_state set was_ahead_to = greatest(was_ahead_to, ahead_to), was_ahead_at = clock_timestamp() where account = the_account;
    end if;
    perform move_versions(array[the_account]);
  end if;
  update reconciliation_differences set first_seen_at = least(first_seen_at, clock_timestamp()), same_since = least(same_since, clock_timestamp()),
      seen_since = least(seen_since, clock_timestamp()), last_seen_at = least(last_seen_at, clock_timestamp()),
      decided_at = least(decided_at, case when decided_at is not null then clock_timestamp() end)
    where account = the_account and ended_at is null
      and not_ahead(greatest(first_seen_at, same_since, seen_since, last_seen_at, decided_at)) is null;
end $$;

-- As before, but: none counts as of a time to come.
create or replace function recent_orders(the_account text) returns jsonb language plpgsql stable as $$
declare
  at constant timestamptz := statement_timestamp();
  looked risk_state;
begin
  select * into looked from risk_state where account = the_account;
  return (
  with recent as materialized (
    -- Of a float, which is quick, and a thousandth of a millisecond more than it can be wrong by.
    select strategy, instrument, purpose, sequence, ceil(date_part('epoch', counted_at) * 1000 + 0.001)::bigint as time from orders
      cross join lateral (select least(created_at, case when created_at > at + interval '2 seconds' then at end,
        case when coalesce(ordinal, 0) <= looked.was_ahead_to then looked.was_ahead_at end) as counted_at) c
      where account = the_account and created_at > at - interval '61 seconds' and counted_at > at - interval '61 seconds' and status <> 'denied'
      order by created_at desc limit 1000)
  select jsonb_build_object(
    'times', coalesce((select jsonb_object_agg(strategy, to_jsonb(times))
      from (select strategy, array_agg(time) as times from recent group by strategy) t), '{}'),
    'entries', coalesce((select jsonb_agg(jsonb_build_array(strategy, instrument, time))
      from (select strategy, instrument, max(time) as time from recent where purpose = 'entry' and sequence = 1
        group by strategy, instrument) e), '[]')));
end $$;
