-- As before, and: what a run has waited for it waits for no more when it has begun.
create or replace function begin_runbook(p jsonb) returns jsonb language plpgsql as $$
declare
  r runbook_runs;
  holder uuid;
  state text;
  found_there text;
begin
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid for update;
  if r.started_at is not null and r.ended_at is null then return jsonb_build_object('result', 'begun'); end if;
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
    -- A halt that is being written is waited for: one is before the run, or after its beginning, and never in between.
    perform from control where account = r.account for share;
    found_there := halted_since(r.account, '-infinity');
    if found_there is not null then return jsonb_build_object('result', 'preempted', 'detail', found_there); end if;
  end if;
  -- What was begun before a restore holds nothing any more.
  delete from runbook_locks l using runbook_runs o where l.resource = r.resource and o.run_id = l.run_id and o.epoch <> r.epoch;
  insert into runbook_locks (resource, run_id) values (r.resource, r.run_id) on conflict do nothing;
  select l.run_id into holder from runbook_locks l where l.resource = r.resource;
  if holder is distinct from r.run_id then
    return jsonb_build_object('result', 'locked', 'holder', holder, 'detail', 'run ' || coalesce(holder::text, 'of another') || ' is at work on ' || r.resource);
  end if;
  if r.needs_approval then
    state := use_approval(r.run_id, 'runbook', runbook_payload(r));
    if state <> 'granted' then
      delete from runbook_locks where run_id = r.run_id;
      return jsonb_build_object('result', 'refused', 'detail', 'its approval is ' || state);
    end if;
  end if;
  update runbook_runs set status = 'running', detail = null, started_at = clock_timestamp() where run_id = r.run_id;
  insert into audit_events (kind, account, subject, data) values ('runbook.begun', r.account, r.requested_by,
    jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'planSha256', encode(r.plan_sha256, 'hex'), 'resource', r.resource));
  return jsonb_build_object('result', 'begun');
end $$;
