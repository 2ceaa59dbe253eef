-- A trading process holds the risk state of its accounts in memory (P4). It hears of each change by a notification whose
-- payload is the account, and what it decides on is bound to the versions it saw. So whatever the gate reads either moves a
-- version of its account or is asked for again when the order is sent (latches, begin_submit).

create function notify_risk() returns trigger language plpgsql as $$
begin
  perform pg_notify('keelson_risk', new.account);
  return null;
end $$;
create trigger risk_state_notifies after insert or update on risk_state for each row execute function notify_risk();
create trigger control_notifies after insert or update on control for each row execute function notify_risk();

-- An empty payload is every account: a latch may hold any of them.
create function notify_risk_of_all() returns trigger language plpgsql as $$
begin
  perform pg_notify('keelson_risk', '');
  return null;
end $$;
create trigger latches_notify after insert or update or delete on latches
  for each statement execute function notify_risk_of_all();

-- What is written without a version of its own moves that of the account, and so is heard of as well. A change that comes
-- inside a statement that has moved it already moves it once more, which harms nobody.
create function move_risk_version() returns trigger language plpgsql as $$
begin
  update risk_state set version = version + 1 where account = coalesce(new.account, old.account);
  return null;
end $$;
create trigger blocked_instruments_move_risk after insert or update or delete on blocked_instruments
  for each row execute function move_risk_version();
create trigger inventory_moves_risk after insert or update or delete on inventory
  for each row execute function move_risk_version();

-- Filters are stored anew each hour and seldom differ; where they do, every account of the venue has to read them.
create function move_risk_versions_of_venues() returns trigger language plpgsql as $$
declare
  venues text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(distinct venue) into venues from written;
  else
    select array_agg(distinct w.venue) into venues from written w join had h using (venue, instrument)
      where w.rules is distinct from h.rules;
  end if;
  if venues is null then return null; end if;
  perform from risk_state r join accounts a using (account) where a.venue = any (venues) order by r.account for update of r;
  update risk_state set version = version + 1 where account in (select account from accounts where venue = any (venues));
  return null;
end $$;
create trigger new_instruments_move_risk after insert on instruments referencing new table as written
  for each statement execute function move_risk_versions_of_venues();
create trigger changed_instruments_move_risk after update on instruments referencing old table as had new table as written
  for each statement execute function move_risk_versions_of_venues();

-- An active version is approved with limits and mode: what was authorised under another may not be sent (P2, P5).
create function move_control_version() returns trigger language plpgsql as $$
begin
  update control set version = version + 1, updated_at = clock_timestamp() where account = coalesce(new.account, old.account);
  return null;
end $$;
create trigger active_strategies_move_control after insert or update or delete on active_strategies
  for each row execute function move_control_version();

-- The gate's view of every strategy and instrument of an account, of one moment. What belongs to the account is read by
-- read_risk itself, so that the two cannot tell different things.
create function read_account_risk(the_account text) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'view', read_risk(the_account, '', ''),
    'activeVersions', coalesce((select jsonb_agg(jsonb_build_array(s.strategy, s.instrument, s.version))
      from active_strategies s where s.account = the_account), '[]'),
    'blocked', coalesce((select jsonb_object_agg(b.instrument, b.reason)
      from blocked_instruments b where b.account = the_account), '{}'),
    'instruments', coalesce((select jsonb_object_agg(n.instrument, n.rules)
      from instruments n join accounts a using (venue) where a.account = the_account
        and n.instrument in (select s.instrument from active_strategies s where s.account = the_account)), '{}'))
  from accounts a join control c using (account) join risk_state r using (account)
  where a.account = the_account
$$;
