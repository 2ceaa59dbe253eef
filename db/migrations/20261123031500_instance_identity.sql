-- A database that is another than yesterday's (restored from a copy, promoted, moved) may lack orders that the venue has.
-- Every account is then paused until a person has compared the books (protocol, Rows).
-- Every new connection of a worker asks this, not the start alone: a standby may be promoted while workers run, and what
-- it had not received yet (an order's row) is gone. So the usual answer takes no lock. The timeline is that of the log
-- being written: the last checkpoint's is still the old one for some time after a promotion.
create function check_instance_identity() returns text language plpgsql as $$
declare
  known instance;
  found_identifier text := (select system_identifier::text from pg_control_system());
  found_timeline integer := ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer;
  change jsonb;
begin
  select * into known from instance;
  if known.system_identifier = found_identifier and known.timeline = found_timeline then return 'same'; end if;
  select * into known from instance for update;
  if known.system_identifier is null then
    update instance set system_identifier = found_identifier, timeline = found_timeline;
    return 'recorded';
  end if;
  if known.system_identifier = found_identifier and known.timeline = found_timeline then return 'same'; end if;
  update instance set system_identifier = found_identifier, timeline = found_timeline;
  change := jsonb_build_object(
    'mode', 'paused', 'reason', 'the database is another than before: compare the books with the venue, then resume',
    'was', jsonb_build_object('systemIdentifier', known.system_identifier, 'timeline', known.timeline),
    'is', jsonb_build_object('systemIdentifier', found_identifier, 'timeline', found_timeline));
  update control set mode = 'paused', version = version + 1, updated_at = clock_timestamp();
  insert into audit_events (kind, account, subject, data) select 'mode.changed', account, 'instance identity', change from control;
  insert into incidents (incident_key, account, kind, data)
    select 'databaseChanged:' || account || ':' || found_identifier || ':' || found_timeline, account, 'databaseChanged', change
    from control on conflict (incident_key) do nothing;
  return 'changed';
end $$;
