-- What the record tells of halts and incidents says which.

-- The file of a halt with the latches that it is about. Builds before 0.4 wrote them into the halt's incident and not beside the file, and a halt
-- that began under one of them goes on telling of it so. Where the incident names another file (the same latches were concluded once more), it is
-- about those that stood over the account when it was written, by the time in its name.
create function file_with_latches(the_account text, file jsonb) returns jsonb language sql stable as $$
  with written as (
    select to_timestamp(substring(file->>'path' from '(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d\d\d)Z\.json$') || '+00', 'YYYY-MM-DD"T"HH24-MI-SS-MSTZH') as at)
  select case when file is null or file = 'null' or file ? 'latchIds' then file else file || jsonb_strip_nulls(jsonb_build_object('latchIds', coalesce(
    (select i.data->'latchIds' from incidents i where i.account = the_account and i.kind = 'halt' and i.data->'evidence'->>'path' = file->>'path'
        and i.data->'evidence'->>'sha256' = file->>'sha256' order by i.incident_id desc limit 1),
    (select jsonb_agg(l.latch_id::text order by l.engaged_at) from latches l, written
      where the_account in (select accounts_under(l.scope, l.scope_value, l.account)) and l.engaged_at <= written.at
        and (l.released_at is null or l.released_at > written.at))))) end
$$;
update kills set evidence = file_with_latches(account, evidence);

-- As before, and: the latches of a file, what is halted, whether it was verified before, and whether the file of it is new.
create or replace function write_kill(p jsonb) returns void language plpgsql as $$
declare
  had kills;
  file jsonb := file_with_latches(p->>'account', nullif(p->'evidence', 'null'));
  is_file_new boolean;
begin
  select * into had from kills where account = p->>'account' for update;
  insert into kills as k (account, phase, verified_at, state, evidence)
    values (p->>'account', p->>'phase', case when p->>'phase' = 'verified' then clock_timestamp() end, p->'state', file)
    on conflict (account) do update set phase = excluded.phase, state = excluded.state, updated_at = clock_timestamp(),
      verified_at = case excluded.phase when 'verified' then clock_timestamp() when 'running' then null else k.verified_at end,
      evidence = case when excluded.phase = 'running' and k.phase = 'released' then null else coalesce(excluded.evidence, k.evidence) end,
      started_at = case when excluded.phase = 'running' and k.phase <> 'running' then clock_timestamp() else k.started_at end;
  is_file_new := file is not null and file is distinct from had.evidence;
  if had.account is null or (had.phase, had.state) is distinct from (p->>'phase', p->'state') or is_file_new then
    insert into audit_events (kind, account, data) values ('halt.' || (p->>'phase'), p->>'account', p - 'account' - 'phase'
      || jsonb_build_object('evidence', file, 'wasPhase', had.phase, 'isFileNew', is_file_new,
        'halted', (select coalesce(jsonb_agg(trim(l.scope || ' ' || l.scope_value) order by l.engaged_at), '[]') from latches l
          where l.released_at is null and p->>'account' in (select accounts_under(l.scope, l.scope_value, l.account)))));
  end if;
end $$;

-- As before, and: the number of the incident.
create or replace function write_events(p jsonb) returns void language plpgsql as $$
begin
  if p ? 'audit' then
    insert into audit_events (kind, account, subject, data)
      select e->>'kind', e->>'account', e->>'subject', e->'data' from jsonb_array_elements(p->'audit') e;
  end if;
  if p ? 'outbox' then
    insert into outbox (kind, data) select e->>'kind', e->'data' from jsonb_array_elements(p->'outbox') e;
  end if;
  if p ? 'incidents' then
    with opened as (
      insert into incidents (incident_key, account, kind, data)
        select e->>'key', e->>'account', e->>'kind', e->'data' from jsonb_array_elements(p->'incidents') e
        on conflict (incident_key) do nothing returning incident_id, account, kind, data)
    insert into audit_events (kind, account, data)
      select 'incident.opened', account, data || jsonb_build_object('incident', kind, 'incidentId', incident_id::text) from opened;
  end if;
  if p ? 'blocks' then
    insert into blocked_instruments (account, instrument, reason)
      select e->>'account', e->>'instrument', e->>'reason' from jsonb_array_elements(p->'blocks') e
      on conflict (account, instrument) do nothing;
  end if;
end $$;
