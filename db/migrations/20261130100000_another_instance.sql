-- P31, also where Temporal lived on: a database that is another than before names its orders otherwise, and its work is of another epoch.

-- What this server tells of itself. A managed one may not tell all of it to this user: then that is `not told`, and a timeline of 0.
create function seen_identity(out identifier text, out timeline integer) language plpgsql as $$
begin
  begin
    identifier := (select system_identifier::text from pg_control_system());
  exception when insufficient_privilege or feature_not_supported or undefined_function then
    identifier := 'not told';
  end;
  begin
    timeline := ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer;
  exception when insufficient_privilege or feature_not_supported or undefined_function then
    timeline := 0;
  end;
end $$;

-- As before, and: it is another instance of another epoch. What went on since the copy was made, or had not come to the standby, has used the
-- names that come next, and what Temporal still runs of it is told from what is begun now. The number of the epoch was never used either: after
-- a second restore of the same copy one more than before would be that of the first.
create or replace function check_instance_identity() returns text language plpgsql as $$
declare
  known instance;
  seen record;
  change jsonb;
begin
  select * into seen from seen_identity();
  select * into known from instance;
  if known.system_identifier = seen.identifier and known.timeline = seen.timeline then return 'same'; end if;
  select * into known from instance for update;
  if known.system_identifier is null then
    update instance set system_identifier = seen.identifier, timeline = seen.timeline;
    return 'recorded';
  end if;
  if known.system_identifier = seen.identifier and known.timeline = seen.timeline then return 'same'; end if;
  update instance set system_identifier = seen.identifier, timeline = seen.timeline, instance_id = gen_random_uuid(),
    epoch = greatest(epoch + 1, floor(extract(epoch from clock_timestamp() - timestamptz '2026-01-01 00:00:00+00'))::integer);
  perform engage_latch(jsonb_build_object('scope', 'everything', 'scopeValue', '', 'account', null, 'subject', 'restore', 'policy', 'none',
    'by', 'restore', 'reason', 'restore: the database is another than before, and what was done since it was copied is not in it'));
  change := jsonb_build_object(
    'mode', 'paused', 'reason', 'the database is another than before: compare the books with the venue, then end the halt and resume',
    'was', jsonb_build_object('systemIdentifier', known.system_identifier, 'timeline', known.timeline, 'instanceId', known.instance_id, 'epoch', known.epoch),
    'is', (select jsonb_build_object('systemIdentifier', i.system_identifier, 'timeline', i.timeline, 'instanceId', i.instance_id, 'epoch', i.epoch)
      from instance i));
  update control set mode = 'paused', version = version + 1, updated_at = clock_timestamp(),
      reconciliation_hold = jsonb_build_object('since', clock_timestamp(), 'was', 'paused', 'classes', '[]'::jsonb),
      runbook_hold = null;
  insert into audit_events (kind, account, subject, data) select 'mode.changed', account, 'instance identity', change from control;
  insert into incidents (incident_key, account, kind, data)
    select 'databaseChanged:' || account || ':' || (change->'is'->>'epoch'), account, 'databaseChanged', change
    from control on conflict (incident_key) do nothing;
  return 'changed';
end $$;
