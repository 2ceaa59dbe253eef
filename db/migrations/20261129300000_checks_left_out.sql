-- As before, and: what a schedule has begun while another run holds the resource was due, and nothing of it is done. People are told
-- what was not checked, what keeps it from it, and how to go on.
create or replace function end_runbook(p jsonb) returns void language plpgsql as $$
declare
  r runbook_runs;
  hold jsonb;
  above text;
  left_out text;
begin
  update runbook_runs set status = p->>'status', detail = p->>'detail', ended_at = clock_timestamp()
    where run_id = (p->>'runId')::uuid and ended_at is null returning * into r;
  if not found then return; end if;
  delete from runbook_locks where run_id = r.run_id;
  -- What it has held it does not let go by ending: people are told how to go on.
  select c.runbook_hold, paused_above(c) into hold, above from control c where c.account = r.account and c.runbook_hold->>'runId' = r.run_id::text;
  insert into audit_events (kind, account, subject, data) values ('runbook.ended', r.account, r.requested_by,
    jsonb_strip_nulls(jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'status', r.status, 'detail', r.detail)));
  if r.status = 'locked' and r.requested_by is null then left_out := runbook_left_out(r); end if;
  perform raise_alert(jsonb_build_object('key', 'runbook:' || r.run_id, 'account', r.account, 'kind', 'runbook.' || r.status,
    'severity', case when r.status = 'completed' then 'info' when r.status = 'aborted' or left_out is not null then 'warning' else 'error' end,
    'summary', coalesce(left_out, 'Runbook ' || r.runbook || ' of ' || r.account || ': ' || r.status || coalesce(' (' || r.detail || ')', '')
      || case when hold is null or r.runbook = 'gracefulShutdown' and r.status in ('completed', 'completedWithFailures') then '' else
        coalesce('. The account stays as it is: ' || above || ', and then', '. It leaves the account in mode ' || (hold->>'mode') || ':') || ' keelson runbooks run startUp checks it and lets it go on, keelson resume does so unchecked' end)
      || '. See keelson runbooks show ' || r.run_id || '.'));
end $$;

-- What a run that could not begin has left out, for people, without the last full stop.
create function runbook_left_out(r runbook_runs) returns text language plpgsql stable as $$
declare
  holder runbook_runs;
  why text;
  begun text := 'Runbook ' || r.runbook || ' of ' || r.account || ' was due at ' || to_char(r.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
    || ' UTC and has not begun: nothing of it was checked, ';
  after text := ', and keelson runbooks run ' || r.runbook || ' then makes up for what was due';
begin
  select o.* into holder from runbook_locks l join runbook_runs o using (run_id) where l.resource = r.resource;
  -- It has ended meanwhile.
  if holder.run_id is null then return begun || 'since another run was at work: keelson runbooks run ' || r.runbook || ' makes up for what was due'; end if;
  if holder.status = 'paused' then
    select 'paused by ' || c.subject || ': ' || c.reason into why from runbook_commands c
      where c.run_id = holder.run_id and c.kind = 'pause' and c.applied_at is not null order by c.applied_at desc limit 1;
  end if;
  return begun || 'since run ' || holder.run_id || ' is at work since ' || to_char(holder.created_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC ('
    || coalesce(why, holder.status || coalesce(': ' || holder.detail, '')) || '). '
    || case when holder.status = 'paused' then 'keelson runbooks resume ' || holder.run_id || ' lets that one go on, keelson runbooks abort ' || holder.run_id || ' ends it'
       else 'It waits for people, or is at work: keelson runbooks abort ' || holder.run_id || ' ends it' end || after;
end $$;
