-- People are told of a part of a run that the database has refused for long, once for each time that it was begun.
create function hold_up_runbook_part(p jsonb) returns void language plpgsql as $$
declare
  r runbook_runs;
  step jsonb;
begin
  select * into r from runbook_runs where run_id = (p->>'runId')::uuid and ended_at is null;
  if not found then return; end if;
  step := r.plan->'steps'->(p->>'position')::integer;
  perform raise_alert(jsonb_build_object(
    'key', concat_ws(':', 'runbook.heldUp', r.run_id, p->>'position', p->>'attempt', p->>'part', p->>'begunTime'),
    'account', r.account, 'kind', 'runbook.heldUp', 'severity', 'error',
    'data', jsonb_build_object('runId', r.run_id, 'runbook', r.runbook, 'position', (p->>'position')::integer, 'step', step->>'name',
      'part', p->>'part', 'detail', p->>'detail'),
    'summary', 'Runbook ' || r.runbook || ' of ' || r.account || ' is held up: the database refuses the ' || (p->>'part') || ' of step '
      || ((p->>'position')::integer + 1) || ' (' || coalesce(step->>'title', step->>'name', '?') || ') for more than a minute, at last with '
      || (p->>'detail') || '. It is tried on until it is done. See what the database is short of (locks, disk, load); keelson runbooks abort '
      || r.run_id || ' gives the run up. See keelson runbooks show ' || r.run_id || '.'));
end $$;

-- It goes on: what people were told of it is not told again.
create function go_on_with_runbook_part(p jsonb) returns void language sql as $$
  update alerts set next_at = null where kind = 'runbook.heldUp' and next_at is not null
    and starts_with(alert_key, concat_ws(':', 'runbook.heldUp', p->>'runId', p->>'position', p->>'attempt', p->>'part') || ':')
$$;

-- Also where whatever held it up was the end of its run, and nobody went on with it.
create function quiet_held_up_of_run() returns trigger language plpgsql as $$
begin
  update alerts set next_at = null where kind = 'runbook.heldUp' and next_at is not null
    and starts_with(alert_key, 'runbook.heldUp:' || new.run_id || ':');
  return null;
end $$;
create trigger runbook_runs_held_up after update of ended_at on runbook_runs for each row
  when (old.ended_at is null and new.ended_at is not null) execute function quiet_held_up_of_run();
