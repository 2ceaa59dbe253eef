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

-- P31: everything is halted and waits for a comparison with the venue, as ever; and what is here from now on is another instance of another epoch. What
-- went on since the copy was made, or had not come to the standby, has used the names that come next, and what Temporal still runs of it is told
-- from what is begun now. The number of the epoch was never used either: after a second restore of the same copy one more than before would
-- be that of the first. The row of the instance is locked.
create function become_another_instance(known instance, seen_identifier text, seen_timeline integer, why text) returns void language plpgsql as $$
declare
  change jsonb;
begin
  update instance set system_identifier = seen_identifier, timeline = seen_timeline, instance_id = gen_random_uuid(),
    epoch = greatest(epoch + 1, floor(extract(epoch from clock_timestamp() - timestamptz '2026-01-01 00:00:00+00'))::integer);
  perform engage_latch(jsonb_build_object('scope', 'everything', 'scopeValue', '', 'account', null, 'subject', 'restore', 'policy', 'none',
    'by', 'restore', 'reason', 'restore: ' || why));
  change := jsonb_build_object(
    'mode', 'paused', 'reason', 'the database is another than before: compare the books with the venue, then end the halt and resume', 'because', why,
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
end $$;

-- As before, and as said above.
create or replace function check_instance_identity() returns text language plpgsql as $$
declare
  known instance;
  seen record;
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
  perform become_another_instance(known, seen.identifier, seen.timeline,
    'the database is another than before, and what was done since it was copied is not in it');
  return 'changed';
end $$;

-- ---- a snapshot of a volume that was put back: the same server in the same timeline, at an earlier moment

-- Since when what an account has traded has to be in these rows, epoch ms.
create function kept_since(the_account text) returns bigint language sql stable as $$
  select epoch_ms(greatest(created_at, (select max(given_up_at) from former_instances))) from accounts where account = the_account
$$;

-- Told what Temporal knows to have been traded since then (`signals`) by who works as that instance. Where a signal is missing, these rows are
-- older than that, and another instance. Answers which one; null: none.
create function miss_signals(p jsonb) returns text language plpgsql as $$
declare
  known instance;
  missing text;
begin
  select min(s) into missing from jsonb_array_elements_text(p->'signals') s where not exists (select from signals g where g.signal_id = s);
  if missing is null then return null; end if;
  select * into known from instance for update;
  -- Else somebody has found it meanwhile.
  if known.instance_id = (p->>'instanceId')::uuid then
    perform become_another_instance(known, known.system_identifier, known.timeline,
      'the database has gone back: ' || missing || ' was traded, and is not in it');
  end if;
  return missing;
end $$;
