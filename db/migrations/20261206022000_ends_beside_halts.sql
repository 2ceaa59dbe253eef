-- The end of a halt beside another one, and beside a clock that is set back.

-- As before, but: no end is written over a halt that stands again. It was there until the next round, and `keelson halts` showed what was called
-- as `released`.
create or replace function write_kill(p jsonb) returns void language plpgsql as $$
declare
  had kills;
  look jsonb := case when p->>'phase' <> 'released' then p->'state'->'look' end;
  looked timestamptz := to_timestamp((look->>'time')::numeric / 1000);
  told jsonb := (p->'state') - 'look';
  file jsonb := file_with_latches(p->>'account', nullif(p->'evidence', 'null'));
  is_file_new boolean;
  is_direct boolean := coalesce((p->>'isDirect')::boolean, false);
  due timestamptz := clock_timestamp() + kill_grace() + (p->>'againMs')::bigint * interval '1 millisecond';
begin
  perform leave_no_halt_ahead();
  if p->>'phase' = 'released' then
    -- Whoever halts it has this row until the halt is there.
    perform from control where account = p->>'account' for share;
    if exists (select from latches l where l.released_at is null and is_under(p->>'account', l.scope, l.scope_value, l.account)) then return; end if;
  end if;
  select * into had from kills where account = p->>'account' for update;
  is_file_new := file is not null and file is distinct from had.evidence;
  insert into kills as k (account, phase, verified_at, state, evidence, evidence_at, looked_at, looked_under, due_at, workflow_at)
    values (p->>'account', p->>'phase', case when p->>'phase' = 'verified' then coalesce(looked, clock_timestamp()) end, told, file,
      case when file is not null then clock_timestamp() end, looked, look->'under', due, case when not is_direct then clock_timestamp() end)
    on conflict (account) do update set phase = excluded.phase, state = excluded.state, updated_at = clock_timestamp(),
      due_at = excluded.due_at, workflow_at = coalesce(excluded.workflow_at, k.workflow_at), looked_at = excluded.looked_at, looked_under = excluded.looked_under,
      verified_at = case excluded.phase when 'verified' then excluded.verified_at when 'running' then null else k.verified_at end,
      evidence = case when excluded.phase = 'running' and k.phase = 'released' then null else coalesce(excluded.evidence, k.evidence) end,
      evidence_at = case when excluded.phase = 'running' and k.phase = 'released' then null when is_file_new then excluded.evidence_at
        else k.evidence_at end,
      started_at = case when excluded.phase = 'running' and k.phase <> 'running' then clock_timestamp() else k.started_at end;
  if had.account is null or (had.phase, had.state) is distinct from (p->>'phase', told) or is_file_new then
    insert into audit_events (kind, account, data) values ('halt.' || (p->>'phase'), p->>'account', p - 'account' - 'phase' - 'againMs' - 'isDirect'
      || jsonb_build_object('state', told, 'evidence', file, 'wasPhase', had.phase, 'isFileNew', is_file_new,
        'halted', (select coalesce(jsonb_agg(trim(l.scope || ' ' || l.scope_value) order by l.engaged_at), '[]') from latches l
          where l.released_at is null and is_under(p->>'account', l.scope, l.scope_value, l.account))));
  end if;
  if p->>'phase' = 'verified' then perform close_told_unverified(p->>'account'); end if;
end $$;

-- A restore does not know what of before has come back since: none of it is written down with its halt.
create function is_of_restore(l latches) returns boolean language sql stable as $$
  select l.subject = 'restore' or exists (select from audit_events e
    where e.kind = 'halt.engaged' and e.data->>'latchId' = l.latch_id::text and e.data->>'by' = 'restore')
$$;

-- As before, but: what had left before is what is written down with the halt. After a clock was set back what left under it has an earlier time, and came
-- back free without being looked at. Of what a restore has halted the times still say it.
create or replace function keep_halted(l latches, r approval_requests) returns void language plpgsql as $$
declare
  kept latches;
  is_part boolean := l.scope in ('strategy', 'instrument');
begin
  for kept in
    insert into latches (scope, scope_value, account, reason, subject, policy)
      select case when is_part then l.scope else 'account' end, case when is_part then l.scope_value else a.account end,
          case when is_part then a.account end,
          left('it left the configuration before its halt was verified (' || trim(l.scope || ' ' || l.scope_value) || '): ' || l.reason, 2000),
          l.subject, l.policy
        from retired_under(l.scope, l.scope_value, l.account) one (account) join accounts a using (account)
        where l.left_before->>a.account is distinct from extract(epoch from a.retired_at)::text
          and (a.retired_at >= coalesce(not_ahead(l.engaged_at), '-infinity') or not is_of_restore(l))
          and not exists (select from kills k where k.account = a.account and has_seen(k, l))
        on conflict do nothing returning * loop
    insert into audit_events (kind, account, subject, data) values ('halt.engaged', coalesce(kept.account, kept.scope_value), kept.subject, jsonb_build_object(
      'latchId', kept.latch_id, 'scope', kept.scope, 'scopeValue', kept.scope_value, 'policy', kept.policy, 'reason', kept.reason, 'requestId', r.request_id));
  end loop;
end $$;
