-- What the record tells of halts and incidents says which.

-- As before, and: what is halted, whether it was verified before, and whether the file of it is new.
create or replace function write_kill(p jsonb) returns void language plpgsql as $$
declare
  had kills;
  is_file_new boolean;
begin
  select * into had from kills where account = p->>'account' for update;
  insert into kills as k (account, phase, verified_at, state, evidence)
    values (p->>'account', p->>'phase', case when p->>'phase' = 'verified' then clock_timestamp() end, p->'state', nullif(p->'evidence', 'null'))
    on conflict (account) do update set phase = excluded.phase, state = excluded.state, updated_at = clock_timestamp(),
      verified_at = case excluded.phase when 'verified' then clock_timestamp() when 'running' then null else k.verified_at end,
      evidence = case when excluded.phase = 'running' and k.phase = 'released' then null else coalesce(excluded.evidence, k.evidence) end,
      started_at = case when excluded.phase = 'running' and k.phase <> 'running' then clock_timestamp() else k.started_at end;
  is_file_new := p->'evidence' <> 'null' and p->'evidence' is distinct from had.evidence;
  if had.account is null or (had.phase, had.state) is distinct from (p->>'phase', p->'state') or is_file_new then
    insert into audit_events (kind, account, data) values ('halt.' || (p->>'phase'), p->>'account', p - 'account' - 'phase'
      || jsonb_build_object('wasPhase', had.phase, 'isFileNew', coalesce(is_file_new, false),
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
