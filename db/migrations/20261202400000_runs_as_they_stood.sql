-- A run that is begun anew, since its workflow is gone, goes on as it stood: paused by a person it stays paused, and what people have
-- decided about its steps is not asked again.

-- How a run stands by its records. A pause and its end follow each other, so that more of the one than of the other is a pause, whatever the
-- clock says; and where the last word is a pause, as after one that nobody carried over, that is one, too.
create function run_before(the_run uuid) returns jsonb language sql stable as $$
  select jsonb_build_object(
    'isPaused', given_up(the_run) is null and (
      count(*) filter (where kind = 'pause') > count(*) filter (where kind = 'resume')
      or coalesce((array_agg(kind order by applied_at desc) filter (where kind in ('pause', 'resume')))[1] = 'pause', false)),
    'answers', coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'position', position, 'subject', subject, 'reason', reason) order by applied_at)
      filter (where kind in ('retry', 'skip', 'sign')), '[]'),
    'reached', (select jsonb_build_object('position', t.position, 'attempt', t.attempt, 'ended', (array_agg(t.part order by
        array_position(array['precondition', 'action', 'verification'], t.part) desc) filter (where t.ended_at is not null))[1])
      from runbook_parts t where t.run_id = the_run and t.part in ('precondition', 'action', 'verification')
      group by t.position, t.attempt order by t.position desc, t.attempt desc limit 1))
  from runbook_commands where run_id = the_run and applied_at is not null
$$;

-- As before, and: of a run that has begun it answers how it stands.
create or replace function begin_runbook(p jsonb) returns jsonb language plpgsql as $$
declare
  r runbook_runs;
  holder uuid;
  state text;
  found_there text;
begin
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
