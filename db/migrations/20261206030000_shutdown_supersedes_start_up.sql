-- Who shuts an account down wants no start-up of it any more: a graceful shutdown ends the start-ups of its account in the statement that
-- begins it, and takes over what they hold. It was refused for as long as one was under way, or waited for a person.

-- As before, and: a graceful shutdown supersedes start-ups; who is refused is told what to do.
-- `control` is locked before the run, in the order in which everything takes its locks: a start of the system has it before it ends runs.
create or replace function begin_runbook(p jsonb) returns jsonb language plpgsql as $$
declare
  r runbook_runs;
  holder runbook_runs;
  old runbook_runs;
  state text;
  found_there text;
  supersedes boolean;
begin
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid;
  supersedes := r.runbook = 'gracefulShutdown';
  if supersedes then
    perform from control where account = r.account for update;
  elsif not (p->>'runsUnderHalt')::boolean then
    -- A halt that is being written is waited for: one is before the run, or after its beginning, and never in between.
    perform from control where account = r.account for share;
  end if;
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid for update;
  if r.started_at is not null and r.ended_at is null then return jsonb_build_object('result', 'begun', 'before', run_before(r.run_id)); end if;
  if r.ended_at is not null then return jsonb_build_object('result', r.status, 'detail', r.detail); end if;
  if r.epoch <> (select epoch from instance) then
    return jsonb_build_object('result', 'lapsed', 'detail', 'the ledger was restored since it was asked for');
  end if;
  if r.plan_sha256 is distinct from payload_hash(p->'plan') then
    return jsonb_build_object('result', 'lapsed', 'detail', 'what it would do now is not what was planned: ask for it again');
  end if;
  if r.requested_by is not null and not may_still(r.key_id, 'askRunbook') then
    return jsonb_build_object('result', 'lapsed', 'detail', 'who asked for it has left, may not ask for it any more, or the key is revoked');
  end if;
  if not (p->>'runsUnderHalt')::boolean then
    found_there := halted_since(r.account, '-infinity');
    if found_there is not null then return jsonb_build_object('result', 'preempted', 'detail', found_there); end if;
  end if;
  -- What was begun before a restore holds nothing any more.
  delete from runbook_locks l using runbook_runs o where l.resource = r.resource and o.run_id = l.run_id and o.epoch <> r.epoch;
  insert into runbook_locks (resource, run_id) values (r.resource, r.run_id) on conflict do nothing;
  select o.* into holder from runbook_locks l join runbook_runs o using (run_id) where l.resource = r.resource;
  if holder.run_id is distinct from r.run_id and not (supersedes and coalesce(holder.runbook = 'startUp', false)) then
    return jsonb_build_object('result', 'locked', 'holder', holder.run_id, 'detail', coalesce('run ' || holder.run_id || ' (' || holder.runbook
      || ') is at work on ' || r.resource || ': keelson runbooks show ' || holder.run_id || ' tells how far it is, keelson runbooks abort ' || holder.run_id
      || ' ends it', 'run of another is at work on ' || r.resource));
  end if;
  -- Before anything ends for it: what nobody has approved supersedes nothing.
  if r.needs_approval then
    state := use_approval(r.run_id, 'runbook', runbook_payload(r));
    if state <> 'granted' then
      delete from runbook_locks where run_id = r.run_id;
      return jsonb_build_object('result', 'refused', 'detail', 'its approval is ' || state);
    end if;
  end if;
  if supersedes then
    -- Also one that has not begun: it would bring back what is paused here.
    for old in select * from runbook_runs where account = r.account and resource = r.resource and runbook = 'startUp' and ended_at is null
        and epoch = r.epoch order by created_at, run_id loop
      -- Before they end: what they hold is the shutdown's.
      perform take_runbook_hold(r.account, r.run_id, r.runbook, 'paused', 'the account is shut down');
      perform end_runbook(jsonb_build_object('runId', old.run_id, 'status', 'preempted', 'severity', 'warning', 'detail',
        'the account is shut down by run ' || r.run_id || coalesce(', asked for by ' || r.requested_by, '')));
      -- Its workflow may wait for a person, who would never come.
      insert into outbox (kind, data) values ('runbookEnded', jsonb_build_object('account', old.account, 'runId', old.run_id, 'runbook', old.runbook));
    end loop;
    insert into runbook_locks (resource, run_id) values (r.resource, r.run_id) on conflict do nothing;
  end if;
  update runbook_runs set status = 'running', detail = null, started_at = clock_timestamp() where run_id = r.run_id;
  insert into audit_events (kind, account, subject, data) values ('runbook.begun', r.account, r.requested_by,
    jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'planSha256', encode(r.plan_sha256, 'hex'), 'resource', r.resource));
  return jsonb_build_object('result', 'begun');
end $$;

-- As before, and: what ends because a person wants something else is as severe as whoever ends it says.
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
    'severity', coalesce(p->>'severity',
      case when r.status = 'completed' then 'info' when r.status = 'aborted' or left_out is not null then 'warning' else 'error' end),
    'summary', coalesce(left_out, 'Runbook ' || r.runbook || ' of ' || r.account || ': ' || r.status || coalesce(' (' || r.detail || ')', '')
      || case when hold is null or r.runbook = 'gracefulShutdown' and r.status in ('completed', 'completedWithFailures') then '' else
        coalesce('. The account stays as it is: ' || above || ', and then', '. It leaves the account in mode ' || (hold->>'mode') || ':') || ' keelson runbooks run startUp checks it and lets it go on, keelson resume does so unchecked' end)
      || '. See keelson runbooks show ' || r.run_id || '.'));
end $$;

-- As before, and: nobody is called for a run that has ended meanwhile.
create or replace function call_for_runbook(p jsonb) returns void language plpgsql as $$
declare
  r runbook_runs;
begin
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid and ended_at is null;
  if not found then return; end if;
  perform raise_alert(jsonb_build_object('key', 'runbook:' || r.run_id || ':' || (p->>'about'), 'account', r.account, 'kind', 'runbook.waits',
    'severity', p->>'severity', 'summary', 'Runbook ' || r.runbook || ' of ' || r.account || ' waits for a person: ' || (p->>'detail')
      || '. See keelson runbooks show ' || r.run_id || '.'));
end $$;
